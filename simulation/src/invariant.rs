//! What must always hold.

use std::fmt;

/// What a run checks. The numbers are those under which the design lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// 1. Within 60 s of the heal and the last query all replicas hold equal live entries.
    Converges,
    /// 2. Every stamped value was issued by a query, and no key was given a stamp twice.
    Issued,
    /// 2. The final stamp of a key is at least what any live replica held after the last crash.
    NotForgotten,
    /// 3. What was acknowledged by, or seen on, a replica that was not lost is present or beaten.
    NotLost,
    /// 4. A client of one actor's state reads its own writes and never sees a key go back.
    Session,
    /// 5. A write is visible on siblings within 500 ms, everywhere within 2000 ms, if nothing is wrong.
    Visible,
    /// 6. At most 10 messages in any half-open second per ordered pair.
    Budget,
    /// 6. Entries seldom reach a server twice.
    Economy,
    /// 7. After a tombstone is collected no stamp at or below it comes back.
    Collected,
    /// 8. What is kept for others stays under its formula.
    Memory,
    /// 9. Per key and state of an actor, the stamps of writes only grow.
    StampsGrow,
    /// 10. The same seed gives the same trace.
    Deterministic,
    /// Doing nothing is not enough: queries are answered, and every replica becomes ready.
    Progress,
}

impl Invariant {
    fn number(self) -> &'static str {
        match self {
            Self::Converges => "1",
            Self::Issued | Self::NotForgotten => "2",
            Self::NotLost => "3",
            Self::Session => "4",
            Self::Visible => "5",
            Self::Budget | Self::Economy => "6",
            Self::Collected => "7",
            Self::Memory => "8",
            Self::StampsGrow => "9",
            Self::Deterministic => "10",
            Self::Progress => "progress",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {} ({self:?})", self.number())
    }
}

/// An invariant that did not hold, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What was seen, for people.
    pub seen: String,
}

impl Violation {
    /// A violation as it was seen.
    pub fn new(invariant: Invariant, seen: impl Into<String>) -> Self {
        Self { invariant, seen: seen.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.seen)
    }
}
