//! The nodes: a backplane each, which keeps its lease and buries the dead as a gateway's does.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use hubbub_core::{
    Arrival, Backplane, BackplaneError, Buried, Claim, Exit, Inbound, NodeId, Presence, RoomId, Subscription,
};
use hubbub_redis::Options;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::Error;

/// Claims and exits that are under way at a time, over all nodes.
const TOGETHER: usize = 256;

/// All nodes share one thread here: what keeps one of them busy keeps all of them waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a node compares what it holds with what Redis thinks that it does.
const COMPARING: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Nodes {
    backplanes: Vec<Backplane>,
    beating: Vec<JoinSet<()>>,
    beats: mpsc::UnboundedReceiver<Beat>,
}

/// One heartbeat that buried somebody, or failed.
#[derive(Debug)]
pub(crate) struct Beat {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) buried: Result<Vec<Buried>, BackplaneError>,
}

impl Nodes {
    /// So many, each with its lease.
    pub(crate) async fn start(url: &str, nodes: u32) -> Result<Self, Error> {
        // Nodes that were not started together do not compare what they hold together either.
        let repair = |node| COMPARING.mul_f64(0.5 + f64::from(node) / f64::from(nodes));
        let backplanes = try_join_all((0..nodes).map(|node| connect(url, node, repair(node)))).await?;
        let (told, beats) = mpsc::unbounded_channel();
        let beating =
            backplanes.iter().map(|node| begin_beating(node.presence.clone(), told.clone())).collect();
        Ok(Self { backplanes, beating, beats })
    }

    /// The node that a person is on.
    fn of(&self, person: u32) -> &dyn Presence {
        &*self.backplanes[person as usize % self.backplanes.len()].presence
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.backplanes.len()).expect("as many as were asked for")
    }

    /// All of them come in; how many came of anything is the caller's to know.
    pub(crate) async fn enter(
        &self,
        people: impl Iterator<Item = u32>,
        claim: impl Fn(u32) -> Claim,
    ) -> Result<usize, BackplaneError> {
        let entering = stream::iter(people).map(async |person| self.of(person).enter(claim(person)).await);
        let first = entering.buffer_unordered(TOGETHER).try_fold(0, async |first, arrival| {
            Ok(first + usize::from(matches!(arrival, Arrival::First { .. })))
        });
        first.await
    }

    pub(crate) async fn leave(
        &self,
        people: impl Iterator<Item = u32>,
        exit: impl Fn(u32) -> Exit,
    ) -> Result<(), BackplaneError> {
        let leaving = stream::iter(people).map(async |person| self.of(person).leave(exit(person)).await);
        leaving.buffer_unordered(TOGETHER).try_for_each(async |_| Ok(())).await
    }

    /// Everyone in a room, as one node reads it.
    pub(crate) async fn read(&self, room: &RoomId) -> Result<usize, BackplaneError> {
        Ok(self.backplanes[0].presence.occupants(room).await?.occupants.len())
    }

    /// These nodes hear a room.
    pub(crate) async fn hear(
        &mut self,
        room: &RoomId,
        nodes: Range<usize>,
    ) -> Result<Vec<Subscription>, BackplaneError> {
        for backplane in &mut self.backplanes[nodes.clone()] {
            let inbox = std::mem::replace(&mut backplane.inbox, mpsc::channel(1).1);
            tokio::spawn(hear(inbox));
        }
        try_join_all(self.backplanes[nodes].iter().map(|node| node.broker.subscribe(room))).await
    }

    /// The first node goes on no more, as after a crash.
    pub(crate) fn kill_first(&mut self) {
        self.beating[0].abort_all();
    }

    /// The next heartbeat that was worth telling; waits for it.
    pub(crate) async fn next_beat(&mut self) -> Option<Beat> {
        self.beats.recv().await
    }
}

async fn connect(url: &str, node: u32, repair: Duration) -> Result<Backplane, Error> {
    let id = NodeId::parse(&format!("node-{node}"))?;
    let options = Options { repair, response_timeout: PATIENCE, ..Options::new(url, id) };
    let backplane = hubbub_redis::connect(options).await?;
    backplane.presence.heartbeat().await?;
    Ok(backplane)
}

fn begin_beating(presence: Arc<dyn Presence>, told: mpsc::UnboundedSender<Beat>) -> JoinSet<()> {
    let mut beating = JoinSet::new();
    beating.spawn(async move {
        let mut ticks = interval(presence.beat());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let began = Instant::now();
            let buried = presence.heartbeat().await;
            if !matches!(&buried, Ok(nobody) if nobody.is_empty()) {
                // Nobody listens: the run is over.
                let _ = told.send(Beat { began, ended: Instant::now(), buried });
            }
        }
    });
    beating
}

async fn hear(mut inbox: mpsc::Receiver<Inbound>) {
    while inbox.recv().await.is_some() {}
}
