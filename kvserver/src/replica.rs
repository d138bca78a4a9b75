//! One replica: an ordered map in which the last writer wins.

use std::ops::Bound;

use kvcommon::limits::{ENTRY_OVERHEAD_BYTES, PAGE_BYTES};
use kvcommon::{Entry as PageEntry, Stamp};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::entry::Entry;
use crate::stamp::Writer;
use index::{Index, KeyHash, KeyHasher};
use slab::{Slab, Slot};

pub mod index;
mod order;
mod slab;
mod tables;

#[cfg(test)]
mod tests;

/// The whole store as one actor sees it.
///
/// Merging is total, associative, commutative and idempotent: replicas that have merged the same
/// entries are equal, whatever the order, and however often an entry came.
///
/// Tombstones lie beside the live entries, not among them, so a List costs what it returns however
/// much was deleted. A key is in at most one of the two.
#[derive(Default)]
pub struct Replica {
    live: Index,
    tombstones: Index,
    hasher: KeyHasher,
    digest: Digest,
}

/// Where a key is, or belongs.
struct Place {
    hash: KeyHash,
    held: Option<(Kind, Slot)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Live,
    Tombstone,
}

/// One page of a List.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// In the order of their keys.
    pub entries: Vec<PageEntry<'a>>,
    /// Whether keys follow.
    pub more: bool,
}

impl Replica {
    /// An empty replica with a digest of another shape, for tests.
    #[cfg(test)]
    pub(crate) fn with_digest(digest: Digest) -> Self {
        Self { digest, ..Self::default() }
    }

    /// The number of keys that have a value.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The number of keys that are known to be deleted.
    pub fn tombstones(&self) -> usize {
        self.tombstones.len()
    }

    /// What is held for a key: a value or a tombstone.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.held(&self.place(key.as_bytes()))
    }

    /// Prepares for queries or merges of these keys, which then take less time than they would one
    /// after the other. Worth its cost for a few keys and more.
    pub fn warm<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let hashes: Vec<KeyHash> = keys.map(|key| self.hasher.hash(key)).collect();
        let mut scratch = Vec::with_capacity(hashes.len());
        self.live.warm(&hashes, &mut scratch);
        self.tombstones.warm(&hashes, &mut scratch);
    }

    /// As [`warm`](Self::warm), for keys that will be written or merged.
    pub fn warm_to_write<'k>(&self, keys: impl Iterator<Item = &'k [u8]> + Clone) {
        self.warm(keys.clone());
        self.digest.warm(keys);
    }

    /// Carries out a Put (`Some` value) or a Delete (`None`) at `clock_millis`, and returns the new
    /// entry. It beats what was held.
    ///
    /// `None`, and nothing has changed, if no stamp is left that would; see [`Writer::stamp`].
    pub fn write(
        &mut self,
        writer: &Writer,
        clock_millis: u64,
        key: &str,
        value: Option<&str>,
    ) -> Option<Entry> {
        self.write_above(writer, clock_millis, None, key, value)
    }

    /// As [`write`](Self::write); the entry also beats what has the stamp `floor`, which the writer's
    /// client has seen on another replica.
    pub fn write_above(
        &mut self,
        writer: &Writer,
        clock_millis: u64,
        floor: Option<Stamp>,
        key: &str,
        value: Option<&str>,
    ) -> Option<Entry> {
        let place = self.place(key.as_bytes());
        let held = self.held(&place).map(Entry::stamp);
        let stamp = writer.stamp(clock_millis, held.max(floor))?;
        let entry = Entry::new(stamp, key, value);
        self.store(&place, entry.clone());
        Some(entry)
    }

    /// Takes an entry from another replica, unless what is held is at least as new. Returns whether
    /// anything has changed.
    pub fn merge(&mut self, entry: Entry) -> bool {
        let place = self.place(entry.key_bytes());
        let news = self.held(&place).is_none_or(|held| entry.beats(held));
        if news {
            self.store(&place, entry);
        }
        news
    }

    /// One page of the keys that start with `prefix`, of those after `after` only: closed by the
    /// entry that brings it to [`PAGE_BYTES`].
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Page<'_> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.as_bytes()),
            _ => Bound::Included(prefix.as_bytes()),
        };
        let mut rest = self
            .live
            .range(from)
            .take_while(|entry| entry.key_bytes().starts_with(prefix.as_bytes()));
        let mut entries = Vec::new();
        let mut bytes = 0;
        for entry in rest.by_ref() {
            let value = entry.value().expect("a live entry has a value");
            bytes += ENTRY_OVERHEAD_BYTES + entry.key_bytes().len() + value.len();
            entries.push(PageEntry { key: entry.key(), stamp: entry.stamp(), value });
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        Page { entries, more: rest.next().is_some() }
    }

    /// The live entries in the order of their keys, of those after `after` only.
    pub fn live_after(&self, after: Option<&str>) -> impl Iterator<Item = &Entry> + use<'_> {
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_bytes()));
        self.live.range(from)
    }

    /// The sums by which the live entries are compared with another replica's.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The tombstones in the order of their keys, of those after `after` only.
    pub fn tombstones_after(&self, after: Option<&[u8]>) -> impl Iterator<Item = &Entry> + use<'_> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.tombstones.range(from)
    }

    /// Drops a tombstone, if it is this one or an earlier one that is held.
    pub fn collect(&mut self, tombstone: &Entry) {
        let place = self.place(tombstone.key_bytes());
        if let Some((Kind::Tombstone, slot)) = place.held
            && !self.tombstones.at(slot).beats(tombstone)
        {
            self.tombstones.remove(place.hash, tombstone.key_bytes());
        }
    }

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

    fn place(&self, key: &[u8]) -> Place {
        let hash = self.hasher.hash(key);
        let live = || self.live.find(hash, key).map(|slot| (Kind::Live, slot));
        let dead = || self.tombstones.find(hash, key).map(|slot| (Kind::Tombstone, slot));
        Place { hash, held: live().or_else(dead) }
    }

    fn held(&self, place: &Place) -> Option<&Entry> {
        place.held.map(|(kind, slot)| match kind {
            Kind::Live => self.live.at(slot),
            Kind::Tombstone => self.tombstones.at(slot),
        })
    }

    fn set(&mut self, kind: Kind) -> &mut Index {
        match kind {
            Kind::Live => &mut self.live,
            Kind::Tombstone => &mut self.tombstones,
        }
    }

    fn store(&mut self, Place { hash, held }: &Place, entry: Entry) {
        let kind = if entry.is_tombstone() { Kind::Tombstone } else { Kind::Live };
        let new = entry.clone();
        let old = match *held {
            Some((of, slot)) if of == kind => Some(self.set(kind).replace(slot, entry)),
            Some((other, _)) => {
                let old = self.set(other).remove(*hash, entry.key_bytes());
                self.add(kind, *hash, entry);
                old
            }
            None => {
                self.add(kind, *hash, entry);
                None
            }
        };
        self.digest.replace(old.as_ref(), Some(&new));
    }

    fn add(&mut self, kind: Kind, hash: KeyHash, entry: Entry) {
        self.set(kind).insert(hash, entry);
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
