//! The way to whichever of Redis's processes has a key: to the only one, or in a cluster to a slot's master.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::join_all;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout_at},
};

use crate::{
    keys::Partitions,
    layout::{Layout, ShardId},
    links::{self, Failure, Lane, Link, Links},
};

/// How long a slot that is on its way between two masters, or has none at the moment, is left alone.
const PAUSE: Duration = Duration::from_millis(50);

/// All of Redis.
#[derive(Debug)]
pub(crate) struct Shards {
    view: watch::Receiver<View>,
    /// Tells the scout that the view is not right, and who knows better, if someone does. `None`: it is right for ever.
    doubts: Option<Doubts>,
    patience: Duration,
    partitions: Partitions,
    /// How a script tells those who listen.
    pub(crate) say: &'static str,
}

/// Holds one: what comes while it waits is looked into with it.
pub(crate) type Doubts = mpsc::Sender<Option<String>>;

/// Who has what, and the way there.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) layout: Layout,
    pub(crate) shards: Arc<HashMap<ShardId, Arc<Links>>>,
}

impl View {
    /// One Redis.
    pub(crate) fn one(links: Links) -> Self {
        Self { layout: Layout::One, shards: Arc::new([(ShardId::ONLY, Arc::new(links))].into()) }
    }

    /// A cluster of which nothing is known yet.
    pub(crate) fn unknown() -> Self {
        Self { layout: Layout::unknown(), shards: Arc::default() }
    }

    fn links(&self, key: &str) -> Option<(ShardId, Arc<Links>)> {
        let shard = self.layout.shard_of(key)?;
        Some((shard, self.shards.get(&shard)?.clone()))
    }
}

impl Shards {
    /// `patience`: how long one attempt may take.
    pub(crate) fn new(view: watch::Receiver<View>, doubts: Option<Doubts>, patience: Duration) -> Self {
        let layout = view.borrow().layout.clone();
        let say = if layout.is_cluster() { "SPUBLISH" } else { "PUBLISH" };
        Self { view, doubts, patience, partitions: layout.partitions(), say }
    }

    /// How presence is divided.
    pub(crate) fn partitions(&self) -> Partitions {
        self.partitions
    }

    /// Carries out one command where this key is. Like [`Self::pipeline`] otherwise.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        key: &str,
        lane: Lane,
        name: &'static str,
        make: impl Fn(&Link) -> Cmd + Send + Sync,
    ) -> Result<T, Failure> {
        let one = |link: &Link| {
            let mut pipeline = redis::pipe();
            pipeline.add_command(make(link));
            pipeline
        };
        let (answer,) = self.pipeline(key, lane, name, one).await?;
        Ok(answer)
    }

    /// [`Links::once`] where this key is thought to be.
    pub(crate) async fn once<T: FromRedisValue>(
        &self,
        key: &str,
        name: &'static str,
        cmd: Cmd,
    ) -> Result<T, Failure> {
        let (_, links) = self.links(key, Instant::now() + self.patience).await?;
        links.once(name, cmd).await.inspect_err(|failure| self.doubt(failure))
    }

    /// [`Links::pipeline`] where this key is; the others must be in its slot. What a master refuses because a slot is not
    /// its own has not been carried out, and goes to whoever has it now, for as long as two attempts may take.
    pub(crate) async fn pipeline<T: FromRedisValue>(
        &self,
        key: &str,
        lane: Lane,
        name: &'static str,
        make: impl Fn(&Link) -> Pipeline + Send + Sync,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + self.patience * 2;
        loop {
            let (_, links) = self.links(key, deadline).await?;
            match links.pipeline(lane, name, &make).await {
                Err(failure) if self.may_go_on(&failure, deadline).await => {}
                answer => return answer,
            }
        }
    }

    /// Asks about many keys, in one round trip to each shard that has some. `add` puts one command, and any number of
    /// ignored ones, into the pipeline for the key of that number. Answers by key; `None`: its shard could not be asked,
    /// or refused this one.
    pub(crate) async fn scatter(
        &self,
        lane: Lane,
        name: &'static str,
        keys: &[String],
        add: impl Fn(&mut Pipeline, &Link, usize) + Send + Sync,
    ) -> Vec<Option<Value>> {
        let mut all = vec![None; keys.len()];
        let groups = self.grouped(keys);
        let asked =
            groups.into_values().map(|(links, members)| self.ask_all(lane, name, links, members, &add));
        for (member, answer) in join_all(asked).await.into_iter().flatten() {
            all[member] = Some(answer);
        }
        all
    }

    /// Asks one shard. A pipeline has either all answers or none, so what is refused is left out and the rest asked again.
    async fn ask_all(
        &self,
        lane: Lane,
        name: &'static str,
        links: Arc<Links>,
        mut members: Vec<usize>,
        add: &(impl Fn(&mut Pipeline, &Link, usize) + Send + Sync),
    ) -> Vec<(usize, Value)> {
        while !members.is_empty() {
            let starts = OnceLock::new();
            let make = |link: &Link| {
                let (mut pipeline, mut begun) = (redis::pipe(), Vec::new());
                for member in &members {
                    begun.push(pipeline.len());
                    add(&mut pipeline, link, *member);
                }
                let _the_same_each_time = starts.set(begun);
                pipeline
            };
            let answers: Result<Vec<Value>, Failure> = links.pipeline(lane, name, make).await;
            let failure = match answers {
                Ok(answers) => return members.into_iter().zip(answers).collect(),
                Err(failure) => failure,
            };
            self.doubt(&failure);
            let refused = refused(&failure, starts.get().map_or(&[], Vec::as_slice));
            if refused.is_empty() {
                break;
            }
            let asked = members.into_iter().enumerate();
            members = asked.filter(|(place, _)| !refused.contains(place)).map(|(_, member)| member).collect();
        }
        Vec::new()
    }

    fn grouped(&self, keys: &[String]) -> HashMap<ShardId, (Arc<Links>, Vec<usize>)> {
        let view = self.view.borrow().clone();
        let mut groups = HashMap::new();
        for (member, key) in keys.iter().enumerate() {
            if let Some((shard, links)) = view.links(key) {
                let (_, members) = groups.entry(shard).or_insert_with(|| (links, Vec::new()));
                members.push(member);
            }
        }
        groups
    }

    async fn links(&self, key: &str, deadline: Instant) -> Result<(ShardId, Arc<Links>), Failure> {
        if let Some(found) = self.view.borrow().links(key) {
            return Ok(found);
        }
        let mut view = self.view.clone();
        let known = timeout_at(deadline, view.wait_for(|view| view.links(key).is_some())).await;
        let found = known.ok().and_then(Result::ok).and_then(|view| view.links(key));
        found.ok_or_else(|| Failure::Unreached("no master is known that has this slot".into()))
    }

    /// Waits until another attempt may go better, if it may.
    async fn may_go_on(&self, failure: &Failure, deadline: Instant) -> bool {
        self.doubt(failure);
        let Failure::Refused(_, error) = failure else { return false };
        match misdirected(error) {
            None => false,
            Some(ServerErrorKind::Moved) => {
                let mut view = self.view.clone();
                view.mark_unchanged();
                timeout_at(deadline, view.changed()).await.is_ok_and(|changed| changed.is_ok())
            }
            // ASK is not followed: none of our scripts can run on either side until all keys of the slot are there.
            Some(_) => {
                sleep(PAUSE).await;
                Instant::now() < deadline
            }
        }
    }

    /// A master that is gone may have been replaced, and one that refuses a slot knows by whom.
    fn doubt(&self, failure: &Failure) {
        let Some(doubts) = &self.doubts else { return };
        let better = match failure {
            Failure::Refused(_, error) => place(error),
            _ => None,
        };
        // One that waits already leads to the same.
        let _waiting = doubts.try_send(better);
    }
}

/// Which of the questions that begin at these commands were refused, where the others would have been answered.
fn refused(failure: &Failure, starts: &[usize]) -> HashSet<usize> {
    let Failure::Refused(_, error) = failure else { return HashSet::new() };
    if links::needs_another_link(error) {
        return HashSet::new();
    }
    let errors = error.clone().into_server_errors();
    let question = |(at, _): &(usize, _)| starts.partition_point(|start| start <= at).checked_sub(1);
    errors.iter().flat_map(|errors| errors.iter()).filter_map(question).collect()
}

/// Why a master of a cluster has not done it, if that is because it does not have the slot, or not at the moment.
pub(crate) fn misdirected(error: &RedisError) -> Option<ServerErrorKind> {
    use ServerErrorKind::{Ask, ClusterDown, Moved, TryAgain};
    match error.kind() {
        ErrorKind::Server(kind @ (Moved | Ask | TryAgain | ClusterDown)) => Some(kind),
        _ => None,
    }
}

/// Whom a refusal names, as `host:port`.
pub(crate) fn place(error: &RedisError) -> Option<String> {
    let errors = error.clone().into_server_errors()?;
    let moved = errors.iter().find(|(_, error)| error.kind() == Some(ServerErrorKind::Moved))?;
    moved.1.details()?.split(' ').nth(1).map(str::to_owned)
}
