//! The `hubbub` binary: configuration in, exit code out.

mod cli;
mod healthcheck;
mod serve;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Instant,
};

use clap::Parser as _;
use hubbub_gateway::config::{Config, Invalid, Sources};

use crate::cli::{Action, Arguments};

fn main() -> ExitCode {
    let began = Instant::now();
    let arguments = Arguments::parse();
    match carry_out(&arguments.action(), &arguments.sources(), began) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hubbub: {error:#}");
            ExitCode::from(if error.is::<Invalid>() { WRONG_CONFIGURATION } else { FAILED })
        }
    }
}

fn carry_out(action: &Action, sources: &Sources, began: Instant) -> anyhow::Result<()> {
    let config = Config::load(sources)?;
    match action {
        Action::Serve => serve::serve(&config, began),
        Action::CheckConfig => check(&config),
        Action::PrintConfig => print(&sources.printed()?),
        Action::Healthcheck => healthcheck::ask(config.admin.addr),
    }
}

fn check(config: &Config) -> anyhow::Result<()> {
    config.warnings().iter().for_each(|warning| eprintln!("hubbub: {warning}"));
    print("the configuration is right\n")
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

const FAILED: u8 = 1;
const WRONG_CONFIGURATION: u8 = 2;
