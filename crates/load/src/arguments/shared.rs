//! What several workloads ask for in the same words.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::{
    positive,
    target::{Node, Path},
};
use crate::{
    plan::Mix,
    wire::payload::Eio,
    words::{dialect::Dialect, stamp},
};

/// Where everything is, and where the figures go.
#[derive(Args, Debug)]
pub(crate) struct Places {
    /// A node, as `http://HOST:PORT`; repeat it for more, clients are spread over them in turn
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) url: Vec<Node>,
    /// The engine's path, with both slashes [default: /sio/socket.io/ for 003, /socket.io/ for the others]
    #[arg(long)]
    pub(crate) path: Option<Path>,
    /// Server processes on this machine whose CPU time and memory count
    #[arg(long, num_args = 1..)]
    pub(crate) pid: Vec<u32>,
    /// Redis's processes on this machine, whose CPU time and memory count apart
    #[arg(long, value_name = "PID", num_args = 1..)]
    pub(crate) redis_pid: Vec<u32>,
    /// Write the figures here too, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What a workload wants to know whose clients all speak one vocabulary.
#[derive(Args, Debug)]
pub(crate) struct Target {
    #[command(flatten)]
    pub(crate) places: Places,
    /// The vocabulary to speak
    #[arg(long, value_enum, default_value_t = Dialect::Response)]
    pub(crate) dialect: Dialect,
    /// The room to join, where the vocabulary has rooms (v1) [default: a new one for each run]
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// Threads of the load generator [default: one for every four processors]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// How long to wait for all clients to be connected, and again for each to hear a first message
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) patience: u64,
}

/// One room.
#[derive(Args, Debug)]
pub(crate) struct Listeners {
    /// How many clients listen
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) clients: u32,
    /// How many of them talk as well
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) senders: u32,
}

/// How long people talk, and how much each says at a time.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Talk {
    /// How long to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// How long to talk before measuring
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub(crate) warm_up: u64,
    /// How long a silence ends the wait for what is still missing
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) drain: u64,
    #[command(flatten)]
    pub(crate) text: Text,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Text {
    /// The size of a text
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(stamp::LENGTH as i64..))]
    pub(crate) bytes: u32,
}

/// As fast as the server can, or so fast.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Loop {
    /// Closed loop: a sender says the next when it has heard its own, as fast as the server can
    #[arg(long, required_unless_present = "rate", conflicts_with = "rate")]
    pub(crate) closed: bool,
    /// Closed loop: messages of each sender under way at a time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) inflight: u32,
    /// Open loop: messages a second, of all senders together, whether heard or not
    #[arg(long, value_name = "MESSAGES_PER_SECOND", value_parser = positive)]
    pub(crate) rate: Option<f64>,
}

/// What carries the clients' sessions.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Carriers {
    /// How many of a hundred clients poll, each request at another node than the one before
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) polling: u32,
    /// How many of a hundred poll until they are in, and become WebSockets then
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) upgraded: u32,
}

/// Many who come and go at once, and a few who stay and see it.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Witnessed {
    /// How many come and go at once
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) clients: u32,
    /// How many stay; the first of them talks
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) observers: u32,
    /// Messages a second
    #[arg(long, value_name = "MESSAGES_PER_SECOND", default_value_t = 5.0, value_parser = positive)]
    pub(crate) rate: f64,
}

impl Carriers {
    pub(crate) fn mix(self) -> anyhow::Result<Mix> {
        let Self { polling, upgraded } = self;
        ensure!(polling + upgraded <= 100, "--polling and --upgraded are parts of the same hundred");
        Ok(Mix { polling, upgraded, eio: Eio::Four })
    }
}

impl Loop {
    /// As a table says it.
    pub(crate) fn words(inflight: Option<u32>, rate: Option<f64>) -> String {
        match (rate, inflight) {
            (Some(rate), _) => format!("open, {rate} messages/s"),
            (None, inflight) => format!("closed, {} in flight each", inflight.unwrap_or_default()),
        }
    }
}
