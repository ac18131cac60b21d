//! The presence scripts that are about people, and what they answer.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hubbub_core::{Claim, Exit, Name, Occupancy, Occupant, RoomId, UserId};
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
    First {
        version: u64,
        count: usize,
    },
    Again,
    Taken,
    /// The node has no lease.
    Fenced,
}

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

    /// This incarnation's first session of someone.
    pub(crate) async fn enter(&self, incarnation: &str, claim: &Claim) -> Result<Entered, Failure> {
        let answer: Vec<String> = self
            .shards
            .call(&self.partition.prefix(), Lane::Quick, script::ENTER.name, |_| {
                self.ask_enter(incarnation, claim)
            })
            .await?;
        entered(&answer)
    }

    /// Many at once, in no certain order.
    pub(crate) async fn enter_all(
        &self,
        incarnation: &str,
        claims: &[Claim],
    ) -> Result<Vec<Entered>, Failure> {
        let mut all = Vec::with_capacity(claims.len());
        for some in claims.chunks(TOGETHER) {
            let make = |_: &_| {
                let mut pipeline = redis::pipe();
                for claim in some {
                    pipeline.add_command(self.ask_enter(incarnation, claim));
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

    /// This incarnation's last session of someone. Answers the version, if it was the cluster's last.
    pub(crate) async fn leave(&self, incarnation: &str, exit: &Exit) -> Result<Option<u64>, Failure> {
        let answer: Vec<String> = self
            .shards
            .call(&self.partition.prefix(), Lane::Quick, script::LEAVE.name, |_| {
                self.ask_leave(incarnation, exit)
            })
            .await?;
        Ok(answer.get(1).and_then(|version| version.parse().ok()))
    }

    /// Everyone in a room.
    pub(crate) async fn occupants(&self, room: &RoomId) -> Result<Occupancy, Failure> {
        let key = self.partition.room(room);
        let make = |_: &_| {
            let mut cmd = redis::cmd("HGETALL");
            cmd.arg(&key);
            cmd
        };
        let fields: HashMap<String, String> = self.shards.call(&key, Lane::Long, "occupants", make).await?;
        let version = match fields.get(keys::VERSION) {
            Some(version) => version.parse().unwrap_or_default(),
            None => {
                self.shards
                    .call(&key, Lane::Quick, script::VERSION.name, |_| script::VERSION.on(&[&key]))
                    .await?
            }
        };
        let mut occupants: Vec<_> =
            fields.iter().filter_map(|(field, record)| occupant(field, record)).collect();
        occupants.sort_by(|a, b| a.user.cmp(&b.user));
        Ok(Occupancy { version, occupants })
    }

    /// How many people are in a room: its hash has one field more, its version.
    pub(crate) async fn count(&self, room: &RoomId) -> Result<usize, Failure> {
        let key = self.partition.room(room);
        let make = |_: &_| {
            let mut cmd = redis::cmd("HLEN");
            cmd.arg(&key);
            cmd
        };
        let fields: usize = self.shards.call(&key, Lane::Quick, "count", make).await?;
        Ok(fields.saturating_sub(1))
    }

    /// The pairs that Redis thinks an incarnation holds.
    pub(crate) async fn held(&self, incarnation: &str) -> Result<HashSet<(RoomId, UserId)>, Failure> {
        let key = self.partition.held(incarnation);
        let make = |_: &_| {
            let mut cmd = redis::cmd("SMEMBERS");
            cmd.arg(&key);
            cmd
        };
        let members: Vec<String> = self.shards.call(&key, Lane::Long, "held", make).await?;
        Ok(members.iter().filter_map(|pair| keys::parse_pair(pair)).collect())
    }

    fn ask_enter(&self, incarnation: &str, claim: &Claim) -> Cmd {
        let (room, p) = (&claim.room, self.partition);
        let keys = [p.meta(), p.nodes(), p.grace(), p.room(room), p.held(incarnation), p.channel(room)];
        let mut cmd = script::ENTER.on(&keys);
        cmd.arg(incarnation).arg(keys::pair(room, &claim.user)).arg(claim.user.as_str());
        cmd.arg(subject(claim.subject.as_deref()))
            .arg(claim.name.as_str())
            .arg(wire::origin(Some(claim.session)))
            .arg(self.shards.say);
        cmd
    }

    fn ask_leave(&self, incarnation: &str, exit: &Exit) -> Cmd {
        let (room, p) = (&exit.room, self.partition);
        let keys = [p.grace(), p.room(room), p.held(incarnation), p.channel(room)];
        let mut cmd = script::LEAVE.on(&keys);
        cmd.arg(keys::pair(room, &exit.user)).arg(exit.user.as_str());
        cmd.arg(wire::origin(Some(exit.session))).arg(millis(exit.grace)).arg(self.shards.say);
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
    match answer.first()?.as_str() {
        "first" => Some(Entered::First {
            version: answer.get(1)?.parse().ok()?,
            count: answer.get(2)?.parse().ok()?,
        }),
        "again" => Some(Entered::Again),
        "taken" => Some(Entered::Taken),
        "fenced" => Some(Entered::Fenced),
        _ => None,
    }
}

fn subject(subject: Option<&str>) -> String {
    subject.map_or_else(|| "-1:".to_owned(), |subject| format!("{}:{subject}", subject.len()))
}

/// `<nodes>:<token>:<bytes of the subject, or -1>:<subject><name>`
fn occupant(field: &str, record: &str) -> Option<Occupant> {
    let user = keys::parse_user(field)?;
    let mut parts = record.splitn(4, ':').skip(2);
    let length: i64 = parts.next()?.parse().ok()?;
    let (_, name) = parts.next()?.split_at_checked(usize::try_from(length.max(0)).ok()?)?;
    let name = Name::parse(name).inspect_err(|_| metrics::malformed(1)).ok()?;
    Some(Occupant { user, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_past_its_subject() {
        let ann = Occupant { user: UserId::new("ann"), name: Name::parse("Ann: a").expect("a name") };
        assert_eq!(occupant("uann", "2:17:-1:Ann: a"), Some(ann.clone()));
        assert_eq!(occupant("uann", "0:17:4:a:b:Ann: a"), Some(ann));
        for strange in ["", "1:2", "1:2:3:ab", "1:2:x:ann", "1:2:-1:"] {
            assert_eq!(occupant("uann", strange), None, "{strange}");
        }
        assert_eq!(occupant("v", "1700000000000000"), None);
    }
}
