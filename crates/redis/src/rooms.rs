//! The rooms that this node listens to: who wants them, what Redis has confirmed, and where each stands.
//!
//! Three parties share this: those who listen, the subscriber (which turns wishes into subscriptions, one batch at a time)
//! and the healer (which delivers). Nobody holds the lock across anything that waits.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hubbub_core::{Envelope, Inbound, Place, Position, RoomId, Subscription};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use crate::{
    logs::Suffix,
    room::{Ask, Channel, Effects, Room},
    track::Held,
};

/// How often Redis is told that a log is in use.
const KEEP: Duration = Duration::from_mins(15);

/// The rooms of one node.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    state: Mutex<State>,
    /// Wakes the subscriber: some room is wanted or no longer.
    pub(crate) wishes: Notify,
    /// Wakes the healer: some room is to be compared with its log.
    pub(crate) due: Notify,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomId, Room>,
    /// Rooms whose listeners came or went.
    wishes: HashSet<RoomId>,
    /// Rooms to be compared, each once.
    due: VecDeque<RoomId>,
    births: u64,
}

/// What the subscriber has to ask for.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) subscribe: Vec<(RoomId, u64)>,
    pub(crate) unsubscribe: Vec<RoomId>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.subscribe.is_empty() && self.unsubscribe.is_empty()
    }
}

impl Rooms {
    /// One more listener. The receiver, if any, hears when Redis has confirmed the room and its top is known.
    pub(crate) fn listen(self: &Arc<Self>, room: &RoomId) -> (Subscription, Option<oneshot::Receiver<()>>) {
        let ready = self.lock().listen(room);
        if ready.is_some() {
            self.wishes.notify_one();
        }
        let (rooms, name) = (self.clone(), room.clone());
        (Subscription::new(move || rooms.forget(&name)), ready)
    }

    fn forget(&self, name: &RoomId) {
        let mut state = self.lock();
        let Some(room) = state.rooms.get_mut(name) else { return };
        room.listeners = room.listeners.saturating_sub(1);
        if room.listeners == 0 {
            state.wishes.insert(name.clone());
            self.wishes.notify_one();
        }
    }

    /// What has changed since the last batch, at most `limit` rooms. Not to be called before that one is confirmed.
    pub(crate) fn batch(&self, limit: usize) -> Batch {
        let mut state = self.lock();
        let names: Vec<_> = state.wishes.iter().take(limit).cloned().collect();
        let mut batch = Batch::default();
        for name in names {
            state.wishes.remove(&name);
            state.decide(name, &mut batch);
        }
        batch
    }

    /// Redis has confirmed the batch.
    pub(crate) fn confirmed(&self, batch: &Batch) {
        let mut state = self.lock();
        for (name, birth) in &batch.subscribe {
            if let Some(room) = state.rooms.get_mut(name).filter(|room| room.birth == *birth) {
                room.channel = Channel::On;
                state.make_due(name);
            }
        }
        self.due.notify_one();
    }

    /// The connection is gone, and all subscriptions with it. Answers how many rooms are still wanted.
    pub(crate) fn cut(&self) -> usize {
        let mut state = self.lock();
        state.rooms.retain(|_, room| room.listeners > 0);
        for room in state.rooms.values_mut() {
            room.channel = Channel::Off;
            room.was_cut |= room.track.is_learned();
        }
        state.wishes = state.rooms.keys().cloned().collect();
        state.wishes.len()
    }

    /// Something of this room had to be dropped.
    pub(crate) fn dropped(&self, name: &RoomId) {
        let mut state = self.lock();
        if let Some(room) = state.rooms.get_mut(name) {
            room.was_cut = true;
            state.make_due(name);
            self.due.notify_one();
        }
    }

    /// The room's channel said this.
    pub(crate) fn hear(&self, envelope: Envelope, bytes: Option<OwnedSemaphorePermit>) -> Effects {
        let mut state = self.lock();
        let name = envelope.room.clone();
        let Some(room) = state.rooms.get_mut(&name) else { return Effects::default() };
        let mut effects = Effects::default();
        match envelope.place {
            Place::Logged(position) => {
                room.spoken = Instant::now();
                let held = Held { position, envelope, _bytes: bytes };
                let since = room.track.hear(held, &mut effects.out);
                effects.heal = room.heal(name, since);
            }
            Place::Presence(version) => {
                room.moved = Instant::now();
                effects.out.extend(room.turn(version, envelope));
            }
            Place::Volatile => effects.out.push(Inbound::Heard(envelope)),
        }
        room.hush(effects)
    }

    /// Rooms to be compared now, those that were confirmed first in front.
    pub(crate) fn take_due(&self, limit: usize) -> Vec<Ask> {
        let mut state = self.lock();
        let count = state.due.len().min(limit);
        let names: Vec<_> = state.due.drain(..count).collect();
        names
            .into_iter()
            .filter_map(|name| state.ask(name, |room| std::mem::take(&mut room.is_due)))
            .collect()
    }

    /// Those of these rooms that have been quiet for so long that their log should be looked at.
    pub(crate) fn quiet(&self, names: Vec<RoomId>, age: Duration) -> Vec<Ask> {
        let mut state = self.lock();
        names
            .into_iter()
            .filter_map(|name| {
                state
                    .ask(name, |room| !room.is_due && room.track.is_learned() && room.spoken.elapsed() >= age)
            })
            .collect()
    }

    /// All rooms.
    pub(crate) fn names(&self) -> VecDeque<RoomId> {
        self.lock().rooms.keys().cloned().collect()
    }

    /// These could not be compared.
    pub(crate) fn again(&self, asks: Vec<Ask>) {
        let mut state = self.lock();
        for ask in asks {
            if let Some(room) = state.rooms.get_mut(&ask.room) {
                room.was_cut |= ask.was_cut;
                state.make_due(&ask.room);
            }
        }
    }

    /// The room's log ends at `top`, its presence is at `version`.
    pub(crate) fn compared(&self, ask: Ask, top: Position, version: Option<u64>) -> Effects {
        let mut state = self.lock();
        let Some(room) = state.rooms.get_mut(&ask.room).filter(|room| room.birth == ask.birth) else {
            return Effects::default();
        };
        if ask.keep {
            room.keep = ask.at + KEEP;
        }
        let mut effects = Effects::default();
        if room.channel == Channel::On {
            room.compare_presence(&ask, version, &mut effects.out);
        }
        let since = room.track.compared(top, room.spoken < ask.at, &mut effects.out);
        room.wake();
        effects.heal = room.heal(ask.room, since);
        room.hush(effects)
    }

    /// The room's log goes on like this.
    pub(crate) fn healed(&self, name: RoomId, birth: u64, suffix: Suffix) -> Effects {
        let mut state = self.lock();
        let Some(room) = state.rooms.get_mut(&name).filter(|room| room.birth == birth) else {
            return Effects::default();
        };
        let mut effects = Effects::default();
        let since = room.track.healed(&name, suffix, &mut effects.out);
        effects.heal = room.heal(name, since);
        room.hush(effects)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn listen(&mut self, name: &RoomId) -> Option<oneshot::Receiver<()>> {
        let births = &mut self.births;
        let room = self.rooms.entry(name.clone()).or_insert_with(|| {
            *births += 1;
            Room::new(*births)
        });
        room.listeners += 1;
        if room.is_ready() {
            return None;
        }
        if room.channel == Channel::Off {
            self.wishes.insert(name.clone());
        }
        let (waiting, ready) = oneshot::channel();
        room.waiting.retain(|waiting| !waiting.is_closed());
        room.waiting.push(waiting);
        Some(ready)
    }

    fn decide(&mut self, name: RoomId, batch: &mut Batch) {
        let Some(room) = self.rooms.get_mut(&name) else { return };
        match (room.listeners, room.channel) {
            (0, Channel::Off) => drop(self.rooms.remove(&name)),
            (0, _) => {
                self.rooms.remove(&name);
                batch.unsubscribe.push(name);
            }
            (_, Channel::Off) => {
                room.channel = Channel::Asked;
                batch.subscribe.push((name, room.birth));
            }
            _ => {}
        }
    }

    fn make_due(&mut self, name: &RoomId) {
        if let Some(room) = self.rooms.get_mut(name)
            && !std::mem::replace(&mut room.is_due, true)
        {
            self.due.push_back(name.clone());
        }
    }

    fn ask(&mut self, name: RoomId, is_wanted: impl Fn(&mut Room) -> bool) -> Option<Ask> {
        let room = self.rooms.get_mut(&name)?;
        if !is_wanted(room) || room.channel != Channel::On {
            return None;
        }
        let at = Instant::now();
        let was_cut = std::mem::take(&mut room.was_cut);
        Some(Ask { birth: room.birth, at, was_cut, keep: room.keep <= at, room: name })
    }
}

#[cfg(test)]
mod tests {
    use hubbub_core::{Author, Event, Hint, Name, Occupant, SessionId, UserId};

    use super::*;

    fn lobby() -> RoomId {
        RoomId::parse("lobby").expect("a room")
    }

    fn confirm(rooms: &Rooms) -> Batch {
        let batch = rooms.batch(10);
        rooms.confirmed(&batch);
        batch
    }

    fn learn(rooms: &Rooms) {
        for ask in rooms.take_due(10) {
            rooms.compared(ask, Position { epoch: 1, seq: 0 }, None);
        }
    }

    #[test]
    fn a_room_is_ready_once_it_is_confirmed_and_its_top_is_known() {
        let rooms = Arc::new(Rooms::default());
        let (_guard, ready) = rooms.listen(&lobby());
        let mut ready = ready.expect("to wait");
        assert_eq!(confirm(&rooms).subscribe.len(), 1);
        assert!(ready.try_recv().is_err());
        learn(&rooms);
        assert!(ready.try_recv().is_ok());
        assert!(rooms.listen(&lobby()).1.is_none());
    }

    #[test]
    fn the_last_guard_unsubscribes_and_a_new_listener_subscribes_again() {
        let rooms = Arc::new(Rooms::default());
        let (one, _) = rooms.listen(&lobby());
        let (two, _) = rooms.listen(&lobby());
        confirm(&rooms);
        drop(one);
        assert!(rooms.batch(10).is_empty());
        drop(two);
        let gone = rooms.batch(10);
        let (_three, ready) = rooms.listen(&lobby());
        assert_eq!(gone.unsubscribe, [lobby()]);
        rooms.confirmed(&gone);
        assert_eq!(confirm(&rooms).subscribe.len(), 1);
        assert!(ready.is_some());
    }

    #[test]
    fn coming_back_before_the_batch_changes_nothing() {
        let rooms = Arc::new(Rooms::default());
        let (one, _) = rooms.listen(&lobby());
        confirm(&rooms);
        drop(one);
        let (_two, _) = rooms.listen(&lobby());
        assert!(rooms.batch(10).is_empty());
    }

    #[test]
    fn what_is_heard_without_listeners_is_not_delivered() {
        let rooms = Arc::new(Rooms::default());
        let (guard, _) = rooms.listen(&lobby());
        confirm(&rooms);
        learn(&rooms);
        let joined = |version| {
            let who = Occupant { user: UserId::new("ann"), name: Name::parse("ann").expect("a name") };
            let place = Place::Presence(version);
            Envelope { room: lobby(), place, at: 0, origin: None, event: Event::Joined(who) }
        };
        assert_eq!(rooms.hear(joined(1), None).out.len(), 1);
        drop(guard);
        assert_eq!(rooms.hear(joined(2), None).out.len(), 0);
        let _back = rooms.listen(&lobby());
        assert_eq!(rooms.hear(joined(3), None).out, [Inbound::Heard(joined(3))]);
    }

    #[test]
    fn a_hint_passes_whatever_the_log_is_missing_and_moves_nothing() {
        let rooms = Arc::new(Rooms::default());
        let (_guard, _) = rooms.listen(&lobby());
        let who = Author { user: None, name: Name::parse("ann").expect("a name") };
        let hint = Envelope::volatile(&lobby(), Hint::Typing { who, on: true }, Some(SessionId::random()));
        assert_eq!(
            rooms.hear(hint.clone(), None).out,
            [Inbound::Heard(hint.clone())],
            "before its top is known"
        );
        confirm(&rooms);
        learn(&rooms);
        rooms.lock().rooms.get_mut(&lobby()).expect("a room").spoken -= KEEP;
        assert_eq!(rooms.hear(hint.clone(), None).out, [Inbound::Heard(hint)]);
        assert_eq!(rooms.quiet(vec![lobby()], KEEP).len(), 1, "as quiet as before");
    }

    #[test]
    fn a_cut_asks_for_every_room_again_and_says_that_presence_may_be_missing() {
        let rooms = Arc::new(Rooms::default());
        let (_guard, _) = rooms.listen(&lobby());
        confirm(&rooms);
        learn(&rooms);
        assert_eq!(rooms.cut(), 1);
        assert!(rooms.listen(&lobby()).1.is_some());
        assert_eq!(confirm(&rooms).subscribe.len(), 1);
        let ask = rooms.take_due(1).pop().expect("due");
        let effects = rooms.compared(ask, Position { epoch: 1, seq: 2 }, Some(5));
        assert_eq!(effects.out, [Inbound::PresenceGap { room: lobby() }]);
        assert_eq!(effects.heal.map(|heal| heal.since.seq), Some(0));
    }
}
