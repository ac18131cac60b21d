//! `make chaos`: the promises under trouble, as a table. It ends with 1 when one is not kept.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use hubbub_chaos::phases::{self, Phase, Scale};

/// Breaks a cluster on purpose, and judges by what its clients have seen.
#[derive(Debug, Parser)]
struct Arguments {
    /// What gives the plan of the mixed phase [default: a new one]
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds for the whole run; the mixed phase takes what is left of them, and a minute at least
    #[arg(long, default_value_t = 600)]
    time: u64,
    /// Only this: the number of a promise, or 0 for the mixed phase
    #[arg(long)]
    only: Option<u8>,
    /// As the tests have it: less of everything, and bounds of time that are wider
    #[arg(long)]
    short: bool,
}

fn phases(only: Option<u8>) -> Vec<Phase> {
    match only {
        None => Phase::ALL.into(),
        Some(3) => vec![Phase::Killed],
        Some(4) => vec![Phase::Order],
        Some(5 | 8) => vec![Phase::Presence],
        Some(6) => vec![Phase::Away],
        Some(7) => vec![Phase::Stalled],
        Some(_) => vec![Phase::Mixed],
    }
}

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let Arguments { seed, time, only, short } = Arguments::parse();
    let seed = seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    let mut out = io::stdout();
    writeln!(out, "chaos with SEED={seed} TIME={time}")?;
    let scale = if short { Scale::short() } else { Scale::long(Duration::from_secs(time)) };
    let report = phases::run(seed, scale, &phases(only), &mut out).await?;
    writeln!(out, "\n{report}\nSEED={seed}")?;
    Ok(if report.is_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
