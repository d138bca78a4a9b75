//! Slots by the hashes of their keys, in many small hash tables.
//!
//! A hash table that is full moves everything in it to one of twice the size. Here that is a part of
//! a thousand, so no write waits for more: ten microseconds when there are a million keys.

use hashbrown::HashTable;

use super::slab::Slot;

/// The number of tables. Their sizes are this number times powers of two: with it, a million keys
/// fill their tables to three quarters. (With a power of two they would be just too many for one
/// size, and fill the next one to less than a half.)
const TABLES: usize = 1280;

/// What a table has of a key. With a part of the hash in it, a table grows without a look at any key,
/// and a search looks at one only.
#[derive(Clone, Copy)]
struct Seat {
    slot: Slot,
    hash: u32,
}

impl Seat {
    /// What a table goes by: it looks at the last bits, and at the first ones, which this makes of
    /// all of them.
    fn spread(&self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// See the module.
#[derive(Default)]
pub struct Tables {
    /// None before the first slot.
    tables: Box<[HashTable<Seat>]>,
    len: usize,
}

impl Tables {
    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The first slot with this hash that is the one.
    pub fn find(&self, hash: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (table, like) = place(hash, 0);
        let is_it = |seat: &Seat| seat.hash == like.hash && is_it(seat.slot);
        self.tables.get(table)?.find(like.spread(), is_it).map(|seat| seat.slot)
    }

    /// Adds a slot.
    pub fn insert(&mut self, hash: u64, slot: Slot) {
        if self.tables.is_empty() {
            self.tables = std::iter::repeat_with(HashTable::new).take(TABLES).collect();
        }
        let (table, seat) = place(hash, slot);
        self.tables[table].insert_unique(seat.spread(), seat, Seat::spread);
        self.len += 1;
    }

    /// Removes a slot.
    pub fn remove(&mut self, hash: u64, slot: Slot) {
        let (table, seat) = place(hash, slot);
        let Some(table) = self.tables.get_mut(table) else { return };
        if let Ok(found) = table.find_entry(seat.spread(), |other| other.slot == slot) {
            found.remove();
            self.len -= 1;
        }
    }
}

/// Which table, and the seat in it: each by its own half of the hash.
fn place(hash: u64, slot: Slot) -> (usize, Seat) {
    let table = ((hash >> 32) * TABLES as u64) >> 32;
    (table as usize, Seat { slot, hash: hash as u32 })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn hash(number: u32) -> u64 {
        let hash = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    #[test]
    fn what_is_there_is_found_at_any_size() {
        const SLOTS: u32 = 60_000;
        let mut tables = Tables::default();
        let mut model = BTreeMap::new();
        for number in 0..SLOTS {
            tables.insert(hash(number), number);
            model.insert(number, ());
            if number % 3 == 0 {
                let gone = number / 2;
                assert_eq!(tables.find(hash(gone), |slot| slot == gone), Some(gone));
                tables.remove(hash(gone), gone);
                model.remove(&gone);
            }
            assert_eq!(tables.len(), model.len());
        }
        for number in 0..SLOTS {
            let expected = model.contains_key(&number).then_some(number);
            assert_eq!(tables.find(hash(number), |slot| slot == number), expected);
        }
    }

    #[test]
    fn slots_of_one_hash_are_told_apart() {
        let mut tables = Tables::default();
        (0..2000).for_each(|slot| tables.insert(7, slot));
        tables.remove(7, 5);
        assert_eq!(tables.find(7, |slot| slot == 5), None);
        assert_eq!(tables.find(7, |slot| slot == 1999), Some(1999));
        assert_eq!(tables.find(8, |_| true), None);
    }

    #[test]
    fn a_million_keys_fit_well_and_in_all_tables_alike() {
        let mut tables = Tables::default();
        (0..1_000_000).for_each(|number| tables.insert(hash(number), number));
        let largest = tables.tables.iter().map(HashTable::len).max();
        assert!(largest < Some(1_000_000 / TABLES * 6 / 5), "{largest:?}");
        let room: usize = tables.tables.iter().map(HashTable::capacity).sum();
        assert!(room < 1_000_000 * 5 / 4, "{room} places");
    }
}
