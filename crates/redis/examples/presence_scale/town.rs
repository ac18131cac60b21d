//! Who is where: one great room, a hundred large ones, one of middling size to be read, and small ones for the rest.

use std::{ops::Range, time::Duration};

use hubbub_core::{Claim, Exit, Name, RoomId, SessionId, UserId};

/// How many people are in a small room.
const SMALL: u32 = 8;

/// People and rooms in the proportions that are asked for, whatever their number.
#[derive(Debug)]
pub(crate) struct Town {
    rooms: Vec<RoomId>,
    sessions: Vec<SessionId>,
    sizes: Sizes,
}

/// How many people each kind of room has. Of a million: 100,000, a hundred times 1,000, 5,000, and 8 for the rest.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    great: u32,
    large: u32,
    read: u32,
}

impl Town {
    /// So many people, and their [`visitors`].
    pub(crate) fn of(users: u32) -> Self {
        let sizes = Sizes { great: users / 10, large: users / 1_000, read: users / 200 };
        let rooms = 2 + LARGE + users.div_ceil(SMALL);
        Self {
            rooms: (0..rooms).map(|room| parsed(RoomId::parse, &format!("room {room}"))).collect(),
            sessions: (0..users + users / VISITORS).map(|_| SessionId::random()).collect(),
            sizes,
        }
    }

    /// The room with a tenth of all people.
    pub(crate) fn great(&self) -> &RoomId {
        &self.rooms[0]
    }

    /// The rooms that are to be read, and how many are in each.
    pub(crate) fn read(&self) -> [(&RoomId, u32); 2] {
        [(&self.rooms[1], self.sizes.read), (self.great(), self.sizes.great)]
    }

    /// A person comes into their room.
    pub(crate) fn claim(&self, person: u32) -> Claim {
        self.claim_in(self.room_of(person), person)
    }

    pub(crate) fn claim_in(&self, room: &RoomId, person: u32) -> Claim {
        Claim {
            room: room.clone(),
            user: user(person),
            name: name(person),
            subject: None,
            session: self.session(person),
            grace: GRACE,
            renames: false,
        }
    }

    /// A person takes their name, as v1 has it: nobody else may have it.
    pub(crate) fn name_claim(&self, person: u32) -> Claim {
        let name = name(person);
        Claim {
            room: RoomId::names(),
            user: UserId::of_name(&name),
            name,
            subject: Some(user(person).to_string()),
            session: self.session(person),
            grace: GRACE,
            renames: false,
        }
    }

    pub(crate) fn exit(&self, person: u32, grace: Duration) -> Exit {
        self.exit_from(self.room_of(person), person, grace)
    }

    pub(crate) fn exit_from(&self, room: &RoomId, person: u32, grace: Duration) -> Exit {
        Exit { room: room.clone(), user: user(person), session: self.session(person), grace }
    }

    fn room_of(&self, person: u32) -> &RoomId {
        let Sizes { great, large, read } = self.sizes;
        let place = match person {
            _ if person < great => 0,
            _ if person < great + read => 1,
            _ if person < great + read + large * LARGE => 2 + person % LARGE,
            _ => 2 + LARGE + person / SMALL,
        };
        &self.rooms[place as usize]
    }

    fn session(&self, person: u32) -> SessionId {
        self.sessions[person as usize]
    }
}

/// People who live nowhere yet: their numbers come after everybody else's.
pub(crate) fn visitors(users: u32) -> Range<u32> {
    users..users + users / VISITORS
}

/// A room that nobody lives in.
pub(crate) fn empty() -> RoomId {
    parsed(RoomId::parse, "a room for visitors")
}

/// As long as a guest's, and as little in order.
fn user(person: u32) -> UserId {
    UserId::new(format!("{:016x}", u64::from(person + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn name(person: u32) -> Name {
    parsed(Name::parse, &format!("Person {person}"))
}

fn parsed<T, E: std::fmt::Debug>(parse: fn(&str) -> Result<T, E>, text: &str) -> T {
    parse(text).expect("letters, digits and a space")
}

/// Longer than a run, so that nobody's leave is said by itself.
pub(crate) const GRACE: Duration = Duration::from_mins(10);
const LARGE: u32 = 100;
/// One of so many people has a visitor.
const VISITORS: u32 = 100;
