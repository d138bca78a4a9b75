//! Slots by the hashes of their keys, in many small hash tables.
//!
//! A hash table that is full moves everything in it to a larger one. Here that is a part of a
//! thousand, so no write waits for more: some microseconds when there are a million keys.

use super::slab::Slot;
use super::table::Table;

/// The number of tables.
const TABLES: usize = 1024;

/// See the module.
#[derive(Default)]
pub struct Tables {
    /// None before the first slot.
    tables: Box<[Table]>,
    len: usize,
}

impl Tables {
    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The first slot with this hash that is the one.
    pub fn find(&self, hash: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (table, hash) = place(hash);
        self.tables.get(table)?.find(hash, is_it)
    }

    /// Adds a slot.
    pub fn insert(&mut self, hash: u64, slot: Slot) {
        if self.tables.is_empty() {
            self.tables = std::iter::repeat_with(Table::default).take(TABLES).collect();
        }
        let (table, hash) = place(hash);
        self.tables[table].insert(hash, slot);
        self.len += 1;
    }

    /// Removes a slot.
    pub fn remove(&mut self, hash: u64, slot: Slot) {
        let (table, hash) = place(hash);
        if self.tables.get_mut(table).is_some_and(|table| table.remove(hash, slot)) {
            self.len -= 1;
        }
    }
}

/// Which table, and the hash in it: each a half of the hash.
fn place(hash: u64) -> (usize, u32) {
    ((hash >> 32) as usize % TABLES, hash as u32)
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
    fn all_tables_are_used_alike() {
        let mut tables = Tables::default();
        (0..1_000_000).for_each(|number| tables.insert(hash(number), number));
        let largest = tables.tables.iter().map(Table::len).max();
        assert!(largest < Some(1_000_000 / TABLES * 6 / 5), "{largest:?}");
    }
}
