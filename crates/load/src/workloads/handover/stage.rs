//! Where the ways of a request are compared: nodes, and sessions that belong to one and are asked for at another.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::time::timeout;

use crate::{
    arguments::{Handover, target::Path},
    plan::run_tag,
    wire::{
        payload::Eio,
        pool::Pool,
        session::{Route, Session},
    },
    words::{
        dialect::{Dialect, Script},
        stamp::{Kind, Stamp},
    },
};

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) pool: Rc<Pool>,
    pub(crate) path: Path,
    pub(crate) script: Script,
    pub(crate) pairs: u32,
    /// Of each way in each round.
    pub(crate) messages: u32,
    pub(crate) rate: f64,
    bytes: usize,
    began: Instant,
}

/// The node that opens a session, and the one that gets all its later requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) owner: usize,
    pub(crate) by: usize,
}

impl Stage {
    pub(crate) fn new(arguments: &Handover) -> Self {
        let nodes = [&arguments.places.url[..], arguments.alone.as_slice()].concat();
        let dialect = Dialect::Response;
        let path = arguments.places.path.clone().unwrap_or_else(|| Path(dialect.default_path().to_owned()));
        Self {
            pool: Rc::new(Pool::new(&nodes, Arc::default())),
            path,
            script: Script { dialect, run: run_tag(), room: String::new() },
            pairs: arguments.pairs,
            messages: arguments.messages,
            rate: arguments.rate,
            bytes: arguments.text.bytes as usize,
            began: Instant::now(),
        }
    }

    /// A session that is in its namespace.
    pub(crate) async fn enter(&self, way: Way) -> anyhow::Result<Session> {
        timeout(LONGEST, self.open(way)).await.context("not let in")?
    }

    async fn open(&self, Way { owner, by }: Way) -> anyhow::Result<Session> {
        let route = Route::always(owner);
        let (mut session, _) =
            Session::open(Rc::clone(&self.pool), self.path.clone(), Eio::Four, route).await?;
        session.reroute(Route::always(by));
        session.post(&[self.script.connect(0)]).await?;
        loop {
            let body = session.poll().await?;
            if session.eio().decode(&body)?.iter().any(|packet| packet.starts_with(b"40")) {
                return Ok(session);
            }
        }
    }

    pub(crate) fn say(&self, kind: Kind, sender: u32, sequence: u32) -> String {
        let stamp = Stamp { kind, sender, sequence, said_at: self.now() };
        self.script.say(&stamp.text(self.script.run, self.bytes), 0)
    }

    /// Nanoseconds, as in stamps.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// So many turns of so many who take turns at the rate.
    pub(crate) fn turns(&self, turns: u32, of: u32) -> Duration {
        Duration::from_secs_f64(f64::from(turns) * f64::from(of) / self.rate)
    }
}

/// What takes longer is broken, not slow.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// Messages that warm connections up, and are not measured.
pub(crate) const WARM_UP: u32 = 20;
