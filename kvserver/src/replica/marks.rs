//! A mark for each slot.

use super::slab::Slot;

/// Which slots are marked. It takes a bit of each slot there is, so whether one is marked can be seen
/// without a look into memory that is far away.
#[derive(Default)]
pub struct Marks(Vec<u64>);

impl Marks {
    /// Whether a slot is marked.
    pub fn has(&self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        self.0.get(word).is_some_and(|marks| marks & bit != 0)
    }

    /// Marks a slot. Returns whether it was not marked.
    pub fn set(&mut self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let was = self.0[word];
        self.0[word] |= bit;
        was & bit == 0
    }

    /// Takes the mark of a slot away. Returns whether it was marked.
    pub fn clear(&mut self, slot: Slot) -> bool {
        let was_marked = self.has(slot);
        if was_marked {
            let (word, bit) = place(slot);
            self.0[word] &= !bit;
        }
        was_marked
    }

    /// The first slot from this one on that is marked.
    pub fn next(&self, from: Slot) -> Option<Slot> {
        let (first, bit) = place(from);
        let words = self.0.iter().enumerate().skip(first);
        let mut rest = words.map(|(word, marks)| match word == first {
            true => (word, marks & !(bit - 1)),
            false => (word, *marks),
        });
        let (word, marks) = rest.find(|(_, marks)| *marks != 0)?;
        let slot = word * 64 + marks.trailing_zeros() as usize;
        Some(Slot::try_from(slot).expect("it was marked as one"))
    }
}

fn place(slot: Slot) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_a_mark_of_its_own() {
        let mut marks = Marks::default();
        assert!(marks.set(700) && marks.set(3) && marks.set(63) && marks.set(64));
        assert!(!marks.set(3), "it is marked");
        assert!(marks.has(700) && !marks.has(4) && !marks.has(100_000));
        assert!(marks.clear(3) && !marks.clear(3) && !marks.clear(100_000));
        assert!(!marks.has(3) && marks.set(3));
    }

    #[test]
    fn the_next_mark_is_found_from_anywhere() {
        let mut marks = Marks::default();
        let marked = [0, 5, 63, 64, 127, 128, 700];
        assert!(marked.iter().all(|slot| marks.set(*slot)));
        for from in 0..=800 {
            assert_eq!(marks.next(from), marked.into_iter().find(|slot| *slot >= from), "{from}");
        }
    }
}
