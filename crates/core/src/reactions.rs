//! What people do to a message: edit it, delete it, react to it. In Redis `revise.lua` does the same.

use std::collections::{BTreeMap, HashSet};

use crate::{Change, Fate, Message, Millis, REACTIONS, Revision, UserId};

/// Who has reacted to a message with what.
#[derive(Debug, Default)]
pub(crate) struct Reactions(BTreeMap<String, HashSet<UserId>>);

/// What a change did to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reacted {
    /// It is different; so many have reacted with that now.
    Changed(u64),
    /// It was like that before.
    Unchanged,
    /// Only its author may.
    Forbidden,
    /// It has too many reactions.
    Full,
}

impl Reactions {
    /// Changes the message as it is kept.
    pub(crate) fn change(&mut self, message: &mut Message, revision: &Revision, at: Millis) -> Reacted {
        let is_author = message.author.user.as_ref() == Some(&revision.user);
        match &revision.change {
            Change::Edit { .. } | Change::Delete if !is_author => return Reacted::Forbidden,
            Change::Edit { text } => {
                message.text.clone_from(text);
                message.fate.get_or_insert_default().edited = Some(at);
            }
            Change::Delete => {
                self.0.clear();
                message.text.clear();
                message.fate = Some(Box::new(Fate { deleted: true, ..Fate::default() }));
            }
            Change::React { emoji } => return self.react(message, emoji, &revision.user),
            Change::Unreact { emoji } => return self.unreact(message, emoji, &revision.user),
        }
        Reacted::Changed(0)
    }

    fn react(&mut self, message: &mut Message, emoji: &str, user: &UserId) -> Reacted {
        if self.0.get(emoji).is_some_and(|users| users.contains(user)) {
            return Reacted::Unchanged;
        }
        if self.0.values().map(HashSet::len).sum::<usize>() >= REACTIONS {
            return Reacted::Full;
        }
        self.0.entry(emoji.to_owned()).or_default().insert(user.clone());
        self.count(message, emoji)
    }

    fn unreact(&mut self, message: &mut Message, emoji: &str, user: &UserId) -> Reacted {
        if !self.0.get_mut(emoji).is_some_and(|users| users.remove(user)) {
            return Reacted::Unchanged;
        }
        self.0.retain(|_, users| !users.is_empty());
        self.count(message, emoji)
    }

    fn count(&self, message: &mut Message, emoji: &str) -> Reacted {
        let count = self.0.get(emoji).map_or(0, HashSet::len) as u64;
        let reactions = &mut message.fate.get_or_insert_default().reactions;
        if count > 0 {
            reactions.insert(emoji.to_owned(), count);
        } else {
            reactions.remove(emoji);
        }
        message.fate.take_if(|fate| **fate == Fate::default());
        Reacted::Changed(count)
    }
}
