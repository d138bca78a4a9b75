//! One replica: an ordered map in which the last writer wins.

use std::hint::black_box;
use std::ops::Bound;

use kvcommon::limits::{ENTRY_OVERHEAD_BYTES, PAGE_BYTES};
use kvcommon::{Entry as PageEntry, Stamp};

use crate::digest::{Bucket, Digest};
use crate::entry::Entry;
use crate::stamp::Writer;
use index::{Index, KeyHash, KeyHasher};
use place::{Kind, Trace};
use slab::Slot;
use unsummed::Unsummed;

pub use place::{At, Sought};
pub use walk::{Remains, Walk};

pub mod index;
mod marks;
pub mod noted;
mod order;
mod place;
mod slab;
mod table;
mod tables;
mod unsummed;
mod walk;

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
    /// The sums of the live entries, but for those in slots that are `unsummed`.
    digest: Digest,
    /// Slots that were overwritten since the sums were last asked for. What is in them is added when
    /// they are asked for again, so a key that is overwritten many times meanwhile costs once.
    unsummed: Unsummed,
}

/// A larger entry is summed at once.
const MAX_UNSUMMED_BYTES: usize = 128;

/// So many slots are summed up together, so that what they touch can be fetched from memory at once.
const SUM_GROUP: usize = 64;

/// Where a key is, or belongs.
struct Place {
    hash: KeyHash,
    held: Option<At>,
}

/// What has come of merging an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It is held now, at this place.
    News(At),
    /// It was held already.
    Held,
    /// What is held is newer.
    Older,
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
        self.get_sought(key, self.seek(key.as_bytes()))
    }

    /// As [`get`](Self::get), for a key that was looked for before.
    pub fn get_sought(&self, key: &str, sought: Sought) -> Option<&Entry> {
        self.held(&self.place(key.as_bytes(), sought))
    }

    /// Where what is held for a key is.
    #[cfg(test)]
    pub(crate) fn find(&self, key: &str) -> Option<At> {
        let key = key.as_bytes();
        self.place(key, self.seek(key)).held
    }

    /// What is held at a place, if there is anything.
    pub fn at(&self, At { kind, slot }: At) -> Option<&Entry> {
        match kind {
            Kind::Live => self.live.try_at(slot),
            Kind::Tombstone => self.tombstones.try_at(slot),
        }
    }

    /// What is held at each of these places where there is anything: fetched at once, so that the
    /// processor does not wait for each of them in its turn.
    pub fn all_at<'a>(&'a self, places: &'a [At]) -> impl Iterator<Item = &'a Entry> {
        let entries = places.iter().filter_map(|at| self.at(*at));
        black_box(entries.clone().fold(0, |all, entry| all ^ entry.bytes()[0]));
        entries
    }

    /// Begins to look for a key.
    pub fn seek(&self, key: &[u8]) -> Sought {
        Sought { hash: self.hasher.hash(key), live: Trace::Unknown }
    }

    /// Looks for several keys, which takes less time than one after the other, and has the processor
    /// fetch what queries and merges of them will look at.
    pub fn seek_all<'k>(&self, keys: impl Iterator<Item = &'k [u8]> + Clone) -> Vec<Sought> {
        // What is not there now may come with an earlier one of the same key; but keys in their order
        // are all different.
        let nowhere =
            if keys.clone().is_sorted_by(|a, b| a < b) { Trace::Absent } else { Trace::Unknown };
        let mut sought: Vec<Sought> = keys.map(|key| self.seek(key)).collect();
        if !self.tombstones.is_empty() {
            let dead = sought.iter().filter_map(|one| self.tombstones.seems(one.hash));
            self.tombstones.warm(dead);
        }
        for one in &mut sought {
            one.live = self.live.seems(one.hash).map_or(nowhere, Trace::Seems);
        }
        self.live.warm(sought.iter().filter_map(Sought::slot));
        sought
    }

    /// Has the processor fetch what writes and merges of keys that were looked for together will
    /// change of the sums.
    pub fn warm_sums<'k>(&self, keys: impl Iterator<Item = (&'k [u8], Sought)>) {
        let summed = keys.filter(|(_, one)| one.slot().is_none_or(|slot| !self.unsummed.has(slot)));
        self.digest.warm(summed.map(|(key, _)| key));
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
    ) -> Option<&Entry> {
        let sought = self.seek(key.as_bytes());
        let at = self.write_above(writer, clock_millis, None, (key, sought), value)?;
        self.at(at)
    }

    /// As [`write`](Self::write), for a key that was looked for before, but returns where the entry
    /// is, which also beats what has the stamp `floor`: the writer's client has seen that on another
    /// replica.
    pub fn write_above(
        &mut self,
        writer: &Writer,
        clock_millis: u64,
        floor: Option<Stamp>,
        (key, sought): (&str, Sought),
        value: Option<&str>,
    ) -> Option<At> {
        let place = self.place(key.as_bytes(), sought);
        let held = self.held(&place).map(Entry::stamp);
        let seen = if floor.is_some() { held.max(floor) } else { held };
        let stamp = writer.stamp(clock_millis, seen)?;
        match (place.held, value) {
            (Some(At { kind: Kind::Live, slot }), Some(value)) => {
                self.overwrite(slot, |live| live.put(slot, stamp, key, value));
                place.held
            }
            _ => Some(self.store(&place, Entry::new(stamp, key, value))),
        }
    }

    /// Takes an entry from another replica, unless what is held is at least as new. Returns whether
    /// anything has changed.
    pub fn merge(&mut self, entry: Entry) -> bool {
        let sought = self.seek(entry.key_bytes());
        matches!(self.merge_sought(entry, sought), Merged::News(_))
    }

    /// As [`merge`](Self::merge), for an entry whose key was looked for before.
    pub fn merge_sought(&mut self, entry: Entry, sought: Sought) -> Merged {
        let place = self.place(entry.key_bytes(), sought);
        match self.held(&place) {
            Some(held) if !entry.beats(held) => match held.stamp() == entry.stamp() {
                true => Merged::Held,
                false => Merged::Older,
            },
            _ => Merged::News(self.store(&place, entry)),
        }
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

    /// Brings the sums up to date, over some `limit` entries, and returns whether they are.
    ///
    /// While they are not, each entry that is written is summed at once, unless its slot waits
    /// already; so whoever calls this again and again comes to an end, whatever is written meanwhile.
    pub fn sum_up(&mut self, limit: usize) -> bool {
        for slots in self.unsummed.take_some(limit).chunks(SUM_GROUP) {
            self.digest.add_all(slots.iter().map(|slot| self.live.at(*slot)));
        }
        self.unsummed.is_empty()
    }

    /// The sums by which the live entries are compared with another replica's. They are brought up to
    /// date first, which takes long unless [`sum_up`](Self::sum_up) has just done so.
    pub fn digest(&mut self) -> &Digest {
        self.sum_up(usize::MAX);
        &self.digest
    }

    /// The part of the digest in which a key is counted.
    pub fn bucket(&self, key: &str) -> Bucket {
        self.digest.bucket(key)
    }

    /// The tombstones in the order of their keys, of those after `after` only.
    pub fn tombstones_after(&self, after: Option<&[u8]>) -> impl Iterator<Item = &Entry> + use<'_> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.tombstones.range(from)
    }

    /// Drops a tombstone, if it is this one or an earlier one that is held.
    pub fn collect(&mut self, tombstone: &Entry) {
        let key = tombstone.key_bytes();
        let place = self.place(key, self.seek(key));
        if let Some(At { kind: Kind::Tombstone, slot }) = place.held
            && !self.tombstones.at(slot).beats(tombstone)
        {
            self.tombstones.remove(place.hash, key);
        }
    }

    fn place(&self, key: &[u8], Sought { hash, live }: Sought) -> Place {
        let at = |kind| move |slot| At { kind, slot };
        let is_there = |slot: Slot| self.live.try_at(slot).is_some_and(|e| e.key_bytes() == key);
        let live = match live {
            Trace::Seems(slot) if is_there(slot) => Some(slot),
            Trace::Absent => {
                debug_assert!(self.live.find(hash, key).is_none(), "the key has come meanwhile");
                None
            }
            Trace::Seems(_) | Trace::Unknown => self.live.find(hash, key),
        };
        let dead = || self.tombstones.find(hash, key).map(at(Kind::Tombstone));
        Place { hash, held: live.map(at(Kind::Live)).or_else(dead) }
    }

    fn held(&self, place: &Place) -> Option<&Entry> {
        place.held.and_then(|at| self.at(at))
    }

    fn store(&mut self, Place { hash, held }: &Place, entry: Entry) -> At {
        let kind = if entry.is_tombstone() { Kind::Tombstone } else { Kind::Live };
        let slot = match (*held, kind) {
            (Some(At { kind: Kind::Live, slot }), Kind::Live) => {
                self.overwrite(slot, |live| drop(live.replace(slot, entry)));
                slot
            }
            (Some(At { kind: Kind::Tombstone, slot }), Kind::Tombstone) => {
                self.tombstones.replace(slot, entry);
                slot
            }
            (Some(At { kind: Kind::Live, slot }), Kind::Tombstone) => {
                let old = self.live.remove(*hash, entry.key_bytes());
                if !self.unsummed.remove(slot) {
                    old.iter().for_each(|old| self.digest.take_out(old));
                }
                self.tombstones.insert(*hash, entry)
            }
            (there, Kind::Live) => {
                if there.is_some() {
                    self.tombstones.remove(*hash, entry.key_bytes());
                }
                self.digest.add(&entry);
                self.live.insert(*hash, entry)
            }
            (None, Kind::Tombstone) => self.tombstones.insert(*hash, entry),
        };
        At { kind, slot }
    }

    /// Has a later live entry take the place of the one that is there.
    fn overwrite(&mut self, slot: Slot, change: impl FnOnce(&mut Index)) {
        let waits = self.unsummed.has(slot);
        if !waits {
            self.digest.take_out(self.live.at(slot));
        }
        change(&mut self.live);
        let entry = self.live.at(slot);
        let waits = entry.bytes().len() <= MAX_UNSUMMED_BYTES && self.unsummed.add(slot);
        if !waits {
            self.unsummed.remove(slot);
            self.digest.add(entry);
        }
    }
}
