//! The rooms that this node listens to: who wants them, what Redis has confirmed, and where each stands.
//!
//! Three parties share this: those who listen, the subscribers (each turns wishes into subscriptions at one of Redis's
//! processes, one batch at a time) and the healer (which delivers). Nobody holds the lock across anything that waits.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hubbub_core::{Envelope, Inbound, Place, Position, RoomId, Subscription};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot, watch};

use crate::{
    keys::Side,
    layout::{Layout, ShardId},
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
    /// Wakes the subscribers: some room is wanted or no longer.
    pub(crate) wishes: watch::Sender<()>,
    /// Wakes the healer: some room is to be compared with its log.
    pub(crate) due: Notify,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomId, Room>,
    layout: Layout,
    /// Rooms whose listeners came or went, by who must hear of it.
    wishes: HashMap<ShardId, HashSet<RoomId>>,
    /// Rooms to be compared, each once.
    due: VecDeque<RoomId>,
    births: u64,
}

/// What a subscriber has to ask for.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) subscribe: Vec<Tap>,
    pub(crate) unsubscribe: Vec<Tap>,
    /// There is nothing else to ask for at the moment.
    pub(crate) is_last: bool,
}

/// One channel of a room that this node listens to.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    pub(crate) room: RoomId,
    pub(crate) side: Side,
    birth: u64,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.subscribe.is_empty() && self.unsubscribe.is_empty()
    }
}

impl Rooms {
    pub(crate) fn new(layout: Layout) -> Self {
        let rooms = Self::default();
        rooms.lock().layout = layout;
        rooms
    }

    /// One more listener. The receiver, if any, hears when Redis has confirmed the room and its top is known.
    pub(crate) fn listen(self: &Arc<Self>, room: &RoomId) -> (Subscription, Option<oneshot::Receiver<()>>) {
        let ready = self.lock().listen(room);
        if ready.is_some() {
            self.wishes.send_replace(());
        }
        let (rooms, name) = (self.clone(), room.clone());
        (Subscription::new(move || rooms.forget(&name)), ready)
    }

    fn forget(&self, name: &RoomId) {
        let mut state = self.lock();
        let Some(room) = state.rooms.get_mut(name) else { return };
        room.listeners = room.listeners.saturating_sub(1);
        if room.listeners == 0 {
            state.wish(name);
            self.wishes.send_replace(());
        }
    }

    /// What this one must be asked for since the last batch, at most so many rooms. Not to be called before that one is
    /// confirmed.
    pub(crate) fn batch(&self, shard: ShardId, limit: usize) -> Batch {
        let mut state = self.lock();
        let wishes = state.wishes.entry(shard).or_default();
        let names: Vec<_> = wishes.iter().take(limit).cloned().collect();
        let mut batch = Batch { is_last: names.len() == wishes.len(), ..Batch::default() };
        for name in names {
            state.wishes.entry(shard).or_default().remove(&name);
            state.decide(&name, shard, &mut batch);
        }
        batch
    }

    /// It has confirmed these.
    pub(crate) fn confirmed(&self, shard: ShardId, taps: &[Tap]) {
        let mut state = self.lock();
        for Tap { room: name, side, birth } in taps {
            let Some(room) = state.rooms.get_mut(name).filter(|room| room.birth == *birth) else { continue };
            if *room.channel(*side) == Channel::Asked(shard) {
                *room.channel(*side) = Channel::On(shard);
                if room.is_on() {
                    state.make_due(name);
                }
            }
        }
        self.due.notify_one();
    }

    /// Its connection is gone, and all subscriptions with it. Answers how many rooms are wanted there.
    pub(crate) fn cut(&self, shard: ShardId) -> usize {
        let mut state = self.lock();
        for room in state.rooms.values_mut() {
            for side in Side::BOTH {
                if room.channel(side).shard() == Some(shard) {
                    room.lose(side);
                }
            }
        }
        state.wish_all();
        state.wishes.get(&shard).map_or(0, HashSet::len)
    }

    /// It does not say these, and was asked for them: they are wanted again when it is known who does.
    pub(crate) fn refused(&self, shard: ShardId, taps: &[Tap]) {
        let mut state = self.lock();
        for Tap { room, side, .. } in taps {
            state.lose(room, *side, Channel::Asked(shard));
        }
    }

    /// It has stopped saying this one, which is wanted again when it is known who says it.
    pub(crate) fn lost(&self, shard: ShardId, room: &RoomId, side: Side) {
        self.lock().lose(room, side, Channel::On(shard));
    }

    /// Who says what is known anew: every channel is wanted where it is said now.
    pub(crate) fn spread(&self, layout: Layout) {
        let mut state = self.lock();
        if state.layout != layout {
            state.layout = layout;
            state.lose_misplaced();
        }
        state.wish_all();
        self.wishes.send_replace(());
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
            Place::Presence { version, .. } => {
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
        if room.is_on() {
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
        let (waiting, ready) = oneshot::channel();
        room.waiting.retain(|waiting| !waiting.is_closed());
        room.waiting.push(waiting);
        self.wish(name);
        Some(ready)
    }

    /// What is said by someone who no longer has it.
    fn lose_misplaced(&mut self) {
        for (name, room) in &mut self.rooms {
            for side in Side::BOTH {
                let shard = room.channel(side).shard();
                if shard.is_some() && shard != self.layout.shard(name, side) {
                    room.lose(side);
                }
            }
        }
    }

    fn lose(&mut self, name: &RoomId, side: Side, expected: Channel) {
        if let Some(room) = self.rooms.get_mut(name)
            && *room.channel(side) == expected
        {
            room.lose(side);
        }
    }

    /// Whoever says this room, or should, must be asked.
    fn wish(&mut self, name: &RoomId) {
        let Some(room) = self.rooms.get(name) else { return };
        for side in Side::BOTH {
            let shard = room.channels[side as usize].shard().or_else(|| self.layout.shard(name, side));
            if let Some(shard) = shard {
                self.wishes.entry(shard).or_default().insert(name.clone());
            }
        }
    }

    /// The same for every room that is not as it should be.
    fn wish_all(&mut self) {
        self.rooms.retain(|_, room| !room.is_over());
        self.wishes.clear();
        let amiss = |room: &&Room| room.listeners == 0 || room.channels.contains(&Channel::Off);
        let names: Vec<_> =
            self.rooms.iter().filter(|(_, room)| amiss(room)).map(|(name, _)| name.clone()).collect();
        for name in names {
            self.wish(&name);
        }
    }

    fn decide(&mut self, name: &RoomId, shard: ShardId, batch: &mut Batch) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        for side in Side::BOTH {
            let tap = || Tap { room: name.clone(), side, birth: room.birth };
            match (room.listeners, room.channels[side as usize]) {
                (0, channel) if channel.shard() == Some(shard) => {
                    batch.unsubscribe.push(tap());
                    room.lose(side);
                }
                (1.., Channel::Off) if self.layout.shard(name, side) == Some(shard) => {
                    batch.subscribe.push(tap());
                    *room.channel(side) = Channel::Asked(shard);
                }
                _ => {}
            }
        }
        if room.is_over() {
            self.rooms.remove(name);
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
        if !is_wanted(room) || !room.is_on() {
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
    use crate::slots;

    fn lobby() -> RoomId {
        RoomId::parse("lobby").expect("a room")
    }

    fn confirm(rooms: &Rooms) -> Batch {
        let batch = rooms.batch(ShardId::ONLY, 10);
        rooms.confirmed(ShardId::ONLY, &batch.subscribe);
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
        assert_eq!(confirm(&rooms).subscribe.len(), 2);
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
        assert!(rooms.batch(ShardId::ONLY, 10).is_empty());
        drop(two);
        let gone = rooms.batch(ShardId::ONLY, 10);
        let (_three, ready) = rooms.listen(&lobby());
        assert_eq!(gone.unsubscribe.len(), 2);
        rooms.confirmed(ShardId::ONLY, &gone.subscribe);
        assert_eq!(confirm(&rooms).subscribe.len(), 2);
        assert!(ready.is_some());
    }

    #[test]
    fn coming_back_before_the_batch_changes_nothing() {
        let rooms = Arc::new(Rooms::default());
        let (one, _) = rooms.listen(&lobby());
        confirm(&rooms);
        drop(one);
        let (_two, _) = rooms.listen(&lobby());
        assert!(rooms.batch(ShardId::ONLY, 10).is_empty());
    }

    #[test]
    fn what_is_heard_without_listeners_is_not_delivered() {
        let rooms = Arc::new(Rooms::default());
        let (guard, _) = rooms.listen(&lobby());
        confirm(&rooms);
        learn(&rooms);
        let joined = |version| {
            let who =
                Occupant { user: UserId::new("ann"), name: Name::parse("ann").expect("a name"), devices: 1 };
            let place = Place::Presence { version, count: 1 };
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
        assert_eq!(rooms.cut(ShardId::ONLY), 1);
        assert!(rooms.listen(&lobby()).1.is_some());
        assert_eq!(confirm(&rooms).subscribe.len(), 2);
        let ask = rooms.take_due(1).pop().expect("due");
        let effects = rooms.compared(ask, Position { epoch: 1, seq: 2 }, Some(5));
        assert_eq!(effects.out, [Inbound::PresenceGap { room: lobby() }]);
        assert_eq!(effects.heal.map(|heal| heal.since.seq), Some(0));
    }

    const ONE: ShardId = ShardId(1);
    const OTHER: ShardId = ShardId(2);

    /// All slots are this one's.
    fn all_at(shard: ShardId) -> Layout {
        Layout::Slots(vec![Some(shard); slots::COUNT].into())
    }

    /// A room that is listened to, and a cluster with one master.
    fn listening_at_one() -> (Arc<Rooms>, Subscription) {
        let rooms = Arc::new(Rooms::new(Layout::unknown()));
        let (guard, _) = rooms.listen(&lobby());
        assert!(rooms.batch(ONE, 10).is_empty(), "nobody has it");
        rooms.spread(all_at(ONE));
        let batch = rooms.batch(ONE, 10);
        assert_eq!(batch.subscribe.len(), 2);
        rooms.confirmed(ONE, &batch.subscribe);
        learn(&rooms);
        (rooms, guard)
    }

    #[test]
    fn what_has_moved_is_wanted_where_it_went_and_compared_there() {
        let (rooms, _guard) = listening_at_one();
        rooms.spread(all_at(OTHER));
        assert!(rooms.batch(ONE, 10).is_empty());
        let batch = rooms.batch(OTHER, 10);
        assert_eq!(batch.subscribe.len(), 2);
        rooms.confirmed(OTHER, &batch.subscribe[..1]);
        assert!(rooms.take_due(1).is_empty(), "half of it is not enough");
        rooms.confirmed(OTHER, &batch.subscribe[1..]);
        assert!(rooms.take_due(1)[0].was_cut);
    }

    #[test]
    fn what_is_taken_back_is_wanted_again_when_it_is_known_who_has_it() {
        let (rooms, _guard) = listening_at_one();
        rooms.lost(ONE, &lobby(), Side::People);
        assert!(rooms.batch(ONE, 10).is_empty(), "it would be refused");
        rooms.spread(all_at(ONE));
        let batch = rooms.batch(ONE, 10);
        assert_eq!(batch.subscribe.len(), 1);
        rooms.refused(ONE, &batch.subscribe);
        rooms.confirmed(ONE, &batch.subscribe);
        assert!(rooms.batch(ONE, 10).is_empty() && rooms.take_due(1).is_empty());
        rooms.spread(all_at(OTHER));
        assert_eq!(rooms.batch(OTHER, 10).subscribe.len(), 2);
    }

    #[test]
    fn what_a_master_had_that_is_gone_is_wanted_where_it_is_now_and_no_more_is_lost() {
        let (rooms, guard) = listening_at_one();
        assert_eq!(rooms.cut(OTHER), 0);
        assert_eq!(rooms.cut(ONE), 1);
        rooms.spread(all_at(OTHER));
        assert_eq!(rooms.batch(OTHER, 10).subscribe.len(), 2);
        drop(guard);
        assert_eq!(rooms.batch(OTHER, 10).unsubscribe.len(), 2);
        assert!(rooms.names().is_empty());
    }
}
