//! What actors say to each other about collecting tombstones.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::query_actor::pack::Pack;

/// A round of collecting, or with [`Round::NONE`], none. Later rounds of a chain are larger. A chain
/// that began earlier is larger than one that began later, so that a store that was begun by mistake
/// beside another one is the one that gives way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Round(u64);

/// How many rounds a chain may have, in bits.
const COUNT_BITS: u32 = 22;
const CHANCE_BITS: u32 = 8;

impl Round {
    /// Before the first one.
    pub const NONE: Self = Self(0);

    /// The round with this number.
    #[cfg(test)]
    pub fn of(number: u64) -> Self {
        Self(number)
    }

    /// As a number for people, and to compare.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The round that follows: eight bits of chance below a count, below the age of the chain.
    pub(super) fn next(self, wall_millis: u64, chance: u64) -> Self {
        /// 26 bits of minutes last until 2097.
        const LAST_MINUTE: u64 = (1 << 26) - 1;
        let before = match self {
            Self::NONE => LAST_MINUTE.saturating_sub(wall_millis / 60_000) << COUNT_BITS,
            Self(round) => round >> CHANCE_BITS,
        };
        Self((before + 1) << CHANCE_BITS | chance & ((1 << CHANCE_BITS) - 1))
    }

    /// Whether this round follows `before`, as far as their counts say.
    pub(super) fn may_follow(self, before: Self) -> bool {
        let place = |Self(round)| round >> CHANCE_BITS;
        match before {
            Self::NONE => place(self) & ((1 << COUNT_BITS) - 1) == 1,
            before => place(self) == place(before) + 1,
        }
    }
}

/// What an actor says of all that it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// It holds only what clients of servers that have yet to fetch the store have written.
    #[default]
    New,
    /// It does not hold everything; what it holds came from actors that had confirmed this round.
    Partial(Round),
    /// It has confirmed this round.
    Firm(Round),
}

impl Claim {
    pub(super) fn round(self) -> Option<Round> {
        match self {
            Self::New => None,
            Self::Partial(round) | Self::Firm(round) => Some(round),
        }
    }
}

/// What every message between query actors says of its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub(super) claim: Claim,
    /// The last round that the sender has collected, or heard of as collected; without one, it is the
    /// one it claims.
    pub(super) collected: Option<Round>,
    /// No write has an earlier stamp from now on.
    pub(super) floor_millis: u64,
}

impl Mark {
    /// That of an actor that has collected the round with this number.
    #[cfg(test)]
    pub fn of_round(number: u64) -> Self {
        Self { claim: Claim::Firm(Round::of(number)), ..Self::default() }
    }

    pub(super) fn collected(&self) -> Round {
        self.collected.or(self.claim.round()).unwrap_or(Round::NONE)
    }
}

/// A round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Its number.
    pub round: Round,
    /// The one that it follows.
    pub after: Round,
    /// Its tombstones.
    pub tombstones: Pack,
}

/// What is said about rounds beside the marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Say {
    /// A round.
    Begin(Begin),
    /// What is your mark?
    Ask,
    /// Which round follows this one?
    Want(Round),
    /// These tombstones are old, and no round has had them. They go to the first sibling, from there to
    /// the first actor of the member with the smallest number, and into its next round.
    Left(Pack),
}

impl Say {
    /// Whether it may go without waiting for data.
    pub fn is_small(&self) -> bool {
        !matches!(self, Self::Begin(_) | Self::Left(_))
    }

    /// Puts what is to be said in the place of what was, unless that is worth more.
    pub fn put(self, place: &mut Option<Self>) {
        if self.worth() >= place.as_ref().map_or(0, Self::worth) {
            *place = Some(self);
        }
    }

    fn worth(&self) -> u8 {
        match self {
            Self::Ask => 1,
            Self::Left(_) => 2,
            Self::Want(_) => 3,
            Self::Begin(_) => 4,
        }
    }
}

impl PartialOrd for Claim {
    /// Only what is firm is compared.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Firm(this), Self::Firm(that)) => this.partial_cmp(that),
            _ => (self == other).then_some(Ordering::Equal),
        }
    }
}
