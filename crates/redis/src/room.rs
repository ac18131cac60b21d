//! One room that this node listens to.

use std::time::Instant;

use hubbub_core::{Envelope, Inbound, Position, RoomId};
use tokio::sync::oneshot;

use crate::{
    keys::Side,
    layout::ShardId,
    track::Track,
    versions::{Turn, Versions},
};

/// Who wants it, what Redis has confirmed of it, and where it stands.
#[derive(Debug)]
pub(crate) struct Room {
    /// Tells this one from an earlier one of the same name, whose answers may still be under way.
    pub(crate) birth: u64,
    pub(crate) listeners: usize,
    /// By [`Side`].
    pub(crate) channels: [Channel; 2],
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
    pub(crate) track: Track,
    pub(crate) versions: Versions,
    pub(crate) is_due: bool,
    /// The channel was cut, or something was dropped: presence must be read again.
    pub(crate) was_cut: bool,
    /// When a message was last heard.
    pub(crate) spoken: Instant,
    /// When a change of presence was last heard.
    pub(crate) moved: Instant,
    /// When Redis is next to be told that the log is in use.
    pub(crate) keep: Instant,
}

/// Whether Redis says it to us, and which of its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Off,
    /// It has been asked to.
    Asked(ShardId),
    On(ShardId),
}

impl Channel {
    /// Who says it, or has been asked to.
    pub(crate) fn shard(self) -> Option<ShardId> {
        match self {
            Self::Off => None,
            Self::Asked(shard) | Self::On(shard) => Some(shard),
        }
    }
}

/// A room to be compared with the top of its log.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) room: RoomId,
    pub(crate) birth: u64,
    pub(crate) at: Instant,
    /// Changes of presence may have been missed before.
    pub(crate) was_cut: bool,
    /// Redis should be told that the log is in use.
    pub(crate) keep: bool,
}

/// A room whose log is to be read on.
#[derive(Debug)]
pub(crate) struct Heal {
    pub(crate) room: RoomId,
    pub(crate) birth: u64,
    pub(crate) since: Position,
}

/// What follows from something heard or read.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// To be delivered, in this order.
    pub(crate) out: Vec<Inbound>,
    pub(crate) heal: Option<Heal>,
}

impl Room {
    pub(crate) fn new(birth: u64) -> Self {
        let now = Instant::now();
        Self {
            birth,
            listeners: 0,
            channels: [Channel::Off; 2],
            waiting: Vec::new(),
            track: Track::default(),
            versions: Versions::default(),
            is_due: false,
            was_cut: false,
            spoken: now,
            moved: now,
            keep: now,
        }
    }

    pub(crate) fn channel(&mut self, side: Side) -> &mut Channel {
        &mut self.channels[side as usize]
    }

    /// Nobody says it to us any more, so something may be missed.
    pub(crate) fn lose(&mut self, side: Side) {
        *self.channel(side) = Channel::Off;
        self.was_cut |= self.track.is_learned();
    }

    /// Both of its channels are.
    pub(crate) fn is_on(&self) -> bool {
        self.channels.iter().all(|channel| matches!(channel, Channel::On(_)))
    }

    /// Nobody wants it, and nobody says it.
    pub(crate) fn is_over(&self) -> bool {
        self.listeners == 0 && self.channels == [Channel::Off; 2]
    }

    /// Whatever is published from now on will be delivered, or missed with notice.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_on() && self.track.is_learned()
    }

    pub(crate) fn wake(&mut self) {
        if self.is_ready() {
            for waiting in self.waiting.drain(..) {
                // Who has stopped waiting has given back the subscription too.
                let _gone = waiting.send(());
            }
        }
    }

    pub(crate) fn turn(&mut self, version: u64, envelope: Envelope) -> Option<Inbound> {
        match self.versions.hear(version) {
            Turn::Next => Some(Inbound::Heard(envelope)),
            Turn::Old => None,
            Turn::Jump => Some(Inbound::PresenceGap { room: envelope.room }),
        }
    }

    pub(crate) fn compare_presence(&mut self, ask: &Ask, version: Option<u64>, out: &mut Vec<Inbound>) {
        if ask.was_cut {
            self.versions.forget();
        }
        if self.versions.compared(version, self.moved < ask.at) || ask.was_cut {
            out.push(Inbound::PresenceGap { room: ask.room.clone() });
        }
    }

    /// Nobody listens, but someone may again before Redis has been asked to stop: then this was not missed.
    pub(crate) fn hush(&self, mut effects: Effects) -> Effects {
        if self.listeners == 0 {
            effects.out.clear();
        }
        effects
    }

    pub(crate) fn heal(&self, room: RoomId, since: Option<Position>) -> Option<Heal> {
        since.map(|since| Heal { room, birth: self.birth, since })
    }
}
