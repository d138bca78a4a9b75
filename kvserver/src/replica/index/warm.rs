//! Many keys at once.
//!
//! To find one key, a processor waits for memory three or four times, each wait as long as hundreds of
//! instructions. Waits for different keys can overlap, but only if nothing stands between them; so
//! what a group of queries will need is touched first, in loops that do nothing else.

use std::hint::black_box;

use super::{Index, KeyHash};
use crate::replica::slab::Slot;

impl Index {
    /// The slot of the first key with this hash, whatever key that is.
    pub fn seems(&self, hash: KeyHash) -> Option<Slot> {
        self.tables.find(hash.0, |_| true)
    }

    /// Has the processor fetch the entries at these slots.
    pub fn warm(&self, slots: impl Iterator<Item = Slot>) {
        black_box(slots.fold(0, |all, slot| all ^ self.slab.get(slot).first_and_last()));
    }
}
