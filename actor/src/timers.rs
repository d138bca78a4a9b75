//! Messages that wait for their time.

use std::{cmp::Ordering, collections::BinaryHeap};

use crate::{load::Load, refs::RawRef};

/// Timers of one place, ordered by the end of their delay, then by the order in which they were set.
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Timer<T>>,
    set: u64,
}

struct Timer<T> {
    due: T,
    number: u64,
    to: RawRef,
    load: Box<dyn Load>,
}

impl<T: Ord + Copy> Timers<T> {
    pub(crate) fn new() -> Self {
        Timers { heap: BinaryHeap::new(), set: 0 }
    }

    pub(crate) fn set(&mut self, due: T, to: RawRef, load: Box<dyn Load>) {
        self.set += 1;
        self.heap.push(Timer { due, number: self.set, to, load });
    }

    pub(crate) fn next_due(&self) -> Option<T> {
        self.heap.peek().map(|timer| timer.due)
    }

    /// Takes the next timer whose time has come.
    pub(crate) fn pop_due(&mut self, now: T) -> Option<(RawRef, Box<dyn Load>)> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|timer| (timer.to, timer.load))
    }

    /// Drops the timers whose message would go to `target`.
    pub(crate) fn forget(&mut self, target: &RawRef) {
        self.heap.retain(|timer| timer.to != *target);
    }
}

impl<T: Ord> Ord for Timer<T> {
    // Reversed: the heap gives its largest, and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due).then(other.number.cmp(&self.number))
    }
}

impl<T: Ord> PartialOrd for Timer<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Timer<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ord> Eq for Timer<T> {}
