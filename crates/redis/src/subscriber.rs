//! A connection that listens, and the loop that brings it back whatever happens to Redis.
//!
//! It only enqueues. What the healer cannot take is dropped here, and its room is read from the log later.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, io::tcp::socket2::SockRef};
use tokio::{
    net::{TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::timeout,
};

use crate::{
    keys::{self, Partitions},
    layout::ShardId,
    line::{Line, Message},
    links::{Failure, Links},
    listeners::State,
    listening::Listening,
    metrics,
    rooms::Rooms,
    shards::Doubts,
    wire,
};

/// Messages that may wait for the healer. More are dropped and healed from the log.
pub(crate) const QUEUE: usize = 8_192;

/// Bytes that may wait there, and in rooms that are being healed.
pub(crate) const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// How long the connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(2);

/// What is sent may be unacknowledged for so long.
pub(crate) const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// Time between attempts to connect: doubled each time, half of it random.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Reasons that are logged of one outage, each once.
const REASONS: usize = 8;

/// A message as it came.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) message: Message,
    pub(crate) bytes: OwnedSemaphorePermit,
}

/// What a node hears from one of Redis's processes.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) links: Arc<Links>,
    pub(crate) shard: ShardId,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) partitions: Partitions,
    pub(crate) doubts: Option<Doubts>,
    pub(crate) queue: mpsc::Sender<Heard>,
    pub(crate) bytes: Arc<Semaphore>,
    pub(crate) state: Arc<watch::Sender<State>>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("{0}")]
    Failed(#[from] RedisError),
    #[error("it was not answered in time")]
    Timeout,
    #[error("redis said nothing for too long")]
    Silent,
    #[error("redis confirmed what it was not asked")]
    Confused,
    #[error("{0}")]
    Leaderless(#[from] Failure),
    #[error("redis is another process than before")]
    Replaced,
}

impl Subscriber {
    /// For ever: connect, subscribe, listen, and again.
    pub(crate) async fn run(self) {
        let (mut pause, mut is_first, mut said) = (FIRST_PAUSE, true, HashSet::new());
        loop {
            let end = self.live_once(is_first).await;
            let lived = self.state.send_if_modified(|state| state.went(self.shard));
            let rooms = self.rooms.cut(self.shard);
            if lived {
                (pause, is_first) = (FIRST_PAUSE, false);
                said.clear();
            }
            if said.len() < REASONS && said.insert(end.to_string()) {
                tracing::warn!(error = %end, rooms, "not connected to redis; trying again until it is there");
            }
            metrics::errors(1);
            self.doubt(None);
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, from its beginning to its end, to the master that the commands go to.
    async fn live_once(&self, is_first: bool) -> End {
        let leader = match self.links.leader().await {
            Ok(leader) => leader,
            Err(failure) => return failure.into(),
        };
        let line = match timeout(CONNECTING, self.connect(&leader.at)).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return error.into(),
            Err(_) => return End::Timeout,
        };
        if !is_first {
            metrics::reconnects(1);
        }
        Listening::new(self, line, leader, is_first).run().await
    }

    async fn connect(&self, at: &ConnectionInfo) -> RedisResult<Line> {
        let who = at.redis_settings();
        match at.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                SockRef::from(&stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
                self.is_at(stream.local_addr()?.ip());
                Line::over_tcp(stream, who).await
            }
            ConnectionAddr::Unix(path) => {
                self.is_at(Ipv4Addr::LOCALHOST.into());
                Line::over_unix(UnixStream::connect(path).await?, who).await
            }
            _ => Err((ErrorKind::InvalidClientConfig, "only TCP and Unix sockets are understood").into()),
        }
    }

    fn is_at(&self, local: IpAddr) {
        self.state.send_modify(|state| state.local = Some(local));
    }

    /// Every room that was wanted is listened to.
    pub(crate) fn is_complete(&self) {
        if self.state.send_if_modified(|state| state.came(self.shard)) {
            tracing::info!("connected to redis");
        }
    }

    pub(crate) fn is_in_a_cluster(&self) -> bool {
        self.doubts.is_some()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.state.borrow().is_there(self.shard)
    }

    /// This one may no longer say what it did; `better`: who knows. One doubt that waits leads to the same as two.
    pub(crate) fn doubt(&self, better: Option<String>) {
        let _waiting = self.doubts.as_ref().map(|doubts| doubts.try_send(better));
    }

    /// Never waits: Redis cuts off those who read slowly.
    pub(crate) fn enqueue(&self, message: Message) {
        let size = message.payload.len();
        if size > wire::LONGEST {
            return metrics::malformed(1);
        }
        let room = self.bytes.clone().try_acquire_many_owned(u32::try_from(size).unwrap_or(u32::MAX));
        let Ok(bytes) = room else { return self.drop_message(&message) };
        if let Err(mpsc::error::TrySendError::Full(heard)) = self.queue.try_send(Heard { message, bytes }) {
            self.drop_message(&heard.message);
        }
    }

    fn drop_message(&self, message: &Message) {
        if wire::is_hint(&message.payload) {
            return;
        }
        if let Some((room, _)) = keys::parse_channel(&message.channel) {
            self.rooms.dropped(&room);
        }
    }
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..=1.0))
}
