//! The presence scripts that are about people, and what they answer.

use std::{collections::HashMap, sync::Arc};

use hubbub_core::{Arrival, Claim, Exit, Name, Occupancy, Occupant, RoomId, UserId};
use redis::Cmd;

use crate::{
    keys::{self, Partition},
    links::{Failure, Lane},
    logs::millis,
    metrics, script,
    shards::Shards,
    wire,
};

/// Claims that are made in one round trip.
const TOGETHER: usize = 200;

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    Decided(Arrival),
    /// The node has no lease.
    Fenced,
}

/// What a node holds, or Redis thinks that it does: pairs, and with how many sessions.
pub(crate) type Held = HashMap<(RoomId, UserId), usize>;

/// The people of one partition's rooms, as Redis knows them.
#[derive(Debug, Clone)]
pub(crate) struct People {
    shards: Arc<Shards>,
    partition: Partition,
}

impl People {
    pub(crate) fn new(shards: Arc<Shards>, partition: Partition) -> Self {
        Self { shards, partition }
    }

    /// This incarnation has so many sessions of someone, one of which has come.
    pub(crate) async fn enter(
        &self,
        incarnation: &str,
        claim: &Claim,
        sessions: usize,
    ) -> Result<Entered, Failure> {
        let answer: Vec<String> = self
            .shards
            .call(&self.partition.prefix(), Lane::Quick, script::ENTER.name, |_| {
                self.ask_enter(incarnation, claim, sessions)
            })
            .await?;
        entered(&answer)
    }

    /// Many at once, in no certain order.
    pub(crate) async fn enter_all(
        &self,
        incarnation: &str,
        claims: &[(Claim, usize)],
    ) -> Result<Vec<Entered>, Failure> {
        let mut all = Vec::with_capacity(claims.len());
        for some in claims.chunks(TOGETHER) {
            let make = |_: &_| {
                let mut pipeline = redis::pipe();
                for (claim, sessions) in some {
                    pipeline.add_command(self.ask_enter(incarnation, claim, *sessions));
                }
                pipeline
            };
            let answers: Vec<Vec<String>> =
                self.shards.pipeline(&self.partition.prefix(), Lane::Long, "rejoin", make).await?;
            for answer in answers {
                all.push(entered(&answer)?);
            }
        }
        Ok(all)
    }

    /// This incarnation has so many sessions of someone, after one has gone. Answers the version, if it was the cluster's
    /// last.
    pub(crate) async fn leave(
        &self,
        incarnation: &str,
        exit: &Exit,
        sessions: usize,
    ) -> Result<Option<u64>, Failure> {
        let answer: Vec<String> = self
            .shards
            .call(&self.partition.prefix(), Lane::Quick, script::LEAVE.name, |_| {
                self.ask_leave(incarnation, exit, sessions)
            })
            .await?;
        Ok(answer.get(1).and_then(|version| version.parse().ok()))
    }

    /// Many leave with all their sessions, in no certain order.
    pub(crate) async fn leave_all(&self, incarnation: &str, exits: &[Exit]) -> Result<(), Failure> {
        for some in exits.chunks(TOGETHER) {
            let make = |_: &_| {
                let mut pipeline = redis::pipe();
                for exit in some {
                    pipeline.add_command(self.ask_leave(incarnation, exit, 0));
                }
                pipeline
            };
            let _answers: Vec<Vec<String>> =
                self.shards.pipeline(&self.partition.prefix(), Lane::Long, "leave all", make).await?;
        }
        Ok(())
    }

    /// Everyone in a room.
    pub(crate) async fn occupants(&self, room: &RoomId) -> Result<Occupancy, Failure> {
        let key = self.partition.room(room);
        let make = |_: &_| {
            let mut cmd = redis::cmd("HGETALL");
            cmd.arg(&key);
            cmd
        };
        let mut fields: HashMap<String, String> =
            self.shards.call(&key, Lane::Long, "occupants", make).await?;
        if !fields.contains_key(keys::VERSION) {
            let make = |_: &_| script::VERSION.on(&[&key]);
            fields = self.shards.call(&key, Lane::Quick, script::VERSION.name, make).await?;
        }
        let version = fields.get(keys::VERSION).and_then(|version| version.parse().ok()).unwrap_or_default();
        let mut occupants: Vec<_> =
            fields.iter().filter_map(|(field, record)| occupant(field, record)).collect();
        occupants.sort_by(|a, b| a.user.cmp(&b.user));
        Ok(Occupancy { version, occupants })
    }

    /// What Redis thinks that an incarnation holds.
    pub(crate) async fn held(&self, incarnation: &str) -> Result<Held, Failure> {
        let p = self.partition;
        let make = |_: &_| {
            let mut pipeline = redis::pipe();
            pipeline.cmd("SMEMBERS").arg(p.held(incarnation)).cmd("HGETALL").arg(p.more(incarnation));
            pipeline
        };
        let (pairs, more): (Vec<String>, HashMap<String, usize>) =
            self.shards.pipeline(&p.prefix(), Lane::Long, "held", make).await?;
        let held = |pair: &String| Some((keys::parse_pair(pair)?, more.get(pair).copied().unwrap_or(1)));
        Ok(pairs.iter().filter_map(held).collect())
    }

    fn ask_enter(&self, incarnation: &str, claim: &Claim, sessions: usize) -> Cmd {
        let (room, p) = (&claim.room, self.partition);
        let (held, more) = (p.held(incarnation), p.more(incarnation));
        let keys = [p.meta(), p.nodes(), p.grace(), p.room(room), held, more, p.channel(room)];
        let mut cmd = script::ENTER.on(&keys);
        cmd.arg(incarnation).arg(keys::pair(room, &claim.user)).arg(claim.user.as_str());
        cmd.arg(subject(claim.subject.as_deref()))
            .arg(claim.name.as_str())
            .arg(wire::origin(Some(claim.session)))
            .arg(sessions)
            .arg(u8::from(claim.renames))
            .arg(self.shards.say);
        cmd
    }

    fn ask_leave(&self, incarnation: &str, exit: &Exit, sessions: usize) -> Cmd {
        let (room, p) = (&exit.room, self.partition);
        let keys = [p.grace(), p.room(room), p.held(incarnation), p.more(incarnation), p.channel(room)];
        let mut cmd = script::LEAVE.on(&keys);
        cmd.arg(keys::pair(room, &exit.user)).arg(exit.user.as_str());
        cmd.arg(wire::origin(Some(exit.session))).arg(millis(exit.grace));
        cmd.arg(sessions).arg(self.shards.say);
        cmd
    }
}

fn entered(answer: &[String]) -> Result<Entered, Failure> {
    outcome(answer).ok_or_else(|| {
        let strange = (redis::ErrorKind::UnexpectedReturnType, "unknown outcome");
        Failure::Refused(script::ENTER.name, strange.into())
    })
}

fn outcome(answer: &[String]) -> Option<Entered> {
    let number = |at: usize| answer.get(at)?.parse::<u64>().ok();
    let at = || Some((number(1)?, usize::try_from(number(2)?).ok()?));
    Some(Entered::Decided(match answer.first()?.as_str() {
        "first" => at().map(|(version, count)| Arrival::First { version, count })?,
        "again" => at().map(|(version, count)| Arrival::Again { version, count })?,
        "taken" => Arrival::Taken,
        "fenced" => return Some(Entered::Fenced),
        _ => return None,
    }))
}

fn subject(subject: Option<&str>) -> String {
    subject.map_or_else(|| "-1:".to_owned(), |subject| format!("{}:{subject}", subject.len()))
}

/// `<nodes>:<devices>:<token>:<bytes of the subject, or -1>:<subject><name>`
fn occupant(field: &str, record: &str) -> Option<Occupant> {
    let user = keys::parse_user(field)?;
    let mut parts = record.splitn(5, ':').skip(1);
    let devices = parts.next()?.parse().ok()?;
    let length: i64 = parts.nth(1)?.parse().ok()?;
    let (_, name) = parts.next()?.split_at_checked(usize::try_from(length.max(0)).ok()?)?;
    let name = Name::parse(name).inspect_err(|_| metrics::malformed(1)).ok()?;
    Some(Occupant { user, name, devices })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_past_its_subject() {
        let ann =
            Occupant { user: UserId::new("ann"), name: Name::parse("Ann: a").expect("a name"), devices: 3 };
        assert_eq!(occupant("uann", "2:3:17:-1:Ann: a"), Some(ann.clone()));
        assert_eq!(occupant("uann", "0:0:17:4:a:b:Ann: a"), Some(Occupant { devices: 0, ..ann }));
        for strange in ["", "1:2", "1:1:2:3:ab", "1:1:2:x:ann", "1:x:2:-1:ann", "1:1:2:-1:"] {
            assert_eq!(occupant("uann", strange), None, "{strange}");
        }
        assert_eq!(occupant("v", "1700000000000000"), None);
    }
}
