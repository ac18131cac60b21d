//! How rooms are spread over Redis's processes.

use std::sync::Arc;

use hubbub_core::RoomId;

use crate::{
    keys::{Partitions, Side},
    slots,
};

/// One of them: a master, and everything in its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShardId(pub(crate) u32);

impl ShardId {
    /// The one that is all.
    pub(crate) const ONLY: Self = Self(0);
}

/// Who has what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One Redis has everything.
    #[default]
    One,
    /// A cluster: who has which slot, as far as is known.
    Slots(Arc<[Option<ShardId>]>),
}

impl Layout {
    /// A cluster of which nothing is known yet.
    pub(crate) fn unknown() -> Self {
        Self::Slots(Arc::new([]))
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Slots(_))
    }

    /// How presence is divided.
    pub(crate) fn partitions(&self) -> Partitions {
        match self {
            Self::One => Partitions::ONE,
            Self::Slots(_) => Partitions::CLUSTER,
        }
    }

    /// Who has a key. `None`: nobody that is known.
    pub(crate) fn shard_of(&self, key: &str) -> Option<ShardId> {
        match self {
            Self::One => Some(ShardId::ONLY),
            Self::Slots(slots) => slots.get(slots::slot(key)).copied().flatten(),
        }
    }

    /// Who says a channel.
    pub(crate) fn shard(&self, room: &RoomId, side: Side) -> Option<ShardId> {
        match self {
            Self::One => Some(ShardId::ONLY),
            Self::Slots(_) => self.shard_of(&side.channel(room, self.partitions())),
        }
    }
}
