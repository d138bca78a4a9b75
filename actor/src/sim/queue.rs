//! What is to happen, by time and then by the order in which it was decided.

use std::{cmp::Ordering, collections::BinaryHeap};

/// Something that happens at its time. Each carries an index; what it names is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A message arrives.
    Arrival(u32),
    /// Timers of a seat may be due.
    Alarm(u32),
    /// A seat has done with its last message.
    Turn(u32),
    /// A wire carries messages (again).
    Connect(u32),
    /// A wire has brought nothing for so long that its connection is given up.
    GiveUp(u32),
    /// A fault that was planned.
    Fault(u32),
    /// A fault that will come some day: a world in which nothing else is to happen is quiet.
    NextFault(u32),
}

#[derive(Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Entry>,
    pushed: u64,
    distant: usize,
}

struct Entry {
    time: u64,
    number: u64,
    event: Event,
}

impl Queue {
    pub(super) fn push(&mut self, time: u64, event: Event) {
        self.pushed += 1;
        self.distant += usize::from(matches!(event, Event::NextFault(_)));
        self.heap.push(Entry { time, number: self.pushed, event });
    }

    /// Takes the next event that happens no later than `until`.
    pub(super) fn pop(&mut self, until: u64) -> Option<(u64, Event)> {
        if self.heap.peek()?.time > until {
            return None;
        }
        let Entry { time, event, .. } = self.heap.pop()?;
        self.distant -= usize::from(matches!(event, Event::NextFault(_)));
        Some((time, event))
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.heap.len() == self.distant
    }
}

impl Ord for Entry {
    // Reversed: the heap gives its largest, and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.number).cmp(&(self.time, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}
