//! Many keys at once.
//!
//! To find one key, a processor waits for memory three or four times, each wait as long as hundreds of
//! instructions. Waits for different keys can overlap, but only if nothing stands between them; so
//! what a group of queries will need is touched first, in loops that do nothing else.

use std::hint::black_box;

use super::{Index, KeyHash, Seat};
use crate::replica::slab::Slot;

impl Index {
    /// Has the processor fetch what queries for these keys will look at.
    pub fn warm(&self, hashes: &[KeyHash], scratch: &mut Vec<Slot>) {
        scratch.clear();
        if self.len == 0 {
            return;
        }
        scratch.extend(hashes.iter().filter_map(|hash| {
            let wanted = hash.seat(0);
            let is_like_it = |seat: &Seat| seat.hash == wanted.hash;
            self.tables[hash.table()].find(wanted.hash(), is_like_it).map(|seat| seat.slot)
        }));
        let touched = scratch.iter().fold(0, |sum, slot| sum ^ self.slab.get(*slot).bytes()[0]);
        black_box(touched);
    }
}
