//! What an observer was told of who is in a room, in the order in which it was told. The judge knows nothing else.

use std::{collections::BTreeSet, time::Duration};

/// Someone, by the id that the cluster gave them.
pub type User = String;

/// Everything that one observer was told.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Who it was.
    pub observer: String,
    /// What it was told, and when, counted from the beginning of the scene.
    pub entries: Vec<(Duration, Told)>,
    here: BTreeSet<User>,
}

/// One thing that it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The answer to its join: everyone who is here.
    Found(List),
    /// Who came and who went since.
    Changed {
        /// They came.
        joined: Vec<User>,
        /// They went.
        left: Vec<User>,
        /// So many are here now.
        count: u64,
    },
}

/// Who is here, as a node answers it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    /// They.
    pub members: Vec<User>,
    /// How many that are, in the node's words.
    pub count: u64,
}

impl Sight {
    /// Of someone who has been told nothing yet.
    pub fn of(observer: impl Into<String>) -> Self {
        Self { observer: observer.into(), ..Self::default() }
    }

    /// It was told something.
    pub fn take(&mut self, at: Duration, told: Told) {
        told.apply_to(&mut self.here);
        self.entries.push((at, told));
    }

    /// Who is here, after all that it was told.
    pub fn here(&self) -> &BTreeSet<User> {
        &self.here
    }
}

impl Told {
    /// Makes of a set what it is after this.
    pub(super) fn apply_to(&self, here: &mut BTreeSet<User>) {
        match self {
            Self::Found(list) => *here = list.members.iter().cloned().collect(),
            Self::Changed { joined, left, .. } => {
                left.iter().for_each(|user| _ = here.remove(user));
                here.extend(joined.iter().cloned());
            }
        }
    }
}
