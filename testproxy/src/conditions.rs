//! What the network between two programs is like.

use std::{num::NonZeroU32, time::Duration};

/// The state of a network, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// From whoever connects to the proxy's target.
    pub there: Way,
    /// From the proxy's target to whoever has connected.
    pub back: Way,
    /// Whether connections are ended, those that there are and every new one at once.
    pub cut: bool,
}

/// The state of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// How long every byte travels. A change holds for what arrives from then on; nothing overtakes.
    pub delay: Duration,
    /// How much passes in a second; without it, as much as the machine carries.
    pub bytes_per_second: Option<NonZeroU32>,
    /// Whether anything passes at all.
    pub passage: Passage,
}

/// Whether anything passes in one direction. As long as one direction is not open, a new connection is
/// accepted but does not reach the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passage {
    /// Everything passes.
    #[default]
    Open,
    /// Nothing passes, and what is sent waits, as it does when a network is away for a while: the
    /// sender's kernel keeps it and sends it again.
    Held,
    /// What is sent disappears and nobody is told, the end of a connection included, as when the other
    /// machine has lost its power. A connection that has lost a byte is ended at the healing.
    Swallowed,
}

impl Conditions {
    /// Changes both directions alike.
    pub fn both(&mut self, change: impl Fn(&mut Way)) {
        change(&mut self.there);
        change(&mut self.back);
    }

    /// Everything passes again. Delays and limits stay.
    pub fn heal(&mut self) {
        self.cut = false;
        self.both(|way| way.passage = Passage::Open);
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.cut && self.there.passage == Passage::Open && self.back.passage == Passage::Open
    }
}
