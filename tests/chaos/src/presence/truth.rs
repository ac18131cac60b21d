//! What became of everyone, as those know it who brought it about.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::sight::User;

/// The people of a room, who were all in it when something began to happen to them.
#[derive(Debug, Clone)]
pub struct Truth {
    since: Duration,
    fates: BTreeMap<User, Fate>,
}

/// What observers must be told of someone from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing: they are here all the time, or back before anybody may know.
    Stays,
    /// They are gone: once, and not before this.
    Leaves(Duration),
    /// They are gone, and then they are back, each once.
    Returns,
    /// They are here all the time, but the cluster has forgotten that and must find it out again: whatever is told of
    /// them is told in turn, and in the end they are here.
    Forgotten,
}

impl Truth {
    /// Something begins to happen.
    pub fn since(since: Duration) -> Self {
        Self { since, fates: BTreeMap::new() }
    }

    /// Adds people to whom this happens.
    #[must_use]
    pub fn with<'a>(mut self, users: impl IntoIterator<Item = &'a User>, fate: Fate) -> Self {
        self.fates.extend(users.into_iter().map(|user| (user.clone(), fate)));
        self
    }

    /// When it began.
    pub fn began(&self) -> Duration {
        self.since
    }

    /// What becomes of someone; `None`: there is no such person.
    pub fn fate(&self, user: &str) -> Option<Fate> {
        self.fates.get(user).copied()
    }

    /// Everyone.
    pub fn everyone(&self) -> impl Iterator<Item = (&User, Fate)> {
        self.fates.iter().map(|(user, fate)| (user, *fate))
    }

    /// Who is here in the end.
    pub fn here(&self) -> BTreeSet<User> {
        let stays = |fate: Fate| !matches!(fate, Fate::Leaves(_));
        self.everyone().filter(|(_, fate)| stays(*fate)).map(|(user, _)| user.clone()).collect()
    }
}
