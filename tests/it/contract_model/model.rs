//! Who is where, by a few lines that know of no Redis; and, while that is not certain, what may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use hubbub_core::{Arrival, SessionId};

use super::watch::People;

/// A person in a room: the room's and the person's number.
pub(super) type Key = (usize, usize);

/// A leave that is due has been said by then.
const OVER: Duration = Duration::from_secs(5);

/// Redis counts whole milliseconds.
const MARGIN: Duration = Duration::from_millis(5);

/// What is true of all rooms.
#[derive(Debug, Default)]
pub(super) struct Model {
    pairs: BTreeMap<Key, Pair>,
    nodes: BTreeMap<usize, Standing>,
    /// Redis is away: what is said to it may come late, or never.
    is_stormy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It holds its lease.
    Living,
    /// It lives, but may not have its lease, and then enters everyone again.
    Shaky,
    /// It stands still. Its lease ends.
    Paused,
}

#[derive(Debug, Default)]
struct Pair {
    /// By node.
    holds: BTreeMap<usize, Hold>,
    is_strangers: bool,
    /// What they may be called.
    names: BTreeSet<String>,
    pending: Option<Pending>,
    /// A node that is gone may hold them, until it is buried.
    is_fading: bool,
    /// They were there at the last rest, and never away since.
    is_steady: bool,
}

#[derive(Debug)]
struct Hold {
    sessions: BTreeSet<SessionId>,
    name: String,
    grace: Duration,
}

/// A leave that is held back.
#[derive(Debug, Clone, Copy)]
struct Pending {
    /// Not before.
    due: Instant,
    /// It is known to be held back.
    is_sure: bool,
}

/// Somebody who wants to come in.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) key: Key,
    pub(super) node: usize,
    pub(super) session: SessionId,
    pub(super) is_stranger: bool,
    pub(super) name: String,
    pub(super) renames: bool,
    pub(super) grace: Duration,
}

impl Model {
    pub(super) fn stands(&mut self, node: usize, standing: Standing) {
        self.nodes.insert(node, standing);
    }

    pub(super) fn standing(&self, node: usize) -> Standing {
        self.nodes[&node]
    }

    /// All that could go, with their names: sessions of nodes that answer.
    pub(super) fn sessions(&self) -> Vec<(Key, usize, SessionId)> {
        let mut all = Vec::new();
        for (key, pair) in &self.pairs {
            for (node, hold) in pair.holds.iter().filter(|(node, _)| self.nodes[*node] != Standing::Paused) {
                all.extend(hold.sessions.iter().map(|session| (*key, *node, *session)));
            }
        }
        all
    }

    /// Whose the place is.
    pub(super) fn is_strangers(&self, key: Key) -> bool {
        self.pairs.get(&key).is_some_and(|pair| pair.is_strangers)
    }

    /// Whether it may go to somebody else: not what a node holds that will only say so when it is back.
    pub(super) fn may_be_contested(&self, key: Key) -> bool {
        let holds = self.pairs.get(&key).into_iter().flat_map(|pair| pair.holds.keys());
        holds.map(|node| self.nodes[node]).all(|standing| standing == Standing::Living)
    }

    /// A guest was answered at this moment.
    pub(super) fn came(&mut self, guest: &Guest, arrival: Arrival, to: Instant) -> Result<(), String> {
        let (is_there, may_be_there) = (self.is_there(guest.key, to), self.may_be_there(guest.key));
        let (least, most) = self.count_without(guest.key, to);
        let is_calm = !self.is_stormy && self.may_be_contested(guest.key);
        let pair = self.pairs.entry(guest.key).or_default();
        let is_his = pair.is_strangers == guest.is_stranger;
        let count = match arrival {
            Arrival::Taken if may_be_there && !is_his => return Ok(()),
            Arrival::First { count, .. } if !is_there => {
                pair.begin(guest);
                count
            }
            Arrival::Again { count, .. } if may_be_there && is_his => {
                pair.goes_on(guest, is_calm);
                count
            }
            _ => return Err(format!("{arrival:?} for {guest:?}, and this was {pair:?}")),
        };
        pair.hold(guest);
        if (least + 1..=most + 1).contains(&count) {
            Ok(())
        } else {
            Err(format!("{count} people, not {least}..={most}"))
        }
    }

    /// A guest was told nothing: all is as before, though for a moment it may be otherwise.
    pub(super) fn failed(&mut self, guest: &Guest) {
        let is_held = self.is_held(guest.key);
        let pair = self.pairs.entry(guest.key).or_default();
        if let Some(hold) = pair.holds.get_mut(&guest.node).filter(|_| guest.renames) {
            hold.name.clone_from(&guest.name);
            pair.names.insert(guest.name.clone());
        }
        pair.pending = pair.pending.map(Pending::doubted);
        if !is_held {
            pair.doubt();
        }
    }

    /// A session has gone; its node began to say so at this moment. Whether it was the last of all, if that is certain.
    pub(super) fn went(
        &mut self,
        key: Key,
        node: usize,
        session: SessionId,
        grace: Duration,
        from: Instant,
    ) -> Option<bool> {
        let is_living = self.standing(node) == Standing::Living && !self.is_stormy;
        let pair = self.pairs.get_mut(&key)?;
        let hold = pair.holds.get_mut(&node)?;
        hold.sessions.remove(&session);
        if hold.sessions.is_empty() {
            pair.holds.remove(&node);
        }
        let is_last = pair.holds.is_empty();
        let is_certain = is_living
            && !pair.is_fading
            && pair.holds.keys().all(|node| self.nodes[node] == Standing::Living);
        pair.waits_for(grace, from, is_certain);
        let waits = pair.waits(Instant::now());
        if !self.is_held(key) {
            self.lets_go(key, from, is_last && is_certain);
        }
        waits.filter(|_| is_certain).map(|waits| is_last && !waits)
    }

    /// No living node holds them any more.
    fn lets_go(&mut self, key: Key, from: Instant, is_sure: bool) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        pair.is_fading |= !is_sure;
        pair.is_steady &= pair.waits(from) == Some(true);
        if !is_sure {
            pair.pending = pair.pending.map(Pending::doubted);
        }
    }

    /// A node died.
    pub(super) fn killed(&mut self, node: usize) {
        self.nodes.remove(&node);
        for pair in self.pairs.values_mut() {
            pair.is_fading |= pair.holds.remove(&node).is_some();
        }
    }

    /// A node ended in order, and began to say so at this moment.
    pub(super) fn resigned(&mut self, node: usize, from: Instant) {
        let is_living = self.nodes.remove(&node) == Some(Standing::Living) && !self.is_stormy;
        for key in self.pairs.keys().copied().collect::<Vec<_>>() {
            let Some(pair) = self.pairs.get_mut(&key) else { continue };
            let Some(hold) = pair.holds.remove(&node) else { continue };
            let is_certain = is_living && !pair.is_fading;
            pair.waits_for(hold.grace, from, is_certain);
            let is_sure = is_certain && pair.holds.is_empty();
            if !self.is_held(key) {
                self.lets_go(key, from, is_sure);
            }
        }
    }

    /// A node that stood still goes on, and enters everyone again if it must.
    pub(super) fn returned(&mut self, node: usize) {
        for key in self.pairs.keys().copied().collect::<Vec<_>>() {
            let is_held = self.is_held(key);
            if let Some(pair) = self.pairs.get_mut(&key).filter(|pair| pair.holds.contains_key(&node)) {
                pair.names.extend(pair.holds.values().map(|hold| hold.name.clone()));
                pair.is_steady &= is_held;
                pair.pending = pair.pending.map(Pending::doubted);
            }
        }
        self.stands(node, Standing::Shaky);
    }

    /// Redis is away, or no longer.
    pub(super) fn storms(&mut self, is_stormy: bool) {
        self.is_stormy = is_stormy;
    }

    pub(super) fn is_stormy(&self) -> bool {
        self.is_stormy
    }

    /// Redis has forgotten everything.
    pub(super) fn flushed(&mut self) {
        for standing in self.nodes.values_mut().filter(|standing| **standing == Standing::Living) {
            *standing = Standing::Shaky;
        }
        for pair in self.pairs.values_mut() {
            pair.names.extend(pair.holds.values().map(|hold| hold.name.clone()));
            pair.is_fading |= !pair.holds.is_empty() || pair.pending.take().is_some();
            pair.is_steady = false;
        }
    }

    /// Whether these are the people of a room that has come to rest, or why not.
    pub(super) fn agrees(&self, room: usize, people: &People, at: Instant) -> Result<(), String> {
        for user in people.keys() {
            let known = user.parse().is_ok_and(|user| self.pairs.contains_key(&(room, user)));
            known.then_some(()).ok_or_else(|| format!("{user} is there"))?;
        }
        for (&(_, user), pair) in self.room(room) {
            let shown = people.get(&user.to_string());
            let devices = self.devices(pair);
            let is_right = match (shown, pair.pending) {
                (Some((name, shown)), pending) => {
                    let is_pending = pending.is_some_and(|pending| pending.lasts(at));
                    *shown == devices && pair.names.contains(name) && (devices > 0 || is_pending)
                }
                (None, Some(pending)) => devices == 0 && (!pending.lasts(at) || !pending.is_sure),
                (None, None) => devices == 0,
            };
            is_right
                .then_some(())
                .ok_or_else(|| format!("user {user} is {shown:?}, {devices} devices of {pair:?}"))?;
        }
        Ok(())
    }

    /// These never left since the last rest.
    pub(super) fn stayed(&self, room: usize, at: Instant) -> BTreeSet<String> {
        let stayed = self.room(room).filter(|(key, pair)| pair.is_steady && self.is_there(**key, at));
        stayed.map(|((_, user), _)| user.to_string()).collect()
    }

    /// A room has come to rest with these people.
    pub(super) fn rests(&mut self, room: usize, people: &People) {
        for ((_, user), pair) in self.pairs.iter_mut().filter(|((its, _), _)| *its == room) {
            let shown = people.get(&user.to_string());
            if let Some((name, _)) = shown {
                pair.names = BTreeSet::from([name.clone()]);
            }
            let now = Instant::now();
            pair.pending = match shown {
                None => None,
                Some((_, 0)) => pair.pending.map(|pending| Pending { is_sure: true, ..pending }),
                Some(_) => pair.pending.filter(|pending| !pending.is_over(now)),
            };
            (pair.is_fading, pair.is_steady) = (false, shown.is_some());
        }
    }

    /// Every node that lives has its lease.
    pub(super) fn all_rest(&mut self) {
        for standing in self.nodes.values_mut().filter(|standing| **standing == Standing::Shaky) {
            *standing = Standing::Living;
        }
    }

    /// They are there at this moment, whatever else happens.
    fn is_there(&self, key: Key, at: Instant) -> bool {
        let pending = self.pairs.get(&key).and_then(|pair| pair.pending);
        self.is_held(key) || pending.is_some_and(|pending| pending.is_sure && pending.lasts(at))
    }

    /// A node that has its lease holds them.
    fn is_held(&self, key: Key) -> bool {
        let holds = self.pairs.get(&key).into_iter().flat_map(|pair| pair.holds.keys());
        holds.map(|node| self.nodes[node]).any(|standing| standing == Standing::Living)
    }

    fn may_be_there(&self, key: Key) -> bool {
        let pair = self.pairs.get(&key);
        pair.is_some_and(|pair| !pair.holds.is_empty() || pair.pending.is_some() || pair.is_fading)
    }

    /// How many others are in the room, at least and at most.
    fn count_without(&self, key: Key, at: Instant) -> (usize, usize) {
        let others: Vec<_> =
            self.room(key.0).map(|(other, _)| *other).filter(|other| *other != key).collect();
        let least = others.iter().filter(|other| self.is_there(**other, at)).count();
        (least, others.iter().filter(|other| self.may_be_there(**other)).count())
    }

    fn devices(&self, pair: &Pair) -> usize {
        let living = pair.holds.iter().filter(|(node, _)| self.nodes[*node] != Standing::Paused);
        living.map(|(_, hold)| hold.sessions.len()).sum()
    }

    fn room(&self, room: usize) -> impl Iterator<Item = (&Key, &Pair)> {
        self.pairs.iter().filter(move |((its, _), _)| *its == room)
    }
}

impl Pending {
    /// It is still held back.
    fn lasts(self, at: Instant) -> bool {
        at + MARGIN < self.due
    }

    /// It is not any more, by a wide margin.
    fn is_over(self, at: Instant) -> bool {
        at > self.due + OVER
    }

    fn doubted(self) -> Self {
        Self { is_sure: false, ..self }
    }
}

impl Pair {
    /// They were not there.
    fn begin(&mut self, guest: &Guest) {
        self.is_strangers = guest.is_stranger;
        self.names = BTreeSet::from([guest.name.clone()]);
        self.pending = None;
        (self.is_fading, self.is_steady) = (false, false);
    }

    /// They were there. Whoever is back as the only session has the name that they come with.
    fn goes_on(&mut self, guest: &Guest, is_calm: bool) {
        // Another name is no other session.
        self.pending = self.pending.filter(|_| guest.renames);
        if guest.renames || self.holds.is_empty() && !self.is_fading {
            self.names = BTreeSet::from([guest.name.clone()]);
        } else if self.is_fading || !is_calm {
            self.names.insert(guest.name.clone());
        }
    }

    fn hold(&mut self, guest: &Guest) {
        let new = || Hold { sessions: BTreeSet::new(), name: guest.name.clone(), grace: guest.grace };
        let hold = self.holds.entry(guest.node).or_insert_with(new);
        hold.sessions.insert(guest.session);
        if guest.renames {
            hold.name.clone_from(&guest.name);
        }
    }

    /// A session is lost that may come back, whichever others there are.
    fn waits_for(&mut self, grace: Duration, from: Instant, is_sure: bool) {
        if !grace.is_zero() {
            self.pending = Some(Pending { due: from + grace, is_sure });
        }
    }

    /// Whether one is waited for, if that is certain.
    fn waits(&self, at: Instant) -> Option<bool> {
        match self.pending {
            None => Some(false),
            Some(pending) => (pending.is_sure && pending.lasts(at)).then_some(true),
        }
    }

    /// Nobody can say whether they come or go.
    fn doubt(&mut self) {
        (self.is_fading, self.is_steady) = (true, false);
        self.pending = self.pending.map(Pending::doubted);
    }
}
