//! Rooms that rest, one by one, and whatever happens to several of them.

use hubbub_core::{Author, Envelope, Event, Message, Name, Place, Position};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const WRITE: Duration = Duration::from_millis(1);

fn event(room: &str, seq: u64) -> Inbound {
    Inbound::Gap { room: RoomId::parse(room).expect("a room"), top: Position { epoch: 1, seq } }
}

/// The same with a text.
fn said(room: &str, seq: u64, bytes: usize) -> Inbound {
    let author = Author { user: None, name: Name::typed("ann").expect("a name") };
    let text = "x".repeat(bytes);
    let message = Message { author, text, cid: None, reply_to: None, channel: None, fate: None };
    let (room, position) = (RoomId::parse(room).expect("a room"), Position { epoch: 1, seq });
    let event = Event::Said(message);
    Inbound::Heard(Envelope { room, place: Place::Logged(position), at: 0, origin: None, event })
}

fn lobby() -> RoomId {
    RoomId::parse("lobby").expect("a room")
}

/// The room and the numbers of its events.
fn next(pace: &mut Pace, now: Instant) -> Option<(String, Vec<u64>)> {
    let (room, events) = pace.next(now)?;
    Some((room.to_string(), events.iter().map(seq).collect()))
}

fn seq(inbound: &Inbound) -> u64 {
    match inbound {
        Inbound::Gap { top, .. } | Inbound::Heard(Envelope { place: Place::Logged(top), .. }) => top.seq,
        _ => 0,
    }
}

#[test]
fn a_calm_room_is_written_to_at_once_and_one_that_was_just_written_to_when_it_has_rested() {
    let (mut pace, start) = (Pace::default(), Instant::now());
    pace.arrived(event("lobby", 1), start);
    assert_eq!(next(&mut pace, start), Some(("lobby".into(), vec![1])));
    pace.wrote(lobby(), 1, WRITE, start);
    pace.arrived(event("lobby", 2), start);
    pace.arrived(event("lobby", 3), start);
    assert_eq!(next(&mut pace, start), None);
    assert_eq!(pace.due(), Some(start + WRITE * FOLD));
    assert_eq!(next(&mut pace, start + WRITE * FOLD), Some(("lobby".into(), vec![2, 3])));
}

#[test]
fn others_are_written_to_while_a_room_rests() {
    let (mut pace, start) = (Pace::default(), Instant::now());
    pace.wrote(lobby(), 1, WRITE, start);
    pace.arrived(event("lobby", 1), start);
    pace.arrived(event("attic", 2), start);
    assert_eq!(next(&mut pace, start), Some(("attic".into(), vec![2])));
    assert_eq!(next(&mut pace, start), None);
}

#[test]
fn the_more_events_a_write_had_the_shorter_is_the_rest_and_none_is_long() {
    assert_eq!(rest(1, WRITE), WRITE * FOLD);
    assert_eq!(rest(8, WRITE), WRITE * FOLD / 8);
    assert_eq!(rest(1, Duration::from_secs(1)), LONGEST);
    assert_eq!(rest(0, Duration::ZERO), Duration::ZERO);
}

#[test]
fn a_cheap_write_is_followed_by_no_rest_and_leaves_nothing_behind() {
    let (mut pace, start) = (Pace::default(), Instant::now());
    pace.wrote(lobby(), 1, SHORTEST / FOLD / 2, start);
    assert_eq!(pace.due(), None);
    pace.wrote(lobby(), 1, WRITE, start);
    assert_eq!(next(&mut pace, start + LONGEST), None);
    assert_eq!((pace.due(), pace.rooms.len()), (None, 0));
}

#[test]
fn a_whole_write_waits_for_nothing_and_what_is_more_goes_with_the_next() {
    let (mut pace, start) = (Pace::default(), Instant::now());
    pace.wrote(lobby(), 1, WRITE, start);
    let count = u64::try_from(AT_ONCE).expect("a small number");
    for seq in 1..count {
        pace.arrived(event("lobby", seq), start);
    }
    assert_eq!(next(&mut pace, start), None);
    pace.arrived(event("lobby", count), start);
    pace.arrived(event("lobby", count + 1), start);
    assert_eq!(next(&mut pace, start), Some(("lobby".into(), (1..=count).collect())));
    assert_eq!(next(&mut pace, start), Some(("lobby".into(), vec![count + 1])));
    assert_eq!(next(&mut pace, start + LONGEST), None);
}

#[test]
fn what_waits_is_taken_out_of_turn_in_its_order() {
    let (mut pace, start) = (Pace::default(), Instant::now());
    pace.wrote(lobby(), 1, WRITE, start);
    pace.arrived(event("lobby", 1), start);
    pace.arrived(event("lobby", 2), start);
    assert_eq!(pace.take(&lobby()).iter().map(seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(next(&mut pace, start + LONGEST), None);
}

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many events of so many bytes arrive in the room, and what is due is written.
    Arrive(&'static str, usize, usize),
    /// Time goes by, and what is due is written.
    Pass(Duration),
    /// The room is taken out of its turn.
    Take(&'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let room = || select(vec!["lobby", "attic", "cellar"]);
    prop_oneof![
        (room(), 1..2 * AT_ONCE, select(vec![0, 64, 16 << 10, 2 * ONE_WRITE]))
            .prop_map(|(room, count, bytes)| Step::Arrive(room, count, bytes)),
        (0..12_000_u64).prop_map(|micros| Step::Pass(Duration::from_micros(micros))),
        room().prop_map(Step::Take),
    ]
}

/// The pace, a clock, and what each room has heard and written so far.
struct Stage {
    pace: Pace,
    now: Instant,
    cost: Duration,
    arrived: HashMap<RoomId, u64>,
    written: HashMap<RoomId, u64>,
}

impl Stage {
    fn new(cost: Duration) -> Self {
        let (arrived, written) = (HashMap::new(), HashMap::new());
        Self { pace: Pace::default(), now: Instant::now(), cost, arrived, written }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Arrive(room, count, bytes) => (0..count).for_each(|_| self.arrive(room, bytes)),
            Step::Pass(time) => self.now += time,
            Step::Take(room) => return self.take(&RoomId::parse(room).expect("a room")),
        }
        self.write_due();
    }

    fn arrive(&mut self, room: &str, bytes: usize) {
        let last = self.arrived.entry(RoomId::parse(room).expect("a room")).or_default();
        *last += 1;
        self.pace.arrived(said(room, *last, bytes), self.now);
    }

    fn take(&mut self, room: &RoomId) {
        while let events = self.pace.take(room)
            && !events.is_empty()
        {
            self.write(room, &events);
        }
        assert_eq!(self.written.get(room), self.arrived.get(room));
    }

    /// Afterwards nothing is due, or the delivery task would turn for ever.
    fn write_due(&mut self) {
        while let Some((room, events)) = self.pace.next(self.now) {
            self.write(&room, &events);
            self.now += self.cost;
            self.pace.wrote(room, events.len(), self.cost, self.now);
        }
        assert!(self.pace.due().is_none_or(|due| due > self.now && due <= self.now + LONGEST));
    }

    /// What goes out in one write is the room's next, and not much.
    fn write(&mut self, room: &RoomId, events: &[Inbound]) {
        let last = self.written.entry(room.clone()).or_default();
        for event in events {
            assert_eq!((event.room(), seq(event)), (room, *last + 1));
            *last += 1;
        }
        let bytes: usize = events.iter().map(Inbound::text_length).sum();
        assert!(events.len() <= AT_ONCE && (bytes <= ONE_WRITE || events.len() == 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each room has its order, nothing stays behind for longer than a rest, and no room is kept that rests no more.
    #[test]
    fn whatever_happens_each_room_is_written_to_in_its_order_and_nothing_is_left(
        steps in vec(step(), 0..24),
        cost in 0..2_000_u64,
    ) {
        let mut stage = Stage::new(Duration::from_micros(cost));
        steps.into_iter().for_each(|step| stage.play(step));
        stage.now += LONGEST;
        stage.write_due();
        prop_assert_eq!(&stage.written, &stage.arrived);
        stage.now += LONGEST;
        stage.write_due();
        prop_assert_eq!((stage.pace.due(), stage.pace.rooms.len()), (None, 0));
    }
}
