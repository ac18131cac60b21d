//! The command line. What several workloads ask for is in `shared`, and what is behind a word of it in `target`.

pub(crate) mod shared;
pub(crate) mod target;

use clap::{Args, Parser, Subcommand};

use self::{
    shared::{Carriers, Listeners, Loop, Places, Talk, Target, Text, Witnessed},
    target::Node,
};
use crate::{machine::store::Store, wire::payload::Eio};

/// Load and verdicts for Socket.IO chat servers.
///
/// Connects many clients, lets some of them talk, and checks every message at every receiver:
/// lost, repeated, out of its sender's order, or in another order than the others heard it.
#[derive(Debug, Parser)]
#[command(version, after_help = include_str!("arguments/examples.txt").trim_end())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) workload: Workload,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workload {
    /// A few talk, all listen: deliveries a second, CPU per delivery, latency, and whether all arrived
    Fanout(Fanout),
    /// Many rooms, a few talk in each (v1): the same, and whether anything is heard in a room that is not its own
    Rooms(Rooms),
    /// Twice as much as the server has carried before: what becomes of it, of those who hear it, and of the server
    Overload(Overload),
    /// The same by long-polling, each request to another node: whether a balancer needs to know sessions
    Polling(Polling),
    /// What a request costs that lands on a node which has not its session, and must hand it over
    Handover(Handover),
    /// A few talk, all listen, but for one that reads no more: what it costs, and whether it is whole when it is back
    Stalled(Stalled),
    /// Connections that say nothing: the memory that the server needs for each
    Idle(Idle),
    /// Clients that come and go: what a connection costs to make, and whether the memory comes back
    Churn(Churn),
    /// Rounds of clients that come and go, half of them cut off: whether anything of them remains, anywhere
    Leaks(Leaks),
    /// All connections are cut at once and all come back at once: how long until all are whole, and who notices
    Storm(Storm),
    /// All come into one room within a second: what it costs, and how long a message to all has to wait
    Rush(Rush),
}

#[derive(Args, Debug)]
pub(crate) struct Fanout {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) listeners: Listeners,
    #[command(flatten)]
    pub(crate) pace: Loop,
    #[command(flatten)]
    pub(crate) carriers: Carriers,
    #[command(flatten)]
    pub(crate) talk: Talk,
}

#[derive(Args, Debug)]
pub(crate) struct Rooms {
    #[command(flatten)]
    pub(crate) target: Target,
    /// How many rooms
    #[arg(long = "rooms", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=99_999))]
    pub(crate) number: u32,
    /// How many listen in each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) members: u32,
    /// How many of each room talk as well
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) senders: u32,
    #[command(flatten)]
    pub(crate) pace: Loop,
    #[command(flatten)]
    pub(crate) talk: Talk,
}

#[derive(Args, Debug)]
pub(crate) struct Overload {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) listeners: Listeners,
    #[command(flatten)]
    pub(crate) talk: Talk,
    /// How long to measure first what the server carries in a closed loop, each time that more is in flight
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) carried: u64,
    /// Messages of each sender under way at a time in the closed loop, at first
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) inflight: u32,
    /// How many times as much is offered then, in an open loop
    #[arg(long, default_value_t = 2.0, value_parser = positive)]
    pub(crate) multiple: f64,
    /// What must be left of the deliveries a second that it carried, in parts of a hundred
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0)]
    pub(crate) keeps_at_least: f64,
}

#[derive(Args, Debug)]
pub(crate) struct Polling {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) listeners: Listeners,
    #[command(flatten)]
    pub(crate) talk: Talk,
    /// Engine.IO's protocol: 3 as Socket.IO 1.x and 2.x, 4 as 3.x and 4.x
    #[arg(long, value_enum, default_value_t)]
    pub(crate) eio: Eio,
    /// Messages a second, of all senders together
    #[arg(long, value_name = "MESSAGES_PER_SECOND", default_value_t = 5.0, value_parser = positive)]
    pub(crate) rate: f64,
}

#[derive(Args, Debug)]
pub(crate) struct Handover {
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) text: Text,
    /// A node of the same kind that belongs to no cluster, to compare with
    #[arg(long, value_name = "URL")]
    pub(crate) alone: Option<Node>,
    /// How often each way is measured, in turn with the others
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Messages of each way in each round, and as many by WebSocket
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) messages: u32,
    /// Messages a second, of all pairs together
    #[arg(long, value_name = "MESSAGES_PER_SECOND", default_value_t = 400.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// Pairs of polling sessions, one that talks and one that listens; each hears all
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..1000))]
    pub(crate) pairs: u32,
    /// What handing over may add to the 99th percentile, at the median of the rounds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 3.0, value_parser = positive)]
    pub(crate) added_at_most: f64,
}

#[derive(Args, Debug)]
pub(crate) struct Stalled {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) listeners: Listeners,
    #[command(flatten)]
    pub(crate) talk: Talk,
    /// The node's metrics, as `http://HOST:PORT`: they tell when it has cut the client off
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) admin: Node,
    /// How often the room is measured, without such a client and with one, in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Messages a second, of all senders together
    #[arg(long, value_name = "MESSAGES_PER_SECOND", default_value_t = 10.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// How long it may take until the client is cut off, at the slowest
    #[arg(long, value_name = "SECONDS", default_value_t = 6.0, value_parser = positive)]
    pub(crate) cut_off_within: f64,
    /// What one such client may add to the server's memory, at the median of the rounds
    #[arg(long, value_name = "KIB", default_value_t = 2048)]
    pub(crate) memory_at_most: i64,
    /// What it may add to the others' 99th percentile, in parts of a hundred, at the median of the rounds
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = positive)]
    pub(crate) added_at_most: f64,
}

#[derive(Args, Debug)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) target: Target,
    /// How many connections
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) clients: u32,
    /// How long to hold them before measuring; heartbeats are answered
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Churn {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Connections to begin, a second
    #[arg(long, default_value_t = 200.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// How long to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// How long each stays once it is in
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 500)]
    pub(crate) stay: u64,
    /// How many of a hundred leave without a word, by closing the TCP connection
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) dirty: u8,
    /// Connections at a time, at most; beyond that the rate is not kept
    #[arg(long, value_name = "CLIENTS", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) at_once: u32,
}

#[derive(Args, Debug)]
pub(crate) struct Leaks {
    #[command(flatten)]
    pub(crate) places: Places,
    /// Each node's metrics, in the same order
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) admin: Vec<Node>,
    /// The Redis that joins them, as `HOST:PORT` or the path of its socket, to see which keys and channels it has
    #[arg(long)]
    pub(crate) redis: Option<Store>,
    /// How often all come and go
    #[arg(long, default_value_t = 40)]
    pub(crate) rounds: u32,
    /// How many come each time, half of them in v1 and half in 002; half of each are cut off
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(4..))]
    pub(crate) clients: u32,
    /// Rounds whose memory does not count, for an allocator takes what it will need
    #[arg(long, value_name = "ROUNDS", default_value_t = 5)]
    pub(crate) warm_up: u32,
    /// What each node's memory may grow a round, by least squares
    #[arg(long, value_name = "MB", default_value_t = 0.2, value_parser = positive)]
    pub(crate) slope_at_most: f64,
    /// How long it may take after the last round until everything is as at the start
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) settle: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Storm {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) witnessed: Witnessed,
    /// How long they stay away
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) away: u64,
    /// How long it may take until the last one is back and has heard what it missed
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0, value_parser = positive)]
    pub(crate) within: f64,
    /// How long those who stay listen after that: a leave that was only held back would be told then
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub(crate) watch: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Rush {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) witnessed: Witnessed,
    /// The time in which they all come
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = positive)]
    pub(crate) within: f64,
    /// How long to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("expected a number above 0".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn fanout_is_either_closed_or_has_a_rate() {
        let parse = |rest: &[&str]| {
            Arguments::try_parse_from(
                [&["hubbub-load", "fanout", "--url", "http://127.0.0.1:1"], rest].concat(),
            )
        };
        assert!(parse(&["--closed"]).is_ok());
        assert!(parse(&["--rate", "20"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--closed", "--rate", "20"]).is_err());
        assert!(parse(&["--rate", "0"]).is_err());
    }
}
