//! Where the configuration comes from, and who wins.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use ::config::{ConfigError, File, FileFormat, Map, Source as _, Value, ValueKind};

use super::{Config, secrets};

/// What the process was given.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`. Without it, `HUBBUB_CONFIG` of the environment.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub environment: Vec<(String, String)>,
    /// The command line's `section.key=value`.
    pub set: Vec<String>,
}

/// The configuration is wrong: one line that names the key as it was written, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{written}: {problem}")]
pub struct Invalid {
    written: String,
    problem: String,
}

impl Invalid {
    fn new(written: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { written: written.into(), problem: problem.into() }
    }
}

impl Config {
    /// Puts the sources together: defaults < file < environment < command line.
    pub fn load(sources: &Sources) -> Result<Self, Invalid> {
        let settings = sources.settings()?;
        let config: Self = merge(&settings).map_err(|error| explain(error, &settings))?;
        match config.check() {
            Ok(()) => Ok(config),
            Err((key, expected)) => {
                Err(Invalid::new(written(key, &settings), format!("expected {expected}")))
            }
        }
    }
}

impl Sources {
    /// What is in force, as a file that would give it, without the secrets. A random node id is left out: two nodes
    /// must not share it.
    pub fn printed(&self) -> Result<String, Invalid> {
        let config = Config::load(self)?;
        let unprintable = |error: toml::ser::Error| Invalid::new("configuration", error.to_string());
        let mut table = config.table().map_err(unprintable)?;
        if self.settings()?.iter().any(|setting| setting.key == "node.id") {
            let node = table.entry("node").or_insert_with(|| toml::Table::new().into());
            node.as_table_mut().map(|node| node.insert("id".to_owned(), config.node.id.to_string().into()));
        }
        toml::to_string(&table).map_err(unprintable)
    }
}

/// One value for one key.
#[derive(Debug)]
struct Setting {
    key: String,
    value: Value,
    /// The key as the user wrote it.
    written: String,
}

impl Sources {
    /// Every setting there is, the weakest first.
    fn settings(&self) -> Result<Vec<Setting>, Invalid> {
        let mut settings: Vec<_> = self.port()?.into_iter().collect();
        settings.extend(self.file_settings()?);
        settings.extend(self.environment_settings()?);
        settings.extend(self.command_line_settings()?);
        Ok(settings)
    }

    /// The weakest of all: platforms set it for every program.
    fn port(&self) -> Result<Option<Setting>, Invalid> {
        let Some(port) = self.variable("PORT") else { return Ok(None) };
        let port: u16 =
            port.parse().map_err(|_| Invalid::new("PORT", "expected a number from 0 to 65535"))?;
        setting("http.addr".to_owned(), format!("0.0.0.0:{port}").into(), "PORT".to_owned()).map(Some)
    }

    fn file_settings(&self) -> Result<Vec<Setting>, Invalid> {
        let Some(path) = self.file.clone().or_else(|| self.variable("HUBBUB_CONFIG").map(PathBuf::from))
        else {
            return Ok(Vec::new());
        };
        let read = |(key, value)| setting(String::clone(&key), value, format!("{}: {key}", path.display()));
        unique(flatten(parse(&path)?).into_iter().map(read))
    }

    /// An empty variable is one that is not set: that is how a compose file leaves one out.
    fn environment_settings(&self) -> Result<Vec<Setting>, Invalid> {
        let ours =
            self.environment.iter().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        unique(ours.map(|(name, value)| {
            let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
            setting(key, value.as_str().into(), name.clone())
        }))
    }

    fn command_line_settings(&self) -> Result<Vec<Setting>, Invalid> {
        let split = |text: &String| {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| Invalid::new(format!("--set {text}"), "expected section.key=value"))?;
            setting(key.trim().to_owned(), value.into(), format!("--set {key}"))
        };
        self.set.iter().map(split).collect()
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

/// Checks that the key exists, and reads the file that a secret's `_file` names.
fn setting(key: String, value: Value, written: String) -> Result<Setting, Invalid> {
    if let Some(secret) = key.strip_suffix("_file").filter(|secret| secrets::is_secret(secret)) {
        let value = secret_file(value).map_err(|problem| Invalid::new(&written, problem))?;
        return Ok(Setting { key: secret.to_owned(), value: value.into(), written });
    }
    if Config::KEYS.iter().any(|known| known.to_string() == key) {
        Ok(Setting { key, value, written })
    } else {
        Err(Invalid::new(written, unknown(&key)))
    }
}

fn secret_file(path: Value) -> Result<String, String> {
    let path = path.into_string().map_err(|_| "expected the path of a file".to_owned())?;
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(format!("expected a file that can be read, but {path}: {error}")),
    }
}

fn unknown(key: &str) -> String {
    let section = key.split('.').next().unwrap_or_default();
    let keys: Vec<_> = Config::KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect();
    if keys.is_empty() {
        let sections: Vec<_> = Config::SECTIONS.iter().map(|(name, _)| *name).collect();
        return format!("there is no such section; expected one of {}", sections.join(", "));
    }
    format!("there is no such key; {section} has {}", keys.join(", "))
}

/// Within one source a key may be given once: `_FILE` beside the value itself is a mistake.
fn unique(settings: impl Iterator<Item = Result<Setting, Invalid>>) -> Result<Vec<Setting>, Invalid> {
    let mut seen = HashMap::new();
    settings
        .map(|setting| {
            let setting = setting?;
            match seen.insert(setting.key.clone(), setting.written.clone()) {
                Some(other) => {
                    Err(Invalid::new(setting.written, format!("expected it or {other}, not both")))
                }
                None => Ok(setting),
            }
        })
        .collect()
}

fn parse(path: &Path) -> Result<Map<String, Value>, Invalid> {
    File::from(path).format(FileFormat::Toml).collect().map_err(|error| {
        let problem = match fs::metadata(path) {
            Err(missing) => missing.to_string(),
            Ok(_) => one_line(&error),
        };
        Invalid::new(path.display().to_string(), problem)
    })
}

/// Of a message with the offending line drawn under it: where, and what.
fn one_line(error: &ConfigError) -> String {
    let ConfigError::FileParse { cause, .. } = error else { return error.to_string().replace('\n', " ") };
    let text = cause.to_string();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    match (lines.next(), lines.next_back()) {
        (Some(first), Some(last)) => format!("{first}: {last}"),
        (first, _) => first.unwrap_or("cannot be read as TOML").to_owned(),
    }
}

/// `{a: {b: 1}}` becomes `a.b = 1`, sorted. What is no section is left as it is, for its name is checked like a key's.
fn flatten(table: Map<String, Value>) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (section, value) in table {
        match value.kind {
            ValueKind::Table(keys) if is_section(&section) => {
                flat.extend(keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)));
            }
            _ => flat.push((section, value)),
        }
    }
    flat.sort_by(|(one, _), (other, _)| one.cmp(other));
    flat
}

fn is_section(name: &str) -> bool {
    Config::SECTIONS.iter().any(|(known, _)| *known == name)
}

fn merge(settings: &[Setting]) -> Result<Config, ConfigError> {
    let mut builder = ::config::Config::builder();
    for setting in settings {
        builder = builder.set_override(&setting.key, setting.value.clone())?;
    }
    builder.build()?.try_deserialize()
}

/// The key as it was written where it was said last, which is what counts.
fn written(key: &str, settings: &[Setting]) -> String {
    let last = settings.iter().rev().find(|setting| setting.key == key);
    last.map_or_else(|| key.to_owned(), |setting| setting.written.clone())
}

/// Never with the value itself: it may be a secret.
fn explain(error: ConfigError, settings: &[Setting]) -> Invalid {
    match error {
        ConfigError::At { error, key: Some(key), .. } => {
            let problem = error.to_string();
            let expected = problem.rsplit_once(", expected ").map_or(&*problem, |(_, expected)| expected);
            Invalid::new(written(&key, settings), format!("expected {expected}"))
        }
        ConfigError::Type { expected, key: Some(key), .. } => {
            Invalid::new(written(&key, settings), format!("expected {expected}"))
        }
        other => Invalid::new("configuration", other.to_string()),
    }
}

const PREFIX: &str = "HUBBUB__";
