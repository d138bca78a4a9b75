//! Many keys at once.
//!
//! To find one key, a processor waits for memory three or four times, each wait as long as hundreds of
//! instructions. Waits for different keys can overlap, but only if nothing stands between them; so
//! what a group of queries will need is touched first, in loops that do nothing else.

use std::hint::black_box;

use super::{Index, KeyHash};
use crate::replica::slab::Slot;

impl Index {
    /// Has the processor fetch what queries for these keys will look at.
    pub fn warm(&self, hashes: &[KeyHash], scratch: &mut Vec<Slot>) {
        scratch.clear();
        if self.is_empty() {
            return;
        }
        scratch.extend(hashes.iter().filter_map(|hash| self.tables.find(hash.number(), |_| true)));
        let touched = scratch.iter().fold(0, |sum, slot| sum ^ self.slab.get(*slot).bytes()[0]);
        black_box(touched);
    }
}
