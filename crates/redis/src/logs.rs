//! The rooms' logs in Redis: append, and read.

use std::{sync::Arc, time::Duration};

use hubbub_core::{
    Draft, Envelope, History, Millis, Place, Position, REACTIONS, Receipt, Recent, Revised, Revision, RoomId,
    Side,
};
use redis::Cmd;

use crate::{
    Options,
    keys::Log,
    links::{Failure, Lane, Link},
    metrics, script,
    shards::Shards,
    wire,
};

/// How long a retry under the same key is said only once.
const REMEMBERED: Duration = Duration::from_mins(5);

/// A log's positions are kept for at least so long: an empty room has one too, and so has one that someone listens to.
const SHORTEST_KEPT: Duration = Duration::from_hours(1);

/// Entries that can be asked for at most: more than any history, few enough for a Lua number.
const MOST: usize = 1_000_000;

/// Bytes of entries that are read at once, about: one at least.
const PIECE: usize = 256 * 1_024;

/// The rooms' logs.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    shards: Arc<Shards>,
    length: usize,
    age: Millis,
    keep: Millis,
}

impl Logs {
    pub(crate) fn new(shards: Arc<Shards>, options: &Options) -> Self {
        let keep = millis(options.history_age.max(SHORTEST_KEPT));
        Self { shards, length: options.history_length, age: millis(options.history_age), keep }
    }

    pub(crate) async fn publish(&self, draft: &Draft) -> Result<Receipt, Unsaid> {
        let body = wire::body(draft.origin, &draft.message)?;
        let log = Log(&draft.room);
        let keys = [&log.kept()[..], &[log.known(&draft.key), log.channel()]].concat();
        let call = |link: &Link| {
            let mut cmd = script::PUBLISH.on(&keys);
            cmd.arg(&*link.run).arg(self.keep).arg(self.length).arg(self.age);
            cmd.arg(millis(REMEMBERED)).arg(&body).arg(self.shards.say);
            cmd
        };
        let (place, duplicate): (String, bool) =
            self.shards.call(&keys[0], Lane::Quick, script::PUBLISH.name, call).await?;
        receipt(&place, duplicate).ok_or(Unsaid::Unplaced)
    }

    pub(crate) async fn revise(&self, revision: &Revision) -> Result<Revised, Unsaid> {
        let body = wire::update(revision)?;
        let log = Log(&revision.room);
        let keys = [&log.kept()[..], &[log.known(&revision.key), log.channel()]].concat();
        let Position { epoch, seq } = revision.target;
        let (op, value) = wire::operation(&revision.change);
        let call = |link: &Link| {
            let mut cmd = script::REVISE.on(&keys);
            cmd.arg(&*link.run).arg(self.keep).arg(self.length).arg(self.age).arg(millis(REMEMBERED));
            cmd.arg(REACTIONS).arg(epoch).arg(seq).arg(revision.user.as_str()).arg(op).arg(value).arg(&body);
            cmd.arg(self.shards.say);
            cmd
        };
        let answer: Vec<String> = self.shards.call(&keys[0], Lane::Quick, script::REVISE.name, call).await?;
        revised(&answer).ok_or(Unsaid::Unplaced)
    }

    pub(crate) async fn history(
        &self,
        room: &RoomId,
        side: Side,
        limit: usize,
    ) -> Result<Option<History>, Failure> {
        let (side, Position { epoch, seq }) = match side {
            Side::End => ("end", Position::BEGINNING),
            Side::Before(position) => ("before", position),
            Side::After(position) => ("after", position),
        };
        let keys = Log(room).kept();
        let call = |link: &Link| {
            let mut cmd = script::HISTORY.on(&keys);
            cmd.arg(&*link.run).arg(self.keep).arg(side).arg(epoch).arg(seq).arg(limit.min(MOST)).arg(PIECE);
            cmd
        };
        let (is_there, more, frames): (bool, bool, Vec<Vec<u8>>) =
            self.shards.call(&keys[0], Lane::Long, script::HISTORY.name, call).await?;
        let mut envelopes: Vec<_> = frames.iter().filter_map(|frame| read(room, frame)).collect();
        if side != "after" {
            envelopes.reverse();
        }
        Ok(is_there.then_some(History { envelopes, more }))
    }

    pub(crate) async fn recent(&self, room: &RoomId, limit: usize) -> Result<Recent, Failure> {
        let (key, call) = (Log(room).meta(), |link: &Link| self.ask_recent(link, room, limit));
        let (epoch, seq, frames): (u64, u64, Vec<Vec<u8>>) =
            self.shards.call(&key, Lane::Long, script::RECENT.name, call).await?;
        let envelopes = frames.iter().rev().filter_map(|frame| read(room, frame)).collect();
        Ok(Recent { top: Position { epoch, seq }, envelopes })
    }

    /// The command behind [`Self::recent`]; its answer begins with the top.
    pub(crate) fn ask_recent(&self, link: &Link, room: &RoomId, limit: usize) -> Cmd {
        let mut cmd = script::RECENT.on(&Log(room).kept());
        cmd.arg(&*link.run).arg(self.keep).arg(limit.min(MOST));
        cmd
    }

    /// Up to `limit` entries after `since`, fewer where they are long. Where the epoch is another, at the latest from where
    /// the log's own begins.
    pub(crate) async fn suffix(
        &self,
        room: &RoomId,
        since: Position,
        limit: usize,
    ) -> Result<Suffix, Failure> {
        let keys = Log(room).kept();
        let call = |link: &Link| {
            let mut cmd = script::RECOVER.on(&keys);
            cmd.arg(&*link.run).arg(self.keep).arg(since.epoch).arg(since.seq);
            cmd.arg(limit.min(MOST)).arg(PIECE);
            cmd
        };
        let (epoch, seq, first, frames): (u64, u64, u64, Vec<Vec<u8>>) =
            self.shards.call(&keys[0], Lane::Long, script::RECOVER.name, call).await?;
        let entries = frames.iter().filter_map(|frame| entry(room, frame)).collect();
        Ok(Suffix { top: Position { epoch, seq }, first, entries })
    }
}

/// Why something was not said, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsaid {
    #[error(transparent)]
    Unwritten(#[from] wire::Malformed),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("redis gave no position")]
    Unplaced,
}

/// The command that keeps a log's positions from being forgotten while someone listens.
pub(crate) fn ask_keep(room: &RoomId) -> Cmd {
    let mut cmd = redis::cmd("PEXPIRE");
    cmd.arg(Log(room).meta()).arg(millis(SHORTEST_KEPT)).arg("GT");
    cmd
}

/// What comes after a position.
#[derive(Debug, Clone)]
pub(crate) struct Suffix {
    /// The log's top, in the same step.
    pub(crate) top: Position,
    /// The first offset of its epoch.
    pub(crate) first: u64,
    /// Oldest first. `None`: it is there, but cannot be understood.
    pub(crate) entries: Vec<(Position, Option<Envelope>)>,
}

impl Suffix {
    /// What follows `since`, if nothing is missing in between.
    pub(crate) fn without_a_hole(self, since: Position) -> Option<Recent> {
        if since.epoch != self.top.epoch || since.seq > self.top.seq {
            return None;
        }
        let is_there = since.seq == self.top.seq || !self.entries.is_empty();
        let mut seqs = (since.seq + 1..).zip(&self.entries);
        if !is_there || !seqs.all(|(seq, (position, _))| position.seq == seq) {
            return None;
        }
        let envelopes: Option<Vec<_>> = self.entries.into_iter().map(|(_, envelope)| envelope).collect();
        Some(Recent { top: self.top, envelopes: envelopes? })
    }
}

fn entry(room: &RoomId, frame: &[u8]) -> Option<(Position, Option<Envelope>)> {
    match wire::Frame::parse(frame) {
        Ok(head) => {
            let Place::Logged(position) = head.place else { return None };
            Some((position, understood(head.envelope(room))))
        }
        Err(error) => understood(Err(error)),
    }
}

fn read(room: &RoomId, frame: &[u8]) -> Option<Envelope> {
    understood(wire::envelope(room, frame))
}

/// Drops what is malformed, and counts it.
pub(crate) fn understood<T>(read: Result<T, wire::Malformed>) -> Option<T> {
    read.inspect_err(|error| {
        metrics::malformed(1);
        tracing::debug!(%error, "ignored a malformed frame from redis");
    })
    .ok()
}

fn revised(answer: &[String]) -> Option<Revised> {
    Some(match (answer.first()?.as_str(), answer.get(1)) {
        ("unchanged", Some(top)) => Revised::Unchanged(receipt(top, true)?.position),
        ("not_found", _) => Revised::NotFound,
        ("forbidden", _) => Revised::Forbidden,
        ("full", _) => Revised::Full,
        (place, duplicate) => Revised::Done(receipt(place, duplicate?.as_str() == "1")?),
    })
}

/// `epoch:offset:milliseconds`, as the script gives it and keeps it.
fn receipt(place: &str, duplicate: bool) -> Option<Receipt> {
    let mut numbers = place.split(':').map(|number| number.parse().ok());
    let (epoch, seq, at) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Receipt { position: Position { epoch, seq }, at, duplicate })
}

pub(crate) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
