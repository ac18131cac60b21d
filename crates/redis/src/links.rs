//! The connections that commands go over.
//!
//! Short commands share one connection and are pipelined on it; long answers have connections to themselves, so that they
//! delay nobody and only so many of them are in memory at once. Both come from deadpool pools with a manager of our own:
//! the stock one asks Redis before every command, which doubles its round trips, by a command outside our ACL (UNWATCH).

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use deadpool::managed::{self, Pool, PoolError, RecycleError, RecycleResult};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline, RedisError,
    RedisResult, ServerErrorKind, aio::MultiplexedConnection,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    metrics, script,
    source::{Master, Source},
};

/// Commands that wait for a connection's writer; when they are more, their callers wait, and then give up.
const WAITING: usize = 1_024;

/// How often a command is tried. Every one of ours may be said twice.
const ATTEMPTS: u32 = 2;

/// Where a command goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lane {
    /// The shared connection: short questions, short answers.
    Quick,
    /// A connection to itself.
    Long,
}

/// The way to Redis.
#[derive(Debug)]
pub(crate) struct Links {
    source: Arc<Source>,
    quick: Pool<Maker>,
    long: Pool<Maker>,
    oldest: Arc<Mutex<Instant>>,
    patience: Duration,
}

impl Links {
    /// Connects to nothing yet.
    pub(crate) fn new(source: Source, pool_size: usize, patience: Duration) -> Self {
        let (source, oldest) = (Arc::new(source), Arc::new(Mutex::new(Instant::now())));
        let pool = |size| {
            let maker = Maker { source: source.clone(), patience, oldest: oldest.clone() };
            Pool::builder(maker).max_size(size).build().expect("no timeouts, no runtime needed")
        };
        let (quick, long) = (pool(1), pool(pool_size.max(1)));
        Self { source, quick, long, oldest, patience }
    }

    /// The master that carries out the commands, asked just now.
    pub(crate) async fn leader(&self) -> Result<Leader, Failure> {
        let asked = self.answered(Lane::Quick, "role", |_| one(redis::cmd("ROLE"))).await;
        let Link { at, run, .. } = match asked {
            Ok(((Master,), link)) => link,
            Err(Failure::Refused(_, error)) if error.kind() == Master::MISSED => {
                return Err(Failure::Deposed);
            }
            Err(failure) => return Err(failure),
        };
        if self.source.is_superseded(&at).await {
            self.forget_before(Instant::now());
            return Err(Failure::Deposed);
        }
        Ok(Leader { at, run })
    }

    /// Carries out one command once or not at all.
    pub(crate) async fn once<T: FromRedisValue>(&self, name: &'static str, cmd: Cmd) -> Result<T, Failure> {
        let started = Instant::now();
        let make = |_: &Link| one(cmd.clone());
        let answer = self.attempt(Lane::Quick, name, started + self.patience, &make).await;
        match &answer {
            Ok(_) => metrics::command(name, started.elapsed()),
            Err(_) => metrics::errors(1),
        }
        answer.map(|((answer,), _)| answer)
    }

    /// Carries out several commands in one round trip, not in one step, and answers within two attempts' time. They may
    /// have been carried out twice, and if the answer is an error other than [`Failure::Unreached`], once.
    pub(crate) async fn pipeline<T: FromRedisValue>(
        &self,
        lane: Lane,
        name: &'static str,
        make: impl Fn(&Link) -> Pipeline + Send + Sync,
    ) -> Result<T, Failure> {
        let (answer, _) = self.answered(lane, name, make).await?;
        Ok(answer)
    }

    /// The answer, and the connection that it came by.
    async fn answered<T: FromRedisValue>(
        &self,
        lane: Lane,
        name: &'static str,
        make: impl Fn(&Link) -> Pipeline + Send + Sync,
    ) -> Result<(T, Link), Failure> {
        let started = Instant::now();
        let mut failure: Option<Failure> = None;
        for attempt in 1..=ATTEMPTS {
            let result = self.attempt(lane, name, started + self.patience * attempt, &make).await;
            match result {
                Ok(answer) => {
                    metrics::command(name, started.elapsed());
                    return Ok(answer);
                }
                Err(error) => {
                    metrics::errors(1);
                    let last = attempt == ATTEMPTS || !error.may_pass();
                    // What may have been carried out once stays so, whatever the second attempt met.
                    let worst = failure.take().filter(Failure::may_be_done).unwrap_or(error);
                    if last {
                        return Err(worst);
                    }
                    failure = Some(worst);
                }
            }
        }
        Err(failure.unwrap_or(Failure::Silent(name)))
    }

    async fn attempt<T: FromRedisValue>(
        &self,
        lane: Lane,
        name: &'static str,
        deadline: Instant,
        make: &(impl Fn(&Link) -> Pipeline + Send + Sync),
    ) -> Result<(T, Link), Failure> {
        let pool = match lane {
            Lane::Quick => &self.quick,
            Lane::Long => &self.long,
        };
        let got = timeout_at(deadline, pool.get())
            .await
            .map_err(|_| Failure::Unreached("it does not answer".into()))?;
        let mine = got.map_err(Failure::unreached)?;
        let mut link = Link::clone(&mine);
        let _mine = matches!(lane, Lane::Long).then_some(mine);
        let (asked, pipeline) = (Instant::now(), make(&link));
        let answer = link.ask(name, deadline, &pipeline).await;
        if answer.is_err() && link.broken.load(Relaxed) {
            self.forget_before(asked);
        }
        answer.map(|answer| (answer, link))
    }

    /// What ended one connection has ended all that were there then, and the next attempt must not meet them, nor any
    /// that is still in use and comes back later.
    fn forget_before(&self, asked: Instant) {
        let mut oldest = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        *oldest = asked.max(*oldest);
        drop(oldest);
        for pool in [&self.quick, &self.long] {
            pool.retain(|link, _| link.made > asked);
        }
    }
}

fn one(cmd: Cmd) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.add_command(cmd);
    pipeline
}

/// A connection, and which Redis process it leads to.
#[derive(Clone)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    at: Arc<ConnectionInfo>,
    /// That process's run id: another one may have lost the end of what was written.
    pub(crate) run: Arc<str>,
    broken: Arc<AtomicBool>,
    made: Instant,
    /// Milliseconds after `made` of the last answer.
    answered: Arc<AtomicU64>,
}

impl Link {
    async fn ask<T: FromRedisValue>(
        &mut self,
        name: &'static str,
        deadline: Instant,
        pipeline: &Pipeline,
    ) -> Result<T, Failure> {
        let asked = self.age();
        match timeout_at(deadline, pipeline.query_async(&mut self.connection)).await {
            Ok(Ok(answer)) => {
                self.answered.store(self.age(), Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.broken.fetch_or(needs_another_link(&error), Relaxed);
                Err(Failure::Refused(name, error))
            }
            Err(_) => {
                // A busy Redis answers others meanwhile. One that answers nobody may be behind a cut wire, which only a
                // new connection would notice.
                self.broken.fetch_or(self.answered.load(Relaxed) < asked, Relaxed);
                Err(Failure::Silent(name))
            }
        }
    }

    fn age(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("run", &self.run).finish_non_exhaustive()
    }
}

/// The Redis process that carries out the commands.
#[derive(Debug, Clone)]
pub(crate) struct Leader {
    pub(crate) at: Arc<ConnectionInfo>,
    /// Another one is another process, whatever its address.
    pub(crate) run: Arc<str>,
}

/// Makes links to the master.
#[derive(Debug)]
struct Maker {
    source: Arc<Source>,
    patience: Duration,
    /// Links that were made before this are not used again.
    oldest: Arc<Mutex<Instant>>,
}

impl Maker {
    /// Connects, asks who is there and loads the scripts, in one round trip after the connection's own.
    async fn link(&self, at: ConnectionInfo) -> RedisResult<Link> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience))
            // Ours is around the whole attempt.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        let client = Client::open(at.clone())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut hello = redis::pipe();
        hello.cmd("ROLE").cmd("INFO").arg("server");
        for script in script::ALL {
            hello.cmd("SCRIPT").arg("LOAD").arg(script.code).ignore();
        }
        let (Master, info): (Master, String) = hello.query_async(&mut connection).await.map_err(first)?;
        let run = run_id(&info).ok_or((ErrorKind::UnexpectedReturnType, "INFO names no run_id"))?;
        let (broken, answered) = (Arc::default(), Arc::default());
        Ok(Link { connection, at: Arc::new(at), run: run.into(), broken, made: Instant::now(), answered })
    }
}

impl managed::Manager for Maker {
    type Type = Link;
    type Error = RedisError;

    async fn create(&self) -> Result<Link, RedisError> {
        self.link(self.source.master().await?).await
    }

    async fn recycle(&self, link: &mut Link, _: &managed::Metrics) -> RecycleResult<RedisError> {
        let oldest = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        if link.broken.load(Relaxed) || link.made <= oldest {
            Err(RecycleError::message("it failed"))
        } else {
            Ok(())
        }
    }
}

/// Of an error in several parts, the first: they are refused for one reason.
pub(crate) fn first(error: RedisError) -> RedisError {
    let parts = error.clone().into_server_errors();
    parts.and_then(|parts| parts.first().map(|(_, part)| part.clone().into())).unwrap_or(error)
}

fn run_id(info: &str) -> Option<&str> {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It never got there.
    #[error("redis cannot be reached: {0}")]
    Unreached(String),
    /// It is there, and cannot do our work.
    #[error("redis is there, but is not the master")]
    Deposed,
    /// It may have been carried out or not.
    #[error("redis did not answer {0} in time")]
    Silent(&'static str),
    /// The answer was an error, or the connection ended.
    #[error("{0}: {1}")]
    Refused(&'static str, #[source] RedisError),
}

impl Failure {
    fn unreached(error: PoolError<RedisError>) -> Self {
        match error {
            PoolError::Backend(error) if error.kind() == Master::MISSED => Self::Deposed,
            PoolError::Backend(error) => Self::Unreached(error.to_string()),
            error => Self::Unreached(error.to_string()),
        }
    }

    /// Whether another attempt may go better.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreached(_) | Self::Deposed | Self::Silent(_) => true,
            Self::Refused(_, error) => needs_another_link(error),
        }
    }

    /// Whether it may have been carried out all the same.
    pub(crate) fn may_be_done(&self) -> bool {
        !matches!(self, Self::Unreached(_) | Self::Deposed)
    }
}

/// The connection is gone, or leads to a Redis that cannot do our work: it has no scripts, or is no master any more.
pub(crate) fn needs_another_link(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, NoScript, ReadOnly};
    let elsewhere = matches!(error.kind(), ErrorKind::Server(NoScript | ReadOnly | MasterDown | BusyLoading));
    elsewhere || error.is_io_error() || error.is_unrecoverable_error()
}
