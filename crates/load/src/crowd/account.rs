//! What clients have said, heard and met, room by room.

use std::collections::BTreeMap;

use super::{client::Client, shard::Ledger};
use crate::{
    verdict::hearing::{Hearing, Said},
    words::dialect::Place,
};

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) rooms: BTreeMap<u32, Room>,
    /// Messages for which the acknowledgement never came.
    pub(crate) unanswered: u64,
    pub(crate) ledger: Ledger,
}

#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Of those who were there at the end.
    pub(crate) hearings: Vec<Hearing>,
    /// Of those who were cut off, and did not come back.
    pub(crate) cut_short: Vec<Hearing>,
    /// Positions that somebody jumped over without a word (v1).
    pub(crate) holes: u64,
    /// Where each of those who were there at the end was then (v1).
    pub(crate) ends: Vec<Place>,
    /// By the senders' places in the room.
    said: BTreeMap<u32, Said>,
}

impl Account {
    /// Closes the books of one client.
    pub(crate) fn add(&mut self, room: u32, place: u32, client: &mut Client) {
        let room = self.rooms.entry(room).or_default();
        if let Some(voice) = &client.voice {
            room.said.insert(place, voice.said());
            self.unanswered += voice.unanswered() as u64;
        }
        room.holes += client.track.holes();
        room.ends.extend(client.track.place().filter(|_| client.is_in()));
        let hearing = std::mem::replace(&mut client.hearing, Hearing::new(0));
        let hearings = if client.is_in() { &mut room.hearings } else { &mut room.cut_short };
        hearings.push(hearing);
    }

    /// Of several threads, one.
    pub(crate) fn sum(accounts: Vec<Self>) -> Self {
        let mut total = Self::default();
        for account in accounts {
            for (number, room) in account.rooms {
                total.rooms.entry(number).or_default().join(room);
            }
            total.unanswered += account.unanswered;
            total.ledger.add(account.ledger);
        }
        total
    }
}

impl Room {
    fn join(&mut self, other: Self) {
        self.hearings.extend(other.hearings);
        self.cut_short.extend(other.cut_short);
        self.holes += other.holes;
        self.ends.extend(other.ends);
        self.said.extend(other.said);
    }

    /// What was said in all, by the senders' places. Who never came has said nothing.
    pub(crate) fn said(&self) -> Vec<&Said> {
        let senders = self.said.keys().last().map_or(0, |last| last + 1);
        (0..senders).map(|place| self.said.get(&place).unwrap_or(&NOTHING)).collect()
    }
}

static NOTHING: Said = Said { count: 0, not_owed: Vec::new() };
