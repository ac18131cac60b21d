//! What Redis holds, asked by hand: a load generator needs few commands of it.

use std::{collections::BTreeMap, collections::BTreeSet, str::FromStr};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpStream, UnixStream},
};

/// Where it is: `HOST:PORT`, or the path of its socket.
#[derive(Clone, Debug)]
pub(crate) struct Store(String);

/// All that has a name there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// With the seconds until each is forgotten, where it will be.
    pub(crate) keys: BTreeMap<String, Option<u64>>,
    /// Channels that somebody listens to.
    pub(crate) channels: BTreeSet<String>,
    /// Connections to it, this one among them.
    pub(crate) clients: u64,
}

impl FromStr for Store {
    type Err = String;

    fn from_str(place: &str) -> Result<Self, String> {
        if place.starts_with('/') || place.contains(':') {
            return Ok(Self(place.to_owned()));
        }
        Err("expected HOST:PORT or the path of a socket".into())
    }
}

impl Store {
    pub(crate) async fn names(&self) -> anyhow::Result<Names> {
        if self.0.starts_with('/') {
            let stream = UnixStream::connect(&self.0).await.with_context(|| self.0.clone())?;
            return names(&mut Line(BufReader::new(stream))).await;
        }
        let stream = TcpStream::connect(&self.0).await.with_context(|| self.0.clone())?;
        names(&mut Line(BufReader::new(stream))).await
    }
}

async fn names<S: AsyncRead + AsyncWrite + Unpin>(line: &mut Line<S>) -> anyhow::Result<Names> {
    let mut names = Names::default();
    for key in line.ask(&["KEYS", "*"]).await?.texts() {
        // It may be forgotten by now: -2, as if it had never been there.
        match line.ask(&["PTTL", &key]).await?.number() {
            Some(-2) | None => {}
            Some(left) => drop(names.keys.insert(key, u64::try_from(left).ok().map(|millis| millis / 1_000))),
        }
    }
    for command in [["PUBSUB", "CHANNELS"], ["PUBSUB", "SHARDCHANNELS"]] {
        names.channels.extend(line.ask(&command).await?.texts());
    }
    let info = line.ask(&["INFO", "clients"]).await?.texts().concat();
    let clients = info.lines().find_map(|line| line.strip_prefix("connected_clients:"));
    names.clients = clients.context("Redis counts no connections")?.trim().parse()?;
    Ok(names)
}

/// A connection to Redis.
struct Line<S>(BufReader<S>);

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Number(i64),
    Text(String),
    Array(Vec<Answer>),
    Nothing,
}

impl Answer {
    fn texts(self) -> Vec<String> {
        match self {
            Self::Array(parts) => parts.into_iter().flat_map(Self::texts).collect(),
            Self::Text(text) => vec![text],
            Self::Number(_) | Self::Nothing => Vec::new(),
        }
    }

    fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    async fn ask(&mut self, words: &[&str]) -> anyhow::Result<Answer> {
        let spelled = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let asked = format!("*{}\r\n{}", words.len(), spelled.collect::<String>());
        self.0.write_all(asked.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let mut head = String::new();
        ensure!(self.0.read_line(&mut head).await? > 0, "Redis has hung up");
        let (kind, rest) = head.trim_end().split_at_checked(1).context("an empty answer of Redis's")?;
        match kind {
            "+" => Ok(Answer::Text(rest.to_owned())),
            ":" => Ok(Answer::Number(rest.parse()?)),
            "$" => self.text(rest.parse()?).await,
            "*" => self.array(rest.parse()?).await,
            _ => bail!("Redis says {head}"),
        }
    }

    async fn text(&mut self, length: i64) -> anyhow::Result<Answer> {
        let Ok(length) = usize::try_from(length) else { return Ok(Answer::Nothing) };
        let mut text = vec![0; length + 2];
        self.0.read_exact(&mut text).await?;
        text.truncate(length);
        Ok(Answer::Text(String::from_utf8_lossy(&text).into_owned()))
    }

    async fn array(&mut self, length: i64) -> anyhow::Result<Answer> {
        let mut parts = Vec::new();
        for _ in 0..length {
            parts.push(Box::pin(self.answer()).await?);
        }
        Ok(Answer::Array(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(bytes: &[u8]) -> anyhow::Result<Answer> {
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        theirs.write_all(bytes).await.unwrap();
        drop(theirs);
        Line(BufReader::new(ours)).answer().await
    }

    #[tokio::test]
    async fn answers_are_understood() {
        let keys = answer(b"*3\r\n$3\r\na\nb\r\n$2\r\n\xC3\xA9\r\n$-1\r\n").await.unwrap();
        assert_eq!(keys.texts(), ["a\nb", "é"]);
        assert_eq!(answer(b":-2\r\n").await.unwrap().number(), Some(-2));
        assert_eq!(answer(b"*0\r\n").await.unwrap().texts(), [""; 0]);
        for refused in [&b"-NOAUTH first\r\n"[..], b"", b"$5\r\nab"] {
            assert!(answer(refused).await.is_err());
        }
    }

    #[test]
    fn it_is_at_an_address_or_a_path() {
        assert!("127.0.0.1:6379".parse::<Store>().is_ok() && "/tmp/redis.sock".parse::<Store>().is_ok());
        assert!("redis".parse::<Store>().is_err());
    }
}
