//! Processor time of everybody who has a part in it: the servers, what joins them, and the load generator.

use std::time::Duration;

use serde::Serialize;

use crate::{
    arguments::shared::Places,
    machine::{
        process::{self, Process},
        servers::Servers,
    },
    report::{Row, decimals, or_dash},
};

#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub(crate) servers: Servers,
    /// Redis.
    pub(crate) store: Servers,
}

/// All at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    servers: Option<Duration>,
    store: Option<Duration>,
    own: Duration,
}

/// Seconds; `None` where the processes are not known.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spent {
    pub(crate) server: Option<f64>,
    pub(crate) redis: Option<f64>,
    pub(crate) own: f64,
}

impl Meter {
    pub(crate) fn new(places: &Places) -> Self {
        Self { servers: Servers(places.pid.clone()), store: Servers(places.redis_pid.clone()) }
    }

    pub(crate) fn read(&self) -> anyhow::Result<Clock> {
        Ok(Clock {
            servers: self.servers.cpu_time()?,
            store: self.store.cpu_time()?,
            own: process::cpu_time(Process::This)?,
        })
    }

    pub(crate) fn since(&self, then: &Clock) -> anyhow::Result<Spent> {
        let now = self.read()?;
        let seconds = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64();
        Ok(Spent {
            server: now.servers.zip(then.servers).map(|(now, then)| seconds(now, then)),
            redis: now.store.zip(then.store).map(|(now, then)| seconds(now, then)),
            own: seconds(now.own, then.own),
        })
    }
}

impl Spent {
    pub(crate) fn rows(&self) -> Vec<Row> {
        vec![
            ("server CPU, s", or_dash(self.server, decimals)),
            ("Redis CPU, s", or_dash(self.redis, decimals)),
            ("generator CPU, s", decimals(self.own)),
        ]
    }
}
