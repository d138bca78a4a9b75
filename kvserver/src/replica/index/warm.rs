//! Many keys at once.
//!
//! To find one key, a processor waits for memory three or four times, each wait as long as hundreds of
//! instructions. Waits for different keys can overlap, but only if nothing stands between them; so
//! what a group of queries will need is touched first, in loops that do nothing else.

use std::hint::black_box;

use super::{Index, KeyHash};
use crate::replica::slab::Slot;

impl Index {
    /// Has the processor fetch what queries for these keys will look at. Returns the slots that they
    /// seem to have, going by their hashes alone.
    pub fn warm(&self, hashes: &[KeyHash]) -> Vec<Option<Slot>> {
        if self.is_empty() {
            return vec![None; hashes.len()];
        }
        let slots: Vec<Option<Slot>> =
            hashes.iter().map(|hash| self.tables.find(hash.number(), |_| true)).collect();
        let found = slots.iter().flatten();
        black_box(found.fold(0, |sum, slot| sum ^ self.slab.get(*slot).bytes()[0]));
        slots
    }
}
