//! Values that are written as text.

use std::{fmt, net::SocketAddr, str::FromStr};

use hubbub_core::NodeId;
use serde::{Deserialize, Deserializer, de::Error as _};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

/// A text is not what it should be: this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Expected(pub(super) &'static str);

/// Makes types that are parsed from text and displayed as such read and written like that by serde.
macro_rules! textual {
    ($($Type:ty),+) => {$(
        impl<'de> ::serde::Deserialize<'de> for $Type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::text::parsed(deserializer)
            }
        }

        impl ::serde::Serialize for $Type {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}
pub(super) use textual;

/// What to write, as the filter of `tracing_subscriber` understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: an object in each line.
    Json,
}

textual!(LogFilter, LogFormat);

impl LogFilter {
    pub(super) fn info() -> Self {
        Self("info".to_owned())
    }

    /// The filter itself.
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = Expected;

    /// A bare word that is no level would be taken for a target, and nothing else would be logged: it is refused.
    fn from_str(text: &str) -> Result<Self, Expected> {
        let bare = |part: &&str| !part.contains(['=', '[', ']', '{', '}']);
        let known = text.split(',').filter(bare).all(|part| part.trim().parse::<LevelFilter>().is_ok());
        match EnvFilter::builder().parse(text) {
            Ok(_) if known => Ok(Self(text.to_owned())),
            _ => Err(Expected("a level such as info or debug, or info,hubbub_gateway=debug")),
        }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogFormat {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Expected("text or json")),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    read(deserializer, "an address and port such as 127.0.0.1:8080", |text| text.parse().ok())
}

pub(super) fn node_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NodeId, D::Error> {
    read(deserializer, "1 to 32 of A-Z, a-z, 0-9, _ and -", |text| NodeId::parse(text).ok())
}

pub(super) fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = Expected>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|Expected(expected)| D::Error::custom(expected))
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(expected))
}
