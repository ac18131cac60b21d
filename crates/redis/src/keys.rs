//! Every key and channel name. What is changed in one step shares a hash tag, so that it shares a slot in a cluster.
//!
//! The ACL knows two patterns, `{room:*` and `{h:*`, for keys and for channels.

use hubbub_core::{RoomId, UserId};

use crate::slots::checksum;

/// The nodes' addresses and the cluster's secret.
pub(crate) const CLUSTER: &str = "{h:cluster}";

/// A room's log.
#[derive(Debug)]
pub(crate) struct Log<'a>(pub(crate) &'a RoomId);

impl Log<'_> {
    /// Epoch, offset, and the run id of the Redis that wrote it.
    pub(crate) fn meta(&self) -> String {
        format!("{{room:{}}}:m", self.0)
    }

    /// The entries, for recovery.
    pub(crate) fn stream(&self) -> String {
        format!("{{room:{}}}:s", self.0)
    }

    /// The messages as they are now.
    pub(crate) fn history(&self) -> String {
        format!("{{room:{}}}:h", self.0)
    }

    /// Who reacted to each with what.
    pub(crate) fn reactions(&self) -> String {
        format!("{{room:{}}}:e", self.0)
    }

    /// Everything that is kept of the log itself, in the order that the scripts expect.
    pub(crate) fn kept(&self) -> [String; 4] {
        [self.meta(), self.stream(), self.history(), self.reactions()]
    }

    /// The position that was given under this key. A client may choose the key, and the room's name may have braces too: an
    /// open end in the key would make it another room's.
    pub(crate) fn known(&self, key: &str) -> String {
        let key = key.replace('%', "%25").replace('}', "%7D");
        format!("{{room:{}}}:i:{key}", self.0)
    }

    /// Where it is said.
    pub(crate) fn channel(&self) -> String {
        format!("{{room:{}}}:c", self.0)
    }
}

/// Into how many parts presence is divided: all of a room's people are in one, and a node holds a lease on each.
///
/// The nodes of a cluster must agree on it, so these are all that there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partitions(u16);

impl Partitions {
    /// One Redis has nothing to divide.
    pub(crate) const ONE: Self = Self(1);

    /// A cluster has more than it is likely to have masters.
    pub(crate) const CLUSTER: Self = Self(16);

    /// The one that a room's people are in.
    pub(crate) fn of(self, room: &RoomId) -> Partition {
        Partition(checksum(room.as_str().as_bytes()) % self.0)
    }

    /// Each of them.
    pub(crate) fn all(self) -> impl Iterator<Item = Partition> {
        (0..self.0).map(Partition)
    }
}

/// One part of presence, in one slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partition(u16);

impl Partition {
    /// The one that speaks for all where one must.
    pub(crate) const FIRST: Self = Self(0);

    /// Whether it is the one that speaks for all where one must.
    pub(crate) fn is_first(self) -> bool {
        self.0 == 0
    }

    /// Its place among [`Partitions::all`].
    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    /// What all its keys begin with.
    pub(crate) fn prefix(self) -> String {
        format!("{{h:p{}}}:", self.0)
    }

    /// Schema, node epochs, claims, last beat, amnesty.
    pub(crate) fn meta(self) -> String {
        self.key("meta")
    }

    /// Incarnations and when their leases end.
    pub(crate) fn nodes(self) -> String {
        self.key("nodes")
    }

    /// Incarnations that are being buried, and from when on.
    pub(crate) fn dead(self) -> String {
        self.key("dead")
    }

    /// What is told of each incarnation: since when it lives, and how many people it has.
    pub(crate) fn about(self) -> String {
        self.key("about")
    }

    /// Pairs whose leave is held back, and when it is due.
    pub(crate) fn grace(self) -> String {
        self.key("grace")
    }

    /// A room's people and their version.
    pub(crate) fn room(self, room: &RoomId) -> String {
        format!("{{h:p{}}}:r:{room}", self.0)
    }

    /// The pairs that an incarnation holds.
    pub(crate) fn held(self, incarnation: &str) -> String {
        format!("{{h:p{}}}:n:{incarnation}", self.0)
    }

    /// How many sessions it holds each of them with, where that is more than one.
    pub(crate) fn more(self, incarnation: &str) -> String {
        format!("{{h:p{}}}:x:{incarnation}", self.0)
    }

    /// Where a room's changes are said.
    pub(crate) fn channel(self, room: &RoomId) -> String {
        format!("{{h:p{}}}:c:{room}", self.0)
    }

    fn key(self, name: &str) -> String {
        format!("{{h:p{}}}:{name}", self.0)
    }
}

/// Someone in a room, as a member of a set. A room's name has no control characters.
pub(crate) fn pair(room: &RoomId, user: &UserId) -> String {
    format!("{room}\n{user}")
}

/// The way back from [`pair`].
pub(crate) fn parse_pair(pair: &str) -> Option<(RoomId, UserId)> {
    let (room, user) = pair.split_once('\n')?;
    Some((RoomId::from_backplane(room)?, UserId::new(user)))
}

/// The field of a user in a room's hash; the version has a name that no user's begins with.
pub(crate) fn parse_user(field: &str) -> Option<UserId> {
    field.strip_prefix('u').map(UserId::new)
}

/// The fields of an incarnation in [`Partition::about`].
pub(crate) fn since(incarnation: &str) -> String {
    format!("since:{incarnation}")
}

/// See [`since`].
pub(crate) fn people(incarnation: &str) -> String {
    format!("people:{incarnation}")
}

/// The field of the version in a room's hash.
pub(crate) const VERSION: &str = "v";

/// One of a room's two channels. In a cluster each has a slot of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Says what is said.
    Log,
    /// Says who comes and goes.
    People,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Log, Self::People];

    /// Its channel's name.
    pub(crate) fn channel(self, room: &RoomId, partitions: Partitions) -> String {
        match self {
            Self::Log => Log(room).channel(),
            Self::People => partitions.of(room).channel(room),
        }
    }
}

/// What a channel speaks of, or `None`: not one of ours.
pub(crate) fn parse_channel(channel: &str) -> Option<(RoomId, Side)> {
    if let Some(room) = channel.strip_prefix("{room:").and_then(|rest| rest.strip_suffix("}:c")) {
        return Some((RoomId::from_backplane(room)?, Side::Log));
    }
    let (partition, room) = channel.strip_prefix("{h:p")?.split_once("}:c:")?;
    partition.parse::<u16>().ok()?;
    Some((RoomId::from_backplane(room)?, Side::People))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_lead_back_to_their_room_however_it_is_spelled() {
        for name in ["lobby", "a}b", "}:c", "{h:p0}:c:x", "Zoë's café"] {
            let room = RoomId::parse(name).expect("a room");
            for side in Side::BOTH {
                let channel = side.channel(&room, Partitions::ONE);
                assert_eq!(parse_channel(&channel), Some((room.clone(), side)), "{channel}");
            }
        }
        for strange in ["", "{room:}:c", "{h:px}:c:lobby", "lobby", "{room:lobby}:s"] {
            assert_eq!(parse_channel(strange), None, "{strange}");
        }
    }

    #[test]
    fn all_keys_match_the_patterns_of_the_acl() {
        let room = RoomId::parse("lobby").expect("a room");
        let log = Log(&room);
        for key in [&log.kept()[..], &[log.known("ann:1"), log.channel()]].concat() {
            assert!(key.starts_with("{room:lobby}:"), "{key}");
        }
        let p = Partitions::ONE.of(&room);
        let ours = [p.meta(), p.nodes(), p.dead(), p.grace(), p.room(&room), p.held("a#1"), p.more("a#1")];
        for key in ours.into_iter().chain([p.channel(&room)]) {
            assert!(key.starts_with(&p.prefix()), "{key}");
        }
        assert!(CLUSTER.starts_with("{h:"));
    }

    #[test]
    fn no_key_that_a_client_chooses_is_another_rooms() {
        let [lobby, other] = ["lobby", "lobby}:i:ann:x"].map(|name| RoomId::parse(name).expect("a room"));
        for (end, key) in [("m", "ann:x}:m"), ("i:y", "ann:x}:i:y")] {
            assert_ne!(Log(&lobby).known(key), format!("{{room:{other}}}:{end}"));
        }
        assert_ne!(Log(&lobby).known("}"), Log(&lobby).known("%7D"));
    }

    #[test]
    fn a_pair_comes_apart_where_it_was_joined() {
        let (room, user) = (RoomId::parse("lobby").expect("a room"), UserId::new("two\nlines"));
        assert_eq!(parse_pair(&pair(&room, &user)), Some((room, user)));
    }
}
