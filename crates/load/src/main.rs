//! `hubbub-load`: load and verdicts for Socket.IO chat servers.
//!
//! Many clients on a few threads, each message checked at each receiver. From the outside in:
//!
//! - `arguments`, `target`, `plan`: what was asked for
//! - `fanout`, `polling`, `handover`, `stalled`, `idle`, `churn`, `leaks`, `storm`, `rush`: the workloads, each from
//!   first connection to report
//! - `run`, `course`, `board`, `gauges`: threads, phases and counters, seen from the main thread
//! - `shard`, `crowd`, `talk`, `arrival`, `client`, `voice`: one thread and its clients
//! - `dialect`, `stamp`, `hearing`: what is said, and the account of what was heard
//! - `connection`, `upgrade`, `frame`: the wire of a WebSocket; `outbox`: what is said on any
//! - `poller`, `posts`, `session`, `payload`, `pool`: the wire of long-polling
//! - `stage`, `pairs`, `echo`: sessions that are asked for at one node and belong to another
//! - `sleeper`: one that reads no more
//! - `guest`, `visitor`, `returner`, `observer`: clients that come and go, and those who stay and see it
//! - `metrics`, `store`, `remains`: what nodes and Redis hold
//! - `process`, `spent`, `limits`: the machine
//! - `cost`, `latency`, `comparison`, `slope`, `verdict`, `report`: the figures

mod arguments;
mod arrival;
mod board;
mod churn;
mod client;
mod comparison;
mod connection;
mod cost;
mod course;
mod crowd;
mod dialect;
mod echo;
mod fanout;
mod frame;
mod gauges;
mod guest;
mod handover;
mod hearing;
mod idle;
mod latency;
mod leaks;
mod limits;
mod metrics;
mod observer;
mod outbox;
mod pairs;
mod payload;
mod plan;
mod poller;
mod polling;
mod pool;
mod posts;
mod process;
mod remains;
mod report;
mod returner;
mod run;
mod rush;
mod session;
mod shard;
mod sleeper;
mod slope;
mod spent;
mod stage;
mod stalled;
mod stamp;
mod store;
mod storm;
mod talk;
mod target;
mod upgrade;
mod verdict;
mod visitor;
mod voice;

use std::process::ExitCode;

use arguments::{Arguments, Workload};
use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run_workload(Arguments::parse().workload).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_CLEAN),
        Err(error) => {
            eprintln!("hubbub-load: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// True when nothing was lost, repeated or reordered.
async fn run_workload(workload: Workload) -> anyhow::Result<bool> {
    match workload {
        Workload::Fanout(arguments) => fanout::run(arguments).await,
        Workload::Polling(arguments) => polling::run(arguments).await,
        Workload::Handover(arguments) => handover::run(arguments).await,
        Workload::Stalled(arguments) => stalled::run(arguments).await,
        Workload::Idle(arguments) => idle::run(arguments).await,
        Workload::Churn(arguments) => churn::run(arguments).await,
        Workload::Leaks(arguments) => leaks::run(arguments).await,
        Workload::Storm(arguments) => storm::run(arguments).await,
        Workload::Rush(arguments) => rush::run(arguments).await,
    }
}

const NOT_CLEAN: u8 = 1;
const COULD_NOT_RUN: u8 = 2;
