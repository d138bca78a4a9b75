//! The one source of chance.

use std::{ops::Range, time::Duration};

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

/// A named algorithm, unlike `SmallRng` and `StdRng`, and draws written out here rather than taken from a
/// library: neither a platform nor a new version of `rand` changes what a seed means.
pub(super) struct Dice(Xoshiro256PlusPlus);

/// A span of time to draw from, in nanoseconds, made once since it is drawn from for every message.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    from: u64,
    width: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`, or 0 if that is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(limit)) >> 64) as u64
    }

    /// An index into something of `len` items.
    pub(super) fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Whether something of this probability happens. What never happens draws nothing.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        probability > 0.0 && (self.number() >> 11) as f64 * UNIT < probability
    }

    pub(super) fn draw(&mut self, span: Span) -> u64 {
        if span.width == 0 { span.from } else { span.from + self.below(span.width) }
    }

    pub(super) fn duration(&mut self, range: &Range<Duration>) -> u64 {
        self.draw(Span::new(range))
    }

    /// The wait for the next of events that come every `mean` on average.
    pub(super) fn wait(&mut self, mean: Duration) -> u64 {
        1 + self.below(nanos(mean).saturating_mul(2))
    }

    /// A number from `-limit` to `limit`.
    pub(super) fn either_way(&mut self, limit: i64) -> i64 {
        self.below(2 * limit.unsigned_abs() + 1) as i64 - limit
    }
}

impl Span {
    pub(super) fn new(range: &Range<Duration>) -> Self {
        let from = nanos(range.start);
        Span { from, width: nanos(range.end).saturating_sub(from) }
    }
}

/// Longer than any world lives, and far from an overflow.
const FOREVER: u64 = u64::MAX / 4;

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(FOREVER, |nanos| nanos.min(FOREVER))
}
