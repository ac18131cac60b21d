//! Asks Redis's sentinels where the master is.
//!
//! They may disagree for a moment, and some may be gone or cut off from the rest. The latest configuration is believed
//! that any of a majority knows; of fewer, only when no more of them answer.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult,
    aio::MultiplexedConnection,
};
use tokio::time::timeout;

use crate::links::first;

/// How long a sentinel may take to answer, connecting included.
const ANSWERING: Duration = Duration::from_millis(500);

/// The sentinels of one master.
#[derive(Debug)]
pub(crate) struct Sentinels {
    pub(crate) all: Vec<Sentinel>,
    /// What they call the master.
    pub(crate) service: String,
    /// How to speak to it, wherever it is.
    pub(crate) manners: ConnectionInfo,
}

impl Sentinels {
    pub(crate) fn new(sentinels: Vec<ConnectionInfo>, service: String, manners: ConnectionInfo) -> Self {
        Self { all: sentinels.into_iter().map(Sentinel::new).collect(), service, manners }
    }

    /// The master, as far as can be told now.
    pub(crate) async fn master(&self) -> RedisResult<ConnectionInfo> {
        let Answer { host, port, .. } = self.latest().await?;
        Ok(self.manners.clone().set_addr(ConnectionAddr::Tcp(host, port)))
    }

    /// Whether they say that another one is the master. They do not, as long as nobody answers.
    pub(crate) async fn name_another(&self, master: &ConnectionInfo) -> bool {
        self.master().await.is_ok_and(|now| now.addr() != master.addr())
    }

    async fn latest(&self) -> RedisResult<Answer> {
        let mut asked: FuturesUnordered<_> =
            self.all.iter().map(|sentinel| sentinel.master(&self.service)).collect();
        let (mut answers, mut failure) = (Vec::new(), None);
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => failure = Some(error),
            }
            if answers.len() > self.all.len() / 2 {
                break;
            }
        }
        let latest = answers.into_iter().max_by_key(|answer| answer.epoch);
        latest.ok_or_else(|| failure.unwrap_or_else(|| (ErrorKind::EmptySentinelList, "no sentinels").into()))
    }
}

/// One of them, and the connection to it, if there is one.
pub(crate) struct Sentinel {
    pub(crate) at: ConnectionInfo,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What it said.
struct Answer {
    /// Of its configuration; every failover raises it.
    epoch: u64,
    host: String,
    port: u16,
}

impl Sentinel {
    fn new(at: ConnectionInfo) -> Self {
        Self { at, connection: Mutex::default() }
    }

    async fn master(&self, service: &str) -> RedisResult<Answer> {
        let answer = timeout(ANSWERING, self.ask(service)).await.unwrap_or_else(|_| {
            let at = self.at.addr().to_string();
            Err((ErrorKind::Io, "a sentinel does not answer", at).into())
        });
        if answer.is_err() {
            *self.connection() = None;
        }
        answer
    }

    /// The epoch is asked for apart: of a failover that is not finished everywhere, only the address speaks at once.
    async fn ask(&self, service: &str) -> RedisResult<Answer> {
        let mut connection = self.connected().await?;
        let mut questions = redis::pipe();
        questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        questions.cmd("SENTINEL").arg("MASTER").arg(service);
        let ((host, port), about): ((String, u16), HashMap<String, String>) =
            questions.query_async(&mut connection).await.map_err(first)?;
        *self.connection() = Some(connection);
        let epoch = about.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or_default();
        Ok(Answer { epoch, host, port })
    }

    async fn connected(&self) -> Result<MultiplexedConnection, RedisError> {
        let known = self.connection().clone();
        if let Some(connection) = known {
            return Ok(connection);
        }
        // Ours is around the whole question.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        Client::open(self.at.clone())?.get_multiplexed_async_connection_with_config(&config).await
    }

    fn connection(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sentinel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sentinel").field(self.at.addr()).finish()
    }
}
