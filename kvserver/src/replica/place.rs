//! Where an entry is, and what is known of that beforehand.

use super::index::KeyHash;
use super::slab::Slot;

/// A key that is looked for: its hash and, where it was looked for together with others, what was
/// found. Before it is used, nothing may happen to the replica but queries, writes and merges of those
/// others, each once.
#[derive(Clone, Copy)]
pub struct Sought {
    pub(super) hash: KeyHash,
    pub(super) live: Trace,
}

/// What is known of a key's live entry.
#[derive(Clone, Copy)]
pub(super) enum Trace {
    Unknown,
    /// It seems to be there.
    Seems(Slot),
    /// There is none.
    Absent,
}

impl Sought {
    pub(super) fn slot(&self) -> Option<Slot> {
        match self.live {
            Trace::Seems(slot) => Some(slot),
            Trace::Unknown | Trace::Absent => None,
        }
    }
}

/// Where an entry is: at this place there may be a newer one of its key, or another key, later on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub(super) kind: Kind,
    pub(super) slot: Slot,
}

impl At {
    /// The place of a live entry.
    pub fn live(slot: Slot) -> Self {
        Self { kind: Kind::Live, slot }
    }

    /// The place of a tombstone.
    pub fn tombstone(slot: Slot) -> Self {
        Self { kind: Kind::Tombstone, slot }
    }

    /// Its slot, and whether that is one of tombstones.
    pub fn slot(self) -> (Slot, bool) {
        (self.slot, self.kind == Kind::Tombstone)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Live,
    Tombstone,
}
