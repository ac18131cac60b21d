//! What was asked for, settled once and shared by every thread.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::{
    arguments::{
        shared::{Listeners, Loop, Talk, Target},
        target::{Node, Path},
    },
    wire::payload::Eio,
    words::{
        dialect::{Dialect, Script},
        stamp::RunTag,
    },
};

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Node>,
    pub(crate) path: Path,
    pub(crate) mix: Mix,
    pub(crate) script: Script,
    pub(crate) threads: u32,
    pub(crate) crowd: Crowd,
    /// All times in stamps count from here.
    pub(crate) began: Instant,
}

/// What carries the clients' sessions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mix {
    /// Of a hundred clients.
    pub(crate) polling: u32,
    pub(crate) upgraded: u32,
    pub(crate) eio: Eio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Engine.IO 4, without polling first.
    WebSocket,
    /// By polling until it is in its room, then by WebSocket.
    Upgraded,
    Polling(Eio),
}

impl Mix {
    /// 37 and 100 have no common divisor: each kind is spread evenly.
    fn transport_of(self, client: u32) -> Transport {
        match client % 100 * 37 % 100 {
            place if place < self.polling => Transport::Polling(self.eio),
            place if place < self.polling + self.upgraded => Transport::Upgraded,
            _ => Transport::WebSocket,
        }
    }

    /// How many connections so many clients may need: one that polls may have left one at every node, and one that posts.
    pub(crate) fn connections(self, clients: u32, nodes: usize) -> u32 {
        let polling = if self.polling + self.upgraded > 0 { clients } else { 0 };
        clients.saturating_add(polling.saturating_mul(u32::try_from(nodes).unwrap_or(u32::MAX)))
    }
}

/// The clients that stay for the whole run. Those of a room have consecutive numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd {
    pub(crate) rooms: u32,
    /// Of each room.
    pub(crate) members: u32,
    /// The first so many of each room talk.
    pub(crate) senders: u32,
    pub(crate) pace: Pace,
    /// The size of a text.
    pub(crate) bytes: usize,
    /// Who is cut off comes back (v1).
    pub(crate) comes_back: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Pace {
    #[default]
    Silent,
    /// The next when the first of so many has come back.
    Closed { inflight: u32 },
    /// So many a second, of all senders together.
    Open { rate: f64 },
}

impl Pace {
    pub(crate) fn of(asked: &Loop) -> Self {
        asked.rate.map_or(Self::Closed { inflight: asked.inflight }, |rate| Self::Open { rate })
    }
}

impl Crowd {
    /// One room.
    pub(crate) fn of(listeners: &Listeners, pace: Pace, talk: Talk) -> Self {
        let Listeners { clients: members, senders } = *listeners;
        Self { rooms: 1, members, senders, pace, bytes: talk.text.bytes as usize, comes_back: false }
    }

    pub(crate) fn clients(&self) -> u32 {
        self.rooms * self.members
    }

    pub(crate) fn room_of(&self, client: u32) -> u32 {
        client.checked_div(self.members).unwrap_or_default()
    }

    /// In its room; the first ones talk. Who only visits is in nobody's crowd.
    pub(crate) fn place_of(&self, client: u32) -> u32 {
        client.checked_rem(self.members).unwrap_or(client)
    }

    pub(crate) fn is_sender(&self, client: u32) -> bool {
        self.place_of(client) < self.senders
    }

    /// When it is whose turn of all who talk: the rooms take turns, and in each its senders.
    pub(crate) fn turn_of(&self, sender: u32) -> u32 {
        self.place_of(sender) * self.rooms + self.room_of(sender)
    }

    pub(crate) fn talkers(&self) -> u32 {
        self.rooms * self.senders
    }
}

impl Plan {
    pub(crate) fn new(target: &Target, crowd: Crowd) -> Self {
        let mut plan = Self::at(&target.places.url, target.places.path.as_ref(), target.dialect, crowd);
        if let Some(room) = &target.room {
            plan.script.room.clone_from(room);
        }
        plan.threads = target.threads.map_or(plan.threads, u32::from);
        plan
    }

    /// In a room of its own, with as many threads as suit the machine.
    pub(crate) fn at(nodes: &[Node], path: Option<&Path>, dialect: Dialect, crowd: Crowd) -> Self {
        let run = run_tag();
        Self {
            nodes: nodes.to_vec(),
            path: path.cloned().unwrap_or_else(|| Path(dialect.default_path().to_owned())),
            mix: Mix::default(),
            script: Script { dialect, run, room: format!("load-{}", run.as_str()) },
            threads: default_threads(),
            crowd,
            began: Instant::now(),
        }
    }

    /// Each request of a session that polls goes to another node than the one before.
    pub(crate) fn carried_by(self, mix: Mix) -> Self {
        Self { mix, ..self }
    }

    pub(crate) fn transport_of(&self, client: u32) -> Transport {
        self.mix.transport_of(client)
    }

    pub(crate) fn node_of(&self, client: u32) -> &Node {
        &self.nodes[client as usize % self.nodes.len()]
    }

    /// The clients of one thread.
    pub(crate) fn clients_of(&self, thread: u32) -> impl Iterator<Item = u32> + use<> {
        (thread..self.crowd.clients()).step_by(self.threads as usize)
    }

    /// What this client says: of its own room where there are several.
    pub(crate) fn script_of(&self, client: u32) -> Script {
        match self.crowd.rooms {
            0 | 1 => self.script.clone(),
            _ => self.script.in_room(self.crowd.room_of(client)),
        }
    }

    /// Nanoseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

pub(crate) fn run_tag() -> RunTag {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    RunTag::from_seed(
        since_epoch.as_secs() ^ u64::from(since_epoch.subsec_nanos()) << 8 ^ u64::from(std::process::id()),
    )
}

fn default_threads() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(processors / 4).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_clients_so_many_have_each_transport() {
        let mix = Mix { polling: 20, upgraded: 30, eio: Eio::Four };
        let count = |transport| (0..100).filter(|&client| mix.transport_of(client) == transport).count();
        let counts = [Transport::Polling(Eio::Four), Transport::Upgraded, Transport::WebSocket].map(count);
        assert_eq!(counts, [20, 30, 50]);
        assert_eq!((mix.connections(100, 2), Mix::default().connections(100, 2)), (300, 100));
    }

    #[test]
    fn the_senders_of_all_rooms_take_turns() {
        let crowd = Crowd { rooms: 3, members: 4, senders: 2, ..Crowd::default() };
        let senders: Vec<u32> = (0..crowd.clients()).filter(|&client| crowd.is_sender(client)).collect();
        assert_eq!(senders, [0, 1, 4, 5, 8, 9]);
        let mut turns: Vec<u32> = senders.iter().map(|&sender| crowd.turn_of(sender)).collect();
        turns.sort_unstable();
        assert_eq!(turns, [0, 1, 2, 3, 4, 5]);
        assert_eq!((crowd.talkers(), crowd.room_of(9), crowd.place_of(9)), (6, 2, 1));
        let nobody = Crowd::default();
        assert_eq!((nobody.clients(), nobody.room_of(9), nobody.is_sender(9)), (0, 0, false));
    }
}
