//! Where the master is, and how a connection to it comes about.
//!
//! Either it has one address for ever, or sentinels know it. They are asked at every attempt to connect and every second
//! afterwards: a master that is cut off from them does not know that it was replaced, and would take what the others
//! never see.

use redis::{ConnectionInfo, ErrorKind, FromRedisValue, ParsingError, RedisResult, Value};

use crate::sentinels::Sentinels;

/// What a node was told about its Redis.
#[derive(Debug)]
pub(crate) enum Source {
    Direct(ConnectionInfo),
    Sentinels(Sentinels),
}

impl Source {
    /// The master, as far as can be told now. Whoever is there may have become a replica all the same.
    pub(crate) async fn master(&self) -> RedisResult<ConnectionInfo> {
        match self {
            Self::Direct(at) => Ok(at.clone()),
            Self::Sentinels(sentinels) => sentinels.master().await,
        }
    }

    /// Whether the master is elsewhere now, whatever the one at this address thinks.
    pub(crate) async fn is_superseded(&self, at: &ConnectionInfo) -> bool {
        match self {
            Self::Direct(_) => false,
            Self::Sentinels(sentinels) => sentinels.name_another(at).await,
        }
    }
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
