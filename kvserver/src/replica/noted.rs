//! Slots and places that something is yet to be done with.

use super::At;
use super::slab::Slot;

/// Slots in the order in which they were noted, each once.
///
/// A mark takes a bit of each slot there is, so whether a slot is noted can be seen without a look
/// into memory that is far away.
#[derive(Default)]
pub struct Noted {
    /// A bit for each slot.
    marks: Vec<u64>,
    /// Those that were noted, and perhaps crossed out since.
    slots: Vec<Slot>,
}

impl Noted {
    /// Whether a slot is noted.
    pub fn has(&self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        self.marks.get(word).is_some_and(|marks| marks & bit != 0)
    }

    /// Notes a slot, if it is not. Returns whether it was not.
    pub fn add(&mut self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        if word >= self.marks.len() {
            self.marks.resize(word + 1, 0);
        }
        let marks = &mut self.marks[word];
        let is_new = *marks & bit == 0;
        if is_new {
            *marks |= bit;
            self.slots.push(slot);
        }
        is_new
    }

    /// Crosses a slot out, which goes on to take room. Returns whether it was noted.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let was_noted = self.has(slot);
        if was_noted {
            let (word, bit) = place(slot);
            self.marks[word] &= !bit;
        }
        was_noted
    }

    /// How many slots take room.
    pub fn size(&self) -> usize {
        self.slots.len()
    }

    /// All that are noted; none is left.
    pub fn take(&mut self) -> Vec<Slot> {
        let mut slots = std::mem::take(&mut self.slots);
        // One that was crossed out and noted again is there twice.
        slots.retain(|slot| self.remove(*slot));
        slots
    }
}

/// Places of a replica, each once: [`Noted`] for live entries, and for tombstones.
#[derive(Default)]
pub struct NotedPlaces {
    live: Noted,
    tombstones: Noted,
}

impl NotedPlaces {
    /// Notes a place, if it is not. Returns whether it was not.
    pub fn add(&mut self, at: At) -> bool {
        match at.slot() {
            (slot, false) => self.live.add(slot),
            (slot, true) => self.tombstones.add(slot),
        }
    }

    /// How many places take room.
    pub fn size(&self) -> usize {
        self.live.size() + self.tombstones.size()
    }

    /// All that are noted; none is left.
    pub fn take(&mut self) -> impl Iterator<Item = At> + use<> {
        let live = self.live.take().into_iter().map(At::live);
        live.chain(self.tombstones.take().into_iter().map(At::tombstone))
    }
}

fn place(slot: Slot) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_is_taken_once_unless_it_was_crossed_out() {
        let mut noted = Noted::default();
        assert!(noted.add(700) && noted.add(3) && noted.add(4));
        assert!(!noted.add(3), "it is noted");
        assert!(noted.remove(3) && !noted.remove(3) && !noted.remove(100_000));
        assert!(noted.has(700) && !noted.has(3) && !noted.has(100_000));
        assert!(noted.remove(4) && noted.add(4), "noted again");
        assert_eq!(noted.take(), [700, 4]);
        assert!(noted.take().is_empty() && !noted.has(700));
    }
}
