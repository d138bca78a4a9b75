//! Slots whose entries are not in the sums at present.

use super::marks::Marks;
use super::slab::Slot;

/// Slots that wait to be summed up: taken some at a time, until none is left.
#[derive(Default)]
pub struct Unsummed {
    marks: Marks,
    /// How many are marked.
    count: usize,
    /// Some were taken and others are left: slots before this one do not wait, and no further ones
    /// begin to.
    taken: Option<Slot>,
}

impl Unsummed {
    /// Whether a slot waits.
    pub fn has(&self, slot: Slot) -> bool {
        self.marks.has(slot)
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Has a slot wait, unless the others are being taken. Returns whether it waits.
    pub fn add(&mut self, slot: Slot) -> bool {
        if self.taken.is_some() {
            return self.has(slot);
        }
        self.count += usize::from(self.marks.set(slot));
        true
    }

    /// Has a slot wait no more. Returns whether it did.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let waited = self.marks.clear(slot);
        self.count -= usize::from(waited);
        waited
    }

    /// Takes at most `limit` of those that wait, in their order.
    pub fn take_some(&mut self, limit: usize) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(limit.min(self.count));
        let mut from = self.taken.unwrap_or(0);
        while slots.len() < limit
            && self.count > 0
            && let Some(slot) = self.marks.next(from)
        {
            self.remove(slot);
            slots.push(slot);
            from = slot + 1;
        }
        self.taken = (self.count > 0).then_some(from);
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_wait_are_taken_though_others_come() {
        let mut unsummed = Unsummed::default();
        assert!([70, 3, 4, 900, 3].into_iter().all(|slot| unsummed.add(slot)));
        assert_eq!(unsummed.take_some(2), [3, 4]);
        assert!(!unsummed.add(5) && !unsummed.add(3) && !unsummed.has(3), "no more may wait");
        assert!(unsummed.add(900), "it waits already");
        assert!(unsummed.remove(70) && !unsummed.remove(70) && !unsummed.is_empty());
        assert_eq!(unsummed.take_some(2), [900]);
        assert!(unsummed.is_empty() && unsummed.take_some(2).is_empty());
        assert!(unsummed.add(3) && unsummed.has(3), "they may again");
        assert_eq!(unsummed.take_some(usize::MAX), [3]);
    }

    #[test]
    fn taking_is_over_when_the_last_that_waits_is_removed() {
        let mut unsummed = Unsummed::default();
        assert!(unsummed.add(1) && unsummed.add(2));
        assert_eq!(unsummed.take_some(1), [1]);
        assert!(unsummed.remove(2));
        assert!(!unsummed.add(1), "until it was asked whether any is left");
        assert!(unsummed.take_some(1).is_empty() && unsummed.add(1));
    }
}
