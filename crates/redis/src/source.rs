//! Where the master is, and how a connection to it comes about.

use redis::{Client, ConnectionInfo, ErrorKind, FromRedisValue, ParsingError, RedisResult, Value};

use crate::subscriber::UNACKNOWLEDGED;

/// What a node was told about its Redis.
#[derive(Debug)]
pub(crate) struct Source {
    info: ConnectionInfo,
}

impl Source {
    /// Understands a URL; connects to nothing.
    pub(crate) fn parse(url: &str) -> RedisResult<Self> {
        let info = Client::open(url)?.get_connection_info().clone();
        Ok(Self { info: patient(info) })
    }

    /// Makes something of the master's address, as often as that changes meanwhile.
    pub(crate) async fn reach<T, Made>(&self, make: impl Fn(ConnectionInfo) -> Made) -> RedisResult<T>
    where
        Made: Future<Output = RedisResult<T>>,
    {
        make(self.info.clone()).await
    }
}

fn patient(info: ConnectionInfo) -> ConnectionInfo {
    let tcp = info.tcp_settings().clone().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED);
    info.set_tcp_settings(tcp)
}

/// What only a master answers to ROLE. Any other answer cannot be read as this.
#[derive(Debug)]
pub(crate) struct Master;

impl Master {
    /// The error of whoever is none.
    pub(crate) const MISSED: ErrorKind = ErrorKind::Parse;
}

impl FromRedisValue for Master {
    fn from_redis_value(answer: Value) -> Result<Self, ParsingError> {
        let role = answer.as_sequence().and_then(|words| words.first());
        match role.map(String::from_redis_value_ref).transpose()?.as_deref() {
            Some("master") => Ok(Self),
            _ => Err(ParsingError::from("it is a replica, not the master")),
        }
    }
}
