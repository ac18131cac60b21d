//! The origins whose pages may connect.

use std::fmt;

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::text::Expected;

/// Whose pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Anyone's. No cookies are used, so an origin carries no authority.
    Any,
    /// These alone, compared letter by letter.
    List(Vec<String>),
}

impl Origins {
    /// Whether a page of this origin may connect. `null` is in no list.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => list.iter().any(|one| one == origin),
        }
    }

    fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Expected> {
        let texts: Vec<&str> = texts.into_iter().map(str::trim).collect();
        match texts[..] {
            ["*"] => Ok(Self::Any),
            _ if !texts.is_empty() && texts.iter().all(|text| is_origin(text)) => {
                Ok(Self::List(texts.into_iter().map(str::to_owned).collect()))
            }
            _ => Err(Expected("* or origins such as https://chat.example.org, separated by commas")),
        }
    }
}

/// As a browser writes it: a scheme, a host, a port that is not the scheme's own, in small letters, nothing more.
fn is_origin(text: &str) -> bool {
    let plain = text.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#', '@', '*']));
    let usual = (text.starts_with("http:") && text.ends_with(":80"))
        || (text.starts_with("https:") && text.ends_with(":443"));
    let small = !text.contains(|c: char| c.is_ascii_uppercase());
    plain && small && !usual && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some())
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrList)
    }
}

struct TextOrList;

impl<'de> de::Visitor<'de> for TextOrList {
    type Value = Origins;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Origins, E> {
        Origins::parse(text.split(',')).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Origins, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            texts.push(text);
        }
        Origins::parse(texts.iter().map(String::as_str)).map_err(de::Error::custom)
    }
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("*"),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_its_origins_and_nothing_like_them() {
        let origins = Origins::parse(["https://chat.example.org", "http://localhost:3000"]).unwrap();
        assert!(origins.allow("https://chat.example.org"));
        assert!(origins.allow("http://localhost:3000"));
        for other in [
            "null",
            "http://chat.example.org",
            "https://chat.example.org.evil.test",
            "https://evil.test/https://chat.example.org",
            "https://evilchat.example.org",
            "https://chat.example.org:8443",
            "",
        ] {
            assert!(!origins.allow(other), "{other}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for text in ["", "null", "chat.example.org", "https://chat.example.org/", "https://*.example.org"] {
            assert!(Origins::parse([text]).is_err(), "{text}");
        }
        for text in ["https://Chat.example.org", "https://chat.example.org:443", "http://a:80", "*,https://a"]
        {
            assert!(Origins::parse(text.split(',')).is_err(), "{text}");
        }
    }
}
