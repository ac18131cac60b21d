//! Events on their way to sockets.

use hubbub_core::{Event, Hint, Millis, Position, SessionId, UserId};
use hubbub_dialects::{Dialect, Told};

use crate::{batch::Label, people::Change};

/// One event, with what decides who hears it.
#[derive(Debug)]
pub(super) struct News {
    pub(super) position: Option<Position>,
    pub(super) at: Millis,
    /// One of this node's sessions said it.
    pub(super) local: bool,
    /// The session that caused it.
    pub(super) origin: Option<SessionId>,
    /// The version of the room's people with it, and how many they were, where it says who came or went.
    pub(super) version: u64,
    pub(super) count: usize,
    /// Nobody misses it.
    pub(super) volatile: bool,
    /// `None`: what was before its position may be missing.
    pub(super) event: Option<Event>,
}

impl News {
    pub(super) fn now(event: Event) -> Self {
        Self { event: Some(event), ..Self::gap() }
    }

    pub(super) fn gap() -> Self {
        Self {
            position: None,
            at: 0,
            local: false,
            origin: None,
            version: 0,
            count: 0,
            volatile: false,
            event: None,
        }
    }

    pub(super) fn is_said(&self) -> bool {
        matches!(self.event, Some(Event::Said(_)))
    }

    /// Nobody is told of their own coming, going and typing; of their own words most are.
    pub(super) fn hidden_from(&self, dialect: &dyn Dialect) -> Option<SessionId> {
        let is_shown = self.position.is_some() && dialect.echoes();
        self.origin.filter(|_| !is_shown)
    }

    /// What tells whether a session knows it already.
    pub(super) fn label(&self) -> Label {
        match (self.position, self.person()) {
            (Some(position), _) => Label::Logged(position),
            (None, Some(user)) => Label::Person(self.version, user.clone()),
            (None, None) => Label::None,
        }
    }

    fn person(&self) -> Option<&UserId> {
        match &self.event {
            Some(Event::Joined(who) | Event::Left(who)) => Some(&who.user),
            _ => None,
        }
    }

    /// As the dialects are given it; `None`: nobody is told.
    pub(super) fn told(&self) -> Option<Told<'_>> {
        let position = self.position.unwrap_or(Position::BEGINNING);
        let Some(event) = &self.event else { return Some(Told::Gap { top: position }) };
        Some(match event {
            Event::Said(message) => Told::Said { position, at: self.at, message },
            Event::Updated(update) => Told::Updated { position, at: self.at, update },
            Event::Joined(who) => Told::Joined { who, count: self.count },
            Event::Left(who) => Told::Left { who, count: self.count },
            Event::Hinted(Hint::Typing { who, on }) => Told::Typing { who, on: *on },
            Event::Hinted(Hint::Read { who, seq }) => Told::Read { who, seq: *seq },
            Event::Counted(_) => return None,
        })
    }
}

impl From<Change> for News {
    fn from(Change { event, origin, version, count }: Change) -> Self {
        Self { origin, version, count, ..Self::now(event) }
    }
}
