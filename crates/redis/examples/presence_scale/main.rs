//! What a million people on a hundred nodes cost Redis, through the real backplanes: `make presence-scale`.
//!
//! ```text
//! cargo run --release -p hubbub-redis --example presence_scale -- --users 1000000 --nodes 100
//! ```
//!
//! It starts a redis-server of its own in a folder of its own, so nothing else is touched. A million people with their
//! names need about 2 GB of memory, most of it in this process, and three minutes. From the outside in:
//!
//! - `course`: the steps of a run, in order
//! - `town`, `nodes`: who is where; the nodes, each with its lease
//! - `server`, `gauge`: Redis, and what it says of itself
//! - `figures`: what came of it, and what it may be at most
#![expect(clippy::print_stdout, reason = "a program for people")]

mod course;
mod figures;
mod gauge;
mod nodes;
mod server;
mod town;

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::figures::Figures;

type Error = Box<dyn std::error::Error>;

/// What people in rooms cost Redis: memory, and time of each script. Ends with 1 when a bound is missed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many people
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    users: u32,
    /// On how many nodes
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..))]
    nodes: u32,
    /// How long to watch the nodes when nobody comes or goes
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    calm: u64,
    /// Write the figures here too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

// One thread: the other processor is Redis's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let arguments = Arguments::parse();
    let figures = course::run(&arguments).await?;
    publish(&figures, &arguments)?;
    Ok(if figures.are_within_bounds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn publish(figures: &Figures, arguments: &Arguments) -> Result<(), Error> {
    println!("{figures}");
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_string_pretty(figures)? + "\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times are for the long form: here the machine is shared with other tests.
    #[tokio::test(flavor = "current_thread")]
    async fn twenty_thousand_people_fit_and_a_tenth_of_them_is_buried_once_each() {
        let arguments = Arguments { users: 20_000, nodes: 10, calm: 3, json: None };
        let figures = course::run(&arguments).await.expect("a run");
        println!("{figures}");
        assert!(figures.megabytes_per_million(figures.memory.rooms) <= figures::MOST_MEGABYTES);
        assert_eq!(figures.burial.announced, figures.burial.held);
        assert_eq!(figures.burial.held, 4_000, "2,000 people with a room and a name each");
    }
}
