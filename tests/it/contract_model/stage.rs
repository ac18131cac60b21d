//! Plays a plan on real backplanes and compares them with the model whenever everything has come to rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hubbub_core::{
    Arrival, BackplaneError, Claim, Departure, Exit, Presence, RoomId, SessionId, Subscription, UserId,
};
use hubbub_tests::redis_server::RedisServer;
use tokio::{sync::mpsc, task::AbortHandle};

use super::{
    model::{Guest, Key, Model, Standing},
    steps::{Coming, Step, Word},
    watch::{Watch, shown},
};
use crate::contract_world::{Node, World, eventually, name, options, room, within};

/// For a lease to end, for an amnesty, and for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nodes that live, or stand still, at a time.
const NODES: usize = 3;

/// What there is in a plan.
pub(super) struct Stage {
    world: World,
    actors: BTreeMap<usize, Actor>,
    rooms: Vec<RoomId>,
    model: Model,
    born: usize,
}

/// A node, and what it hears.
struct Actor {
    node: Node,
    watch: Watch,
    watching: AbortHandle,
    _listening: Vec<Subscription>,
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// What a session is about to do.
enum Intent {
    Come(Guest, Claim),
    Go(Key, usize, Exit),
}

/// What came of it.
enum Deed {
    Came(Guest, Result<Arrival, BackplaneError>),
    Went(Key, usize, Exit, Departure),
}

impl Stage {
    /// Plays it to its end, and then until everyone has left.
    pub(super) async fn play(world: World, plan: &[Step]) {
        let rooms = ["lobby", "kitchen"].map(room).to_vec();
        let mut stage = Self { world, actors: BTreeMap::new(), rooms, model: Model::default(), born: 0 };
        for _ in 0..stage.size() {
            stage.birth().await;
        }
        for step in plan {
            stage.step(step).await;
        }
        stage.end().await;
    }

    fn size(&self) -> usize {
        if self.redis().is_some() { NODES } else { 1 }
    }

    fn redis(&self) -> Option<&RedisServer> {
        if let World::Redis(server) = &self.world { Some(server) } else { None }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Word(word) => self.say(word).await,
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Rest => self.rest().await,
            Step::Kill(which) => self.kill(*which).await,
            Step::Resign(which) => self.resign(*which).await,
            Step::Pause(which) => self.pause(*which),
            Step::Return(which) => self.resume(*which),
            Step::Outage(words) => self.outage(words).await,
            Step::Flush => self.flush(),
        }
    }

    async fn birth(&mut self) {
        let mut node = self.world.node().await;
        if self.redis().is_some() {
            node.live();
        }
        let listening = join_all(self.rooms.iter().map(|room| node.listen(room))).await;
        let inbox = std::mem::replace(&mut node.backplane.inbox, mpsc::channel(1).1);
        let (watch, presence) = (Watch::default(), node.backplane.presence.clone());
        let watching = tokio::spawn(watch.clone().begin(inbox, presence, self.rooms.clone())).abort_handle();
        self.born += 1;
        self.model.stands(self.born, Standing::Living);
        self.actors.insert(self.born, Actor { node, watch, watching, _listening: listening });
    }

    async fn say(&mut self, word: &Word) {
        let Some(intent) = self.intent(word, false) else { return };
        let began = Instant::now();
        let deed = within("an answer", self.carry_out(intent)).await;
        self.note(deed, began);
    }

    async fn carry_out(&self, intent: Intent) -> Deed {
        match intent {
            Intent::Come(guest, claim) => {
                let arrival = self.presence(guest.node).enter(claim).await;
                Deed::Came(guest, arrival)
            }
            Intent::Go(key, node, exit) => {
                let departure = self.presence(node).leave(exit.clone()).await;
                Deed::Went(key, node, exit, departure.expect("leaving never fails"))
            }
        }
    }

    fn presence(&self, node: usize) -> Arc<dyn Presence> {
        self.actors[&node].node.backplane.presence.clone()
    }

    fn note(&mut self, deed: Deed, began: Instant) {
        match deed {
            Deed::Came(guest, Ok(arrival)) => {
                self.model.came(&guest, arrival, Instant::now()).unwrap_or_else(|why| panic!("{why}"));
            }
            Deed::Came(guest, Err(error)) => {
                assert!(self.model.is_stormy(), "{error} for {guest:?}");
                self.model.failed(&guest);
            }
            Deed::Went(key, node, exit, departure) => {
                let last = self.model.went(key, node, exit.session, exit.grace, began);
                let is_last = matches!(departure, Departure::Last { .. });
                assert!(last.is_none_or(|last| last == is_last), "{departure:?} for {key:?} from {node}");
            }
        }
    }

    /// What the word means by now, if anything.
    fn intent(&self, word: &Word, is_outage: bool) -> Option<Intent> {
        match word {
            Word::Come(coming) => Some(self.come(coming, is_outage)),
            Word::Rename(which, called) => {
                let (key, node, session) = choose(*which, &self.model.sessions())?;
                let is_stranger = self.model.is_strangers(key);
                let name = call(*called);
                let guest =
                    Guest { key, node, session, is_stranger, name, renames: true, grace: Duration::ZERO };
                Some(self.wants(guest))
            }
            Word::Go(which, grace) => {
                let (key, node, session) = choose(*which, &self.model.sessions())?;
                let exit = Exit { room: self.rooms[key.0].clone(), user: user(key), session, grace: *grace };
                Some(Intent::Go(key, node, exit))
            }
        }
    }

    fn come(&self, coming: &Coming, is_outage: bool) -> Intent {
        let key = (coming.room, coming.user);
        let is_strangers = self.model.is_strangers(key);
        let is_free = !is_outage && self.model.may_be_contested(key);
        let guest = Guest {
            key,
            node: choose(coming.node, &self.answering()).expect("one answers"),
            session: SessionId::random(),
            is_stranger: if is_free { coming.is_stranger } else { is_strangers },
            name: call(coming.name),
            renames: false,
            grace: coming.grace,
        };
        self.wants(guest)
    }

    fn wants(&self, guest: Guest) -> Intent {
        let claim = Claim {
            room: self.rooms[guest.key.0].clone(),
            user: user(guest.key),
            name: name(&guest.name),
            subject: subject(guest.key, guest.is_stranger),
            session: guest.session,
            renames: guest.renames,
            grace: guest.grace,
        };
        Intent::Come(guest, claim)
    }

    fn answering(&self) -> Vec<usize> {
        let answers = |node: &usize| self.model.standing(*node) != Standing::Paused;
        self.actors.keys().copied().filter(answers).collect()
    }

    /// One that answers, if another one does too.
    fn dispensable(&self, which: usize) -> Option<usize> {
        let answering = self.answering();
        if answering.len() > 1 { choose(which, &answering) } else { None }
    }

    async fn kill(&mut self, which: usize) {
        let Some(node) = choose(which, &self.actors.keys().copied().collect::<Vec<_>>()) else { return };
        self.actors.remove(&node);
        self.model.killed(node);
        self.birth().await;
    }

    async fn resign(&mut self, which: usize) {
        let Some(node) = self.dispensable(which) else { return };
        let began = Instant::now();
        let presence = self.presence(node);
        within("resignation", presence.resign()).await.expect("to resign");
        self.actors.remove(&node);
        self.model.resigned(node, began);
        self.birth().await;
    }

    fn pause(&mut self, which: usize) {
        let Some(node) = self.dispensable(which) else { return };
        self.actors.get_mut(&node).expect("it is there").node.freeze();
        self.model.stands(node, Standing::Paused);
    }

    fn resume(&mut self, which: usize) {
        let paused: Vec<_> =
            self.actors.keys().copied().filter(|n| self.model.standing(*n) == Standing::Paused).collect();
        let Some(node) = choose(which, &paused) else { return };
        self.actors.get_mut(&node).expect("it is there").node.live();
        self.model.returned(node);
    }

    fn flush(&mut self) {
        self.redis().expect("a Redis").cli(["FLUSHALL"]);
        self.model.flushed();
    }

    async fn outage(&mut self, words: &[Word]) {
        let server = self.redis().expect("a Redis");
        let is_over = tokio::time::sleep(options(server).lease * 3 / 2);
        server.pause();
        let mut seen = BTreeSet::new();
        let intents: Vec<_> = words
            .iter()
            .filter_map(|word| self.intent(word, true))
            .filter(|i| seen.insert(i.key()))
            .collect();
        let began = Instant::now();
        let deeds = intents.into_iter().map(|intent| within("an answer", self.carry_out(intent)));
        let deeds = join_all(deeds).await;
        is_over.await;
        self.redis().expect("a Redis").resume();
        self.model.storms(true);
        for deed in deeds {
            self.note(deed, began);
        }
        self.model.storms(false);
        self.make_up().await;
    }

    /// Waits until every node has said what it could not say.
    async fn make_up(&self) {
        for node in self.answering() {
            let presence = self.presence(node);
            self.actors[&node].node.is_healthy().await;
            eventually("a heartbeat", async || presence.heartbeat().await.is_ok()).await;
        }
    }

    /// Waits until every node, and whoever listens to one, agrees with the model.
    async fn rest(&mut self) {
        let began = Instant::now();
        while let Err(why) = self.agree().await {
            self.nothing_is_wrong();
            assert!(began.elapsed() < PATIENCE, "it never comes to rest: {why}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.nothing_is_wrong();
        for (number, room) in self.rooms.iter().enumerate() {
            let stayed = self.model.stayed(number, Instant::now());
            for (node, actor) in &self.actors {
                let left: Vec<_> =
                    actor.watch.take_left(room).into_iter().filter(|user| stayed.contains(user)).collect();
                assert!(left.is_empty(), "node {node} heard that {left:?} left {room}, and they did not");
            }
            self.model.rests(number, &self.somebody().watch.people(room));
        }
        self.model.all_rest();
    }

    fn somebody(&self) -> &Actor {
        &self.actors[&self.answering()[0]]
    }

    async fn agree(&self) -> Result<(), String> {
        for node in self.answering() {
            let actor = &self.actors[&node];
            if self.redis().is_none() {
                actor.node.backplane.presence.heartbeat().await.map_err(|error| error.to_string())?;
            }
            for (number, room) in self.rooms.iter().enumerate() {
                let reading =
                    actor.node.backplane.presence.occupants(room).await.map_err(|error| error.to_string())?;
                if !actor.watch.is_up_to(&reading, room) {
                    return Err(format!("node {node} has not heard all of {room}"));
                }
                for (how, people) in [("reads", shown(&reading)), ("has heard", actor.watch.people(room))] {
                    let agrees = self.model.agrees(number, &people, Instant::now());
                    agrees.map_err(|why| format!("node {node} {how} of {room} that {why}"))?;
                }
            }
        }
        Ok(())
    }

    fn nothing_is_wrong(&self) {
        for (node, actor) in &self.actors {
            let wrong = actor.watch.wrong();
            assert!(wrong.is_empty(), "node {node} heard {wrong:#?}");
        }
    }

    /// Everyone comes to rest, and leaves.
    async fn end(&mut self) {
        for _ in 0..self.actors.len() {
            self.resume(0);
        }
        self.rest().await;
        while !self.model.sessions().is_empty() {
            self.say(&Word::Go(0, Duration::ZERO)).await;
        }
        self.rest().await;
    }
}

impl Intent {
    fn key(&self) -> Key {
        match self {
            Self::Come(guest, _) => guest.key,
            Self::Go(key, ..) => *key,
        }
    }
}

fn choose<T: Copy>(which: usize, all: &[T]) -> Option<T> {
    (!all.is_empty()).then(|| all[which % all.len()])
}

fn user(key: Key) -> UserId {
    UserId::new(key.1.to_string())
}

/// Anyone may be the first of them with him; the others are one person's.
fn subject((_, user): Key, is_stranger: bool) -> Option<String> {
    match (user, is_stranger) {
        (0, false) => None,
        (_, false) => Some("1:hers".to_owned()),
        (_, true) => Some("another's".to_owned()),
    }
}

fn call(number: usize) -> String {
    ["Ann", "-1:Bo 😀", "Cy"][number].to_owned()
}
