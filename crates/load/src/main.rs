//! `hubbub-load`: load and verdicts for Socket.IO chat servers.
//!
//! Many clients on a few threads, each message checked at each receiver. From the outside in:
//!
//! - `arguments`, `plan`: what was asked for, and what is settled from it once
//! - `workloads`: each from first connection to report; what only one of them needs is in a folder of its own
//! - `crowd`: clients that stay for the whole run, on threads, in phases, seen from the main thread by counters
//! - `guests`: clients that do what their workload says, when it says so, and those who stay and see it
//! - `words`: what is said; `wire`: how it travels
//! - `machine`: processes, nodes and Redis, as far as they can be read
//! - `verdict`, `report`: the account of what was heard, and the figures

mod arguments;
mod crowd;
mod guests;
mod machine;
mod plan;
mod report;
mod verdict;
mod wire;
mod words;
mod workloads;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match workloads::run(Arguments::parse().workload).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_CLEAN),
        Err(error) => {
            eprintln!("hubbub-load: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

const NOT_CLEAN: u8 = 1;
const COULD_NOT_RUN: u8 = 2;
