//! `docs/configuration.md`, made from the keys.

use std::fmt::{self, Write as _};

use super::{Config, secrets};

/// One key that can be configured.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The section that it is in.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.name)
    }
}

impl Key {
    /// The variable of the environment that sets it.
    pub fn variable(&self) -> String {
        format!("HUBBUB__{}__{}", self.section, self.name).to_uppercase()
    }

    fn row(&self, default: &str) -> String {
        let mut variable = format!("`{}`", self.variable());
        if secrets::is_secret(&self.to_string()) {
            let _infallible = write!(variable, " or `{}_FILE`", self.variable());
        }
        format!("| `{self}` | {variable} | {default} | {} |\n", self.meaning.trim())
    }
}

/// The documentation of every key.
pub fn markdown() -> Result<String, toml::ser::Error> {
    let defaults = Config::default().table()?;
    let mut text = HEAD.to_owned();
    for (section, about) in Config::SECTIONS {
        let _infallible = write!(text, "\n## {section}\n\n{}\n\n{TABLE}", about.trim());
        for key in Config::KEYS.iter().filter(|key| key.section == *section) {
            text += &key.row(&default(&defaults, key));
        }
    }
    Ok(text)
}

fn default(defaults: &toml::Table, key: &Key) -> String {
    match defaults.get(key.section).and_then(|section| section.get(key.name)) {
        Some(value) => format!("`{value}`"),
        None => "absent".to_owned(),
    }
}

const TABLE: &str = "| key | environment | default | meaning |\n|---|---|---|---|\n";

const HEAD: &str = "\
# Configuration

<!-- Made from crates/gateway/src/config.rs by its test: UPDATE=1 cargo test -p hubbub-gateway documented -->

What is not set has its default. A TOML file (`--config FILE` or `HUBBUB_CONFIG`) goes over the defaults, the environment
over the file, the command line (`--set section.key=value`, as often as needed) over both. A key that does not exist,
in the environment too (any `HUBBUB__`), and a value of the wrong kind stop the start with one line that names the key.
An empty variable is one that is not set. A secret can be read from a file: `HUBBUB__REDIS__URL_FILE=/run/secrets/redis-url`.

Times are whole numbers with a unit, `300ms`, `5s`, `2m`, `24h`; sizes are in bytes or with a unit, `64KiB`, `1MiB`.

`hubbub check-config` says whether it is right, `hubbub print-config` what is in force, without the secrets.
";
