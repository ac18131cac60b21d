//! Values that are shown to nobody: neither in a log nor by `print-config`.

use std::{fmt, str::FromStr};

use hubbub_core::Secret;
use sha2::{Digest, Sha256};

use super::text::{Expected, textual};

/// Whether the key can be read from a file, by the same name and `_FILE`.
pub(super) fn is_secret(key: &str) -> bool {
    matches!(key, "node.secret" | "redis.url")
}

/// Where Redis is, and the password for it. Displayed without.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

/// Something that only the cluster knows. Displayed as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

textual!(RedisUrl, Passphrase);

impl RedisUrl {
    /// The URL with the password in it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for RedisUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() => Ok(Self(text.to_owned())),
            _ => Err(Expected("a URL such as redis://user:password@host:6379")),
        }
    }
}

impl fmt::Display for RedisUrl {
    /// Whatever lies between the scheme and the last `@` but the user's name may be the password, and so may every
    /// value of the query but the database's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let (who, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        write!(f, "{scheme}://")?;
        if let Some((user, _)) = who.split_once(':') {
            write!(f, "{user}:{HIDDEN}@")?;
        } else if !who.is_empty() {
            write!(f, "{HIDDEN}@")?;
        }
        f.write_str(place)?;
        write_query(f, query)
    }
}

fn write_query(f: &mut fmt::Formatter<'_>, query: &str) -> fmt::Result {
    for (index, part) in query.split('&').filter(|part| !part.is_empty()).enumerate() {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let shown = if name == "db" { value } else { HIDDEN };
        write!(f, "{}{name}={shown}", if index == 0 { '?' } else { '&' })?;
    }
    Ok(())
}

impl Passphrase {
    /// The key that is made of it: the same one for the same phrase.
    pub fn derive(&self) -> Secret {
        Secret(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl FromStr for Passphrase {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.chars().count() {
            0..16 => Err(Expected("at least 16 characters")),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

macro_rules! hide_in_debug {
    ($($Type:ty),+) => {$(
        impl fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}
hide_in_debug!(RedisUrl, Passphrase);

const HIDDEN: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://redis:6379/2", "redis://redis:6379/2"),
            ("redis://hubbub:s3cret@redis:6379/2", "redis://hubbub:***@redis:6379/2"),
            ("rediss://:s3cret@redis", "rediss://:***@redis"),
            ("redis://s3cret@redis", "redis://***@redis"),
            ("redis://u:s3@cr:et/@redis", "redis://u:***@redis"),
            (
                "redis+unix:///run/r.sock?db=1&user=u&pass=s3cret",
                "redis+unix:///run/r.sock?db=1&user=***&pass=***",
            ),
            (
                "redis+sentinel://u:s3cret@a:26379,b:26379/mymaster/0?sentinel_pass=s3cret",
                "redis+sentinel://u:***@a:26379,b:26379/mymaster/0?sentinel_pass=***",
            ),
            ("redis+cluster://u:s3cret@a:6379,b:6379", "redis+cluster://u:***@a:6379,b:6379"),
        ] {
            let url: RedisUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn a_passphrase_always_makes_the_same_key() {
        let phrase = |text: &str| text.parse::<Passphrase>().unwrap();
        assert_eq!(phrase("0123456789abcdef").derive(), phrase("0123456789abcdef").derive());
        assert_ne!(phrase("0123456789abcdef").derive(), phrase("0123456789abcdeg").derive());
        assert!("too short".parse::<Passphrase>().is_err());
        assert_eq!(format!("{:?}", phrase("0123456789abcdef")), "***");
    }
}
