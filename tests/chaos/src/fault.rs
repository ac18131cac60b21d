//! What can be broken, and how that is done and undone.

use std::fmt;

use crate::{crowd::Crowd, proxy::Way, stage::Stage};

/// Something to break. Nodes and clients are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a node, which is started again.
    KillNode(usize),
    /// SIGSTOP of a node: its connections stay and nothing answers.
    PauseNode(usize),
    /// All connections of a node's clients end at once, and new ones are welcome.
    CutClients(usize),
    /// A node's clients and the node send into a black hole.
    HoldClients(usize),
    /// A node has no connection to Redis and gets none.
    CutNode(usize),
    /// A node and Redis send into a black hole.
    HoldNode(usize),
    /// `kill -9` of Redis, which is started again with what it had on disk.
    KillRedis,
    /// SIGSTOP of Redis.
    PauseRedis,
    /// Redis throws the listening connections of all nodes out, as it does with those that read too slowly.
    KickSubscribers,
    /// A client reads nothing for a while.
    StallReader(usize),
}

/// What a fault breaks: the same thing is not broken twice at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A node's process.
    Node(usize),
    /// The way of its clients.
    Front(usize),
    /// Its way to Redis.
    Back(usize),
    /// Redis itself.
    Redis,
    /// A client.
    Reader(usize),
}

impl Fault {
    /// What it breaks.
    pub fn part(self) -> Part {
        match self {
            Self::KillNode(node) | Self::PauseNode(node) => Part::Node(node),
            Self::CutClients(node) | Self::HoldClients(node) => Part::Front(node),
            Self::CutNode(node) | Self::HoldNode(node) => Part::Back(node),
            Self::KillRedis | Self::PauseRedis | Self::KickSubscribers => Part::Redis,
            Self::StallReader(client) => Part::Reader(client),
        }
    }

    /// Breaks it.
    pub fn begin(self, stage: &mut Stage, crowd: &Crowd) {
        match self {
            Self::KillNode(node) => stage.kill(node),
            Self::PauseNode(node) => stage.pause(node),
            Self::CutClients(node) => stage.front(node).cut(),
            Self::HoldClients(node) => stage.front(node).set(Way::Held),
            Self::CutNode(node) => stage.back(node).set(Way::Refused),
            Self::HoldNode(node) => stage.back(node).set(Way::Held),
            Self::KillRedis => stage.kill_redis(),
            Self::PauseRedis => stage.redis().pause(),
            Self::KickSubscribers => stage.kick_subscribers(),
            Self::StallReader(client) => crowd.set_reading(client, false),
        }
    }

    /// Makes it whole again.
    pub fn end(self, stage: &mut Stage, crowd: &Crowd) {
        match self {
            Self::KillNode(node) => stage.start_again(node),
            Self::PauseNode(node) => stage.resume(node),
            Self::HoldClients(node) => stage.front(node).set(Way::Open),
            Self::CutNode(node) | Self::HoldNode(node) => stage.back(node).set(Way::Open),
            Self::KillRedis => stage.restart_redis(),
            Self::PauseRedis => stage.redis().resume(),
            Self::StallReader(client) => crowd.set_reading(client, true),
            Self::CutClients(_) | Self::KickSubscribers => {}
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillNode(node) => write!(f, "kill node {node}"),
            Self::PauseNode(node) => write!(f, "stop node {node}"),
            Self::CutClients(node) => write!(f, "cut the clients of node {node}"),
            Self::HoldClients(node) => write!(f, "black hole before node {node}"),
            Self::CutNode(node) => write!(f, "cut node {node} from Redis"),
            Self::HoldNode(node) => write!(f, "black hole between node {node} and Redis"),
            Self::KillRedis => write!(f, "kill Redis"),
            Self::PauseRedis => write!(f, "stop Redis"),
            Self::KickSubscribers => write!(f, "kick the subscribers"),
            Self::StallReader(client) => write!(f, "client {client} reads nothing"),
        }
    }
}
