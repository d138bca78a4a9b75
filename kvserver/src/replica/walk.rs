//! All that a replica holds, some at a time.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::Replica;
use super::slab::Slab;
use crate::entry::Entry;

impl Replica {
    /// Lets go of the replica.
    pub fn let_go(self) -> Remains {
        Remains { live: self.live.into_slab(), tombstones: self.tombstones.into_slab() }
    }

    /// The next entries, `limit` at most, of a walk over everything held, tombstones included. What
    /// is written behind the walk meanwhile is not in it.
    pub fn walk(&self, walk: &mut Walk, limit: usize) -> Vec<Entry> {
        let after = walk.after.take();
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let set = match walk.stage {
            Stage::Live => &self.live,
            Stage::Tombstones => &self.tombstones,
            Stage::Done => return Vec::new(),
        };
        let entries: Vec<Entry> = set.range(from).take(limit).cloned().collect();
        if entries.len() < limit {
            walk.stage = match walk.stage {
                Stage::Live => Stage::Tombstones,
                Stage::Tombstones | Stage::Done => Stage::Done,
            };
        } else {
            walk.after = entries.last().map(|entry| entry.key_bytes().to_vec());
        }
        entries
    }
}

/// What is left of a replica that is of no use any more.
#[derive(Default)]
pub struct Remains {
    live: Slab,
    tombstones: Slab,
}

impl Remains {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.tombstones.is_empty()
    }

    /// Takes some entries out, `limit` at most, in no order.
    pub fn take_some(&mut self, limit: usize) -> impl Iterator<Item = Entry> {
        let Self { live, tombstones } = self;
        std::iter::from_fn(|| live.pop().or_else(|| tombstones.pop())).take(limit)
    }
}

/// How far a walk over a replica has come; see [`Replica::walk`]. It can be continued on another
/// replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    stage: Stage,
    after: Option<Vec<u8>>,
}

impl Walk {
    /// Whether everything has been walked over.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// The walk at an entry that its next step would have come by.
    pub fn at(&self, entry: &Entry) -> Self {
        Self { stage: self.stage, after: Some(entry.key_bytes().to_vec()) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Live,
    Tombstones,
    Done,
}
