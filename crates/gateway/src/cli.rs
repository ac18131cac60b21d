//! The command line.

use std::{env, ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};
use hubbub_gateway::config::Sources;

/// A Socket.IO chat gateway. Any node serves any client; without Redis, one node serves all of them.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Read the configuration from this TOML file [default: the one that `HUBBUB_CONFIG` names]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one key, as --set http.addr=0.0.0.0:8080; repeat it for more
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

/// What to do.
#[derive(Debug, Clone, Default, Subcommand)]
pub(crate) enum Action {
    /// Serve the chat until a signal; this is what happens without a command
    #[default]
    Serve,
    /// Say whether the configuration is right
    CheckConfig,
    /// Print the configuration that is in force, without the secrets
    PrintConfig,
    /// Ask the node with this configuration whether it is ready: exit code 0 or 1
    Healthcheck,
}

impl Arguments {
    pub(crate) fn action(&self) -> Action {
        self.action.clone().unwrap_or_default()
    }

    /// Where the configuration comes from: the environment of this process among it.
    pub(crate) fn sources(&self) -> Sources {
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let environment = env::vars_os().map(|(name, value)| (text(name), text(value)));
        Sources { file: self.config.clone(), environment: environment.collect(), set: self.set.clone() }
    }
}

const AFTER_HELP: &str = "\
Every key can be in the file, in the environment as HUBBUB__SECTION__KEY or given by --set, which wins;
docs/configuration.md has them all. SIGTERM and SIGINT stop the node in order, a second one at once.

Exit code: 0 when all is well; 1 when it is not; 2 when the command line or the configuration is wrong.

Examples:
  hubbub
  HUBBUB__REDIS__URL=redis://127.0.0.1:6379 hubbub --set http.addr=0.0.0.0:8080
  hubbub --config hubbub.toml check-config";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_may_stand_on_either_side_of_the_command() {
        for line in [["--set", "a.b=c", "print-config"], ["print-config", "--set", "a.b=c"]] {
            let arguments = Arguments::try_parse_from([&["hubbub"], line.as_slice()].concat()).unwrap();
            assert!(matches!(arguments.action(), Action::PrintConfig));
            assert_eq!(arguments.sources().set, ["a.b=c"]);
        }
        assert!(matches!(Arguments::try_parse_from(["hubbub"]).unwrap().action(), Action::Serve));
    }
}
