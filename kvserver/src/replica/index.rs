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

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::order::Order;
use super::slab::{Slab, Slot};
use crate::entry::Entry;

mod warm;

/// The keys are spread over so many tables, so that the growth of one of them, in which everything
/// in it is moved, is short.
const TABLES: usize = 1024;

/// Entries, one for each key.
pub struct Index {
    slab: Slab,
    tables: Box<[HashTable<Seat>]>,
    order: Order,
    len: usize,
}

/// What a table has of a key. With the hash in it, a table grows without a look at any key, and a
/// search looks at one only.
#[derive(Clone, Copy)]
struct Seat {
    slot: Slot,
    hash: u32,
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

    /// Which table.
    fn table(self) -> usize {
        (self.0 >> 32) as usize % TABLES
    }

    fn seat(self, slot: Slot) -> Seat {
        Seat { slot, hash: self.0 as u32 }
    }
}

impl Seat {
    /// What the table goes by: it looks at the first bits and at the last ones.
    fn hash(&self) -> u64 {
        u64::from(self.hash) << 32 | u64::from(self.hash)
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            slab: Slab::default(),
            tables: std::iter::repeat_with(HashTable::new).take(TABLES).collect(),
            order: Order::default(),
            len: 0,
        }
    }
}

impl Index {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot of a key's entry.
    pub fn find(&self, hash: KeyHash, key: &[u8]) -> Option<Slot> {
        if self.len == 0 {
            return None;
        }
        let wanted = hash.seat(0);
        let is_it = |seat: &Seat| seat.hash == wanted.hash && self.slab.key(seat.slot) == key;
        self.tables[hash.table()].find(wanted.hash(), is_it).map(|seat| seat.slot)
    }

    /// The entry at a slot.
    pub fn at(&self, slot: Slot) -> &Entry {
        self.slab.get(slot)
    }

    /// Puts an entry into the slot of another one of the same key, and returns that.
    pub fn replace(&mut self, slot: Slot, entry: Entry) -> Entry {
        debug_assert_eq!(self.slab.key(slot), entry.key_bytes());
        self.slab.replace(slot, entry)
    }

    /// Adds the entry of a key that has none.
    pub fn insert(&mut self, hash: KeyHash, entry: Entry) {
        let slot = self.slab.insert(entry);
        let seat = hash.seat(slot);
        self.tables[hash.table()].insert_unique(seat.hash(), seat, Seat::hash);
        self.order.insert(slot, &self.slab);
        self.len += 1;
    }

    /// Removes the entry of a key, if it has one.
    pub fn remove(&mut self, hash: KeyHash, key: &[u8]) -> Option<Entry> {
        let Self { slab, tables, order, len } = self;
        let table = &mut tables[hash.table()];
        let wanted = hash.seat(0);
        let is_it = |seat: &Seat| seat.hash == wanted.hash && slab.key(seat.slot) == key;
        let (Seat { slot, .. }, _) = table.find_entry(wanted.hash(), is_it).ok()?.remove();
        order.remove(slot, slab);
        *len -= 1;
        Some(slab.remove(slot))
    }

    /// The entries in the order of their keys, from one on or after one.
    pub fn range(&self, from: Bound<&[u8]>) -> impl Iterator<Item = &Entry> + use<'_> {
        self.order.range(from, &self.slab).map(|slot| self.slab.get(slot))
    }
}
