//! A hash table of slots that looks at one place of memory for a key.

use super::slab::Slot;

/// What is known of a key: the bits of its hash by which the table goes, above its slot. With the hash
/// in it, a table grows without a look at any key, and a search looks at one only.
type Seat = u64;

/// A seat that nobody has. It is behind all others, since no slot has the largest number.
const FREE: Seat = Seat::MAX;

/// Room for a last run that goes on behind the homes: more than most have, so that it seldom costs a
/// larger vector.
const SPARE: usize = 16;

/// Seats in the order of their hashes, with gaps: a seat is where its hash, as a fraction of all
/// hashes, lies in the table, or behind that with no gap between.
///
/// This is linear probing with the seats of a run in order (Amble and Knuth, "Ordered hash tables",
/// 1974): a search for what is not there ends as soon as one for what is there. A search touches one line
/// of a processor's cache, seldom two, and an insertion that follows the same one and perhaps the next; a
/// table that keeps tags of hashes beside its seats has a look at both.
#[derive(Default)]
pub struct Table {
    /// The first `homes` of them are where hashes lie; the last run may go on behind.
    seats: Vec<Seat>,
    homes: u32,
    len: u32,
}

impl Table {
    /// How many slots there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The first slot with this hash that is the one.
    pub fn find(&self, hash: u32, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (first, last) = (seat(hash, 0), seat(hash, Slot::MAX - 1));
        self.seats[self.home(first)..]
            .iter()
            .skip_while(|seat| **seat < first)
            .take_while(|seat| **seat <= last)
            .map(|seat| slot(*seat))
            .find(|slot| is_it(*slot))
    }

    /// Adds a slot, which must not be there yet.
    pub fn insert(&mut self, hash: u32, slot: Slot) {
        // At three quarters, a search looks at two or three seats.
        if self.len >= self.homes / 4 * 3 {
            self.grow();
        }
        let seat = seat(hash, slot);
        let home = self.home(seat);
        let at = home + self.seats[home..].iter().take_while(|other| **other < seat).count();
        let gap = at + self.seats[at..].iter().take_while(|other| **other != FREE).count();
        if gap == self.seats.len() {
            self.seats.push(FREE);
        }
        self.seats.copy_within(at..gap, at + 1);
        self.seats[at] = seat;
        self.len += 1;
    }

    /// Removes a slot. Returns whether it was there.
    pub fn remove(&mut self, hash: u32, slot: Slot) -> bool {
        let seat = seat(hash, slot);
        let run = &self.seats[self.home(seat)..];
        let Some(at) =
            run.iter().take_while(|other| **other <= seat).position(|other| *other == seat)
        else {
            return false;
        };
        let at = self.home(seat) + at;
        // Those behind it move up, until one is at its home.
        let moving = (at + 1..).zip(&self.seats[at + 1..]);
        let moving =
            moving.take_while(|(place, seat)| **seat != FREE && self.home(**seat) < *place);
        let end = at + 1 + moving.count();
        self.seats.copy_within(at + 1..end, at);
        self.seats[end - 1] = FREE;
        self.len -= 1;
        true
    }

    /// Makes the table half as large again: with steps so small, what only grows is half full at least.
    fn grow(&mut self) {
        self.homes += (self.homes / 2).max(4);
        let old = std::mem::take(&mut self.seats);
        self.seats = Vec::with_capacity(self.homes as usize + SPARE);
        self.seats.resize(self.homes as usize, FREE);
        let mut next = 0;
        for seat in old {
            // Whether a seat is free cannot be predicted, so this does not branch on it: a free one is
            // put where the next one goes, too.
            let taken = usize::from(seat != FREE);
            let at = next.max(self.home(seat) * taken);
            if at == self.seats.len() {
                self.seats.push(FREE);
            }
            self.seats[at] = seat;
            next = at + taken;
        }
    }

    /// The place where a seat lies unless others are there.
    fn home(&self, seat: Seat) -> usize {
        (((seat >> 32) * u64::from(self.homes)) >> 32) as usize
    }
}

fn seat(hash: u32, slot: Slot) -> Seat {
    u64::from(hash) << 32 | u64::from(slot)
}

fn slot(seat: Seat) -> Slot {
    seat as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Hashes at both ends and in the middle, few enough to meet often.
    fn hashes() -> impl Strategy<Value = u32> {
        let base = prop_oneof![Just(0), Just(u32::MAX - 5), Just(u32::MAX / 2), any::<u32>()];
        (base, 0..=5_u32).prop_map(|(base, more)| base.saturating_add(more))
    }

    fn check(table: &Table) {
        let there = || table.seats.iter().enumerate().filter(|(_, seat)| **seat != FREE);
        assert_eq!(there().count(), table.len());
        assert!(there().map(|(_, seat)| seat).is_sorted());
        assert!(table.len <= table.homes / 4 * 3, "{} of {}", table.len, table.homes);
        for (at, seat) in there() {
            let way = table.home(*seat)..at;
            assert!(table.seats[way].iter().all(|other| *other != FREE), "{seat:x} at {at}");
        }
    }

    proptest! {
        #[test]
        fn what_is_there_is_found_and_nothing_else(
            steps in prop::collection::vec((hashes(), 0..8_u32, prop::bool::weighted(0.7)), 0..300),
        ) {
            let (mut table, mut model) = (Table::default(), BTreeSet::new());
            for (hash, slot, comes) in steps {
                if !comes {
                    prop_assert_eq!(table.remove(hash, slot), model.remove(&(hash, slot)));
                } else if model.insert((hash, slot)) {
                    table.insert(hash, slot);
                }
                check(&table);
                let first = model.range((hash, 0)..=(hash, Slot::MAX)).next();
                prop_assert_eq!(table.find(hash, |_| true), first.map(|(_, slot)| *slot));
                let expected = model.contains(&(hash, slot)).then_some(slot);
                prop_assert_eq!(table.find(hash, |other| other == slot), expected);
            }
        }
    }

    #[test]
    fn the_largest_hash_and_slot_are_no_free_seat() {
        let mut table = Table::default();
        assert_eq!(table.find(u32::MAX, |_| true), None);
        table.insert(u32::MAX, Slot::MAX - 1);
        assert_eq!(table.find(u32::MAX, |_| true), Some(Slot::MAX - 1));
        assert!(!table.remove(u32::MAX, 7) && table.remove(u32::MAX, Slot::MAX - 1));
        check(&table);
    }

    #[test]
    fn a_large_table_that_only_grows_is_nearly_half_full_at_least() {
        let mut table = Table::default();
        for number in 0..10_000_u32 {
            table.insert(number.wrapping_mul(0x9e37_79b9), number);
            let room = table.seats.capacity();
            assert!(number < 200 || room <= table.len() * 9 / 4, "{room} for {number}");
        }
        check(&table);
    }
}
