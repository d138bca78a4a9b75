//! A set of entries, one for each key: found by its key, and listed in order.
//!
//! ```text
//!  hash of a key ──> tables: slots ─┐
//!                                   ├──> slab: slot ──> entry (shared by all replicas)
//!  order of keys ──> tree:   slots ─┘
//! ```
//!
//! Point queries, and writes to keys that are there, go through the hash tables and cost the same
//! few cache misses however many keys there are; the tree is touched only where a key comes, goes, or
//! is listed. Since both refer to slots and not to entries, an entry that replaces another one
//! changes nothing but its slot.
//!
//! What this was chosen from, with figures, is told in `docs/performance.md`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Bound;

use kvcommon::Stamp;
use siphasher::sip::SipHasher13;

use super::order::Order;
use super::slab::{Slab, Slot};
use super::tables::Tables;
use crate::entry::Entry;

mod warm;

/// Entries, one for each key.
#[derive(Default)]
pub struct Index {
    slab: Slab,
    tables: Tables,
    order: Order,
}

/// The hash of a key, which any number of [`Index`]es can be asked with.
#[derive(Clone, Copy)]
pub struct KeyHash(u64);

/// Makes hashes of keys. Nobody outside knows how, so nobody can choose keys that share a hash.
#[derive(Clone, Copy)]
pub struct KeyHasher(SipHasher13);

impl Default for KeyHasher {
    /// The hashes differ from process to process; nothing that is answered or sent depends on them.
    fn default() -> Self {
        let random = RandomState::new();
        let secret = |number: u8| {
            let mut hasher = random.build_hasher();
            hasher.write_u8(number);
            hasher.finish()
        };
        Self(SipHasher13::new_with_keys(secret(0), secret(1)))
    }
}

impl KeyHasher {
    /// The hash of a key.
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        KeyHash(self.0.hash(key))
    }
}

impl KeyHash {
    /// The hash itself.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl Index {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of a key's entry.
    pub fn find(&self, hash: KeyHash, key: &[u8]) -> Option<Slot> {
        self.tables.find(hash.0, |slot| self.slab.key(slot) == key)
    }

    /// The entry at a slot.
    pub fn at(&self, slot: Slot) -> &Entry {
        self.slab.get(slot)
    }

    /// The entry at a slot, if there is one.
    pub fn try_at(&self, slot: Slot) -> Option<&Entry> {
        self.slab.try_get(slot)
    }

    /// Puts an entry into the slot of another one of the same key, and returns that.
    pub fn replace(&mut self, slot: Slot, entry: Entry) -> Entry {
        debug_assert_eq!(self.slab.key(slot), entry.key_bytes());
        self.slab.replace(slot, entry)
    }

    /// Makes the entry at a slot that of a later Put to its key.
    pub fn put(&mut self, slot: Slot, stamp: Stamp, key: &str, value: &str) {
        debug_assert_eq!(self.slab.key(slot), key.as_bytes());
        self.slab.get_mut(slot).put(stamp, key, value);
    }

    /// Adds the entry of a key that has none, and returns its slot.
    pub fn insert(&mut self, hash: KeyHash, entry: Entry) -> Slot {
        let slot = self.slab.insert(entry);
        self.tables.insert(hash.0, slot);
        self.order.insert(slot, &self.slab);
        slot
    }

    /// Removes the entry of a key, if it has one.
    pub fn remove(&mut self, hash: KeyHash, key: &[u8]) -> Option<Entry> {
        let slot = self.find(hash, key)?;
        self.tables.remove(hash.0, slot);
        self.order.remove(slot, &self.slab);
        Some(self.slab.remove(slot))
    }

    /// The entries alone.
    pub fn into_slab(self) -> Slab {
        self.slab
    }

    /// The entries in the order of their keys, from one on or after one.
    pub fn range(&self, from: Bound<&[u8]>) -> impl Iterator<Item = &Entry> + use<'_> {
        self.order.range(from, &self.slab).map(|slot| self.slab.get(slot))
    }
}
