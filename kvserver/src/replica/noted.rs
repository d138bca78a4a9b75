//! Places that something is yet to be done with.

use super::At;
use super::marks::Marks;
use super::slab::Slot;

/// Places of a replica in the order in which they were noted, each once: live entries, then
/// tombstones.
#[derive(Default)]
pub struct NotedPlaces {
    live: Noted,
    tombstones: Noted,
}

#[derive(Default)]
struct Noted {
    marks: Marks,
    slots: Vec<Slot>,
}

impl NotedPlaces {
    /// Notes a place, if it is not. Returns whether it was not.
    pub fn add(&mut self, at: At) -> bool {
        match at.slot() {
            (slot, false) => self.live.add(slot),
            (slot, true) => self.tombstones.add(slot),
        }
    }

    /// How many places are noted.
    pub fn size(&self) -> usize {
        self.live.slots.len() + self.tombstones.slots.len()
    }

    /// All that are noted; none is left.
    pub fn take(&mut self) -> impl Iterator<Item = At> + use<> {
        let live = self.live.take().into_iter().map(At::live);
        live.chain(self.tombstones.take().into_iter().map(At::tombstone))
    }
}

impl Noted {
    fn add(&mut self, slot: Slot) -> bool {
        let is_new = self.marks.set(slot);
        if is_new {
            self.slots.push(slot);
        }
        is_new
    }

    fn take(&mut self) -> Vec<Slot> {
        let slots = std::mem::take(&mut self.slots);
        for slot in &slots {
            self.marks.clear(*slot);
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_taken_once() {
        let mut noted = NotedPlaces::default();
        assert!(noted.add(At::live(700)) && noted.add(At::tombstone(3)) && noted.add(At::live(3)));
        assert!(!noted.add(At::live(3)), "it is noted");
        assert_eq!(noted.size(), 3);
        let all: Vec<At> = noted.take().collect();
        assert_eq!(all, [At::live(700), At::live(3), At::tombstone(3)]);
        assert!(noted.size() == 0 && noted.take().next().is_none());
        assert!(noted.add(At::live(3)), "noted again");
    }
}
