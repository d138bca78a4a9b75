//! What chance decides: how long things take, what mining yields, how a blow at a problem lands.

use rand::{Rng, RngExt};

use super::{Hardware, Kind};

/// The most tries in one `mine` and the most blows in one `solve`, so that a run ends within about
/// an hour.
pub const MAX_TRIES: u32 = 1_000;

/// The longest that one try takes, in milliseconds.
pub const SLOWEST_MILLIS: u64 = 4_000;

/// How long one try or one blow takes: 0 to 4 whole seconds, in milliseconds.
pub fn thinking_millis(rng: &mut impl Rng) -> u64 {
    rng.random_range(0..=SLOWEST_MILLIS / 1_000) * 1_000
}

/// What one try at mining yields: nothing once in ten, otherwise 1 to `power` coins.
pub fn mine(rng: &mut impl Rng, power: u64) -> Option<u64> {
    let lucky = rng.random_ratio(9, 10);
    (lucky && power > 0).then(|| rng.random_range(1..=power))
}

/// What one blow at a problem does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The work shrinks by one's power: 16 in 20.
    Progress,
    /// Hardware breaks: 3 in 20.
    Break,
    /// Nothing happens: 1 in 20.
    Stuck,
}

/// Rolls one blow.
pub fn blow(rng: &mut impl Rng) -> Blow {
    match rng.random_range(0..20) {
        0..3 => Blow::Break,
        3..19 => Blow::Progress,
        _ => Blow::Stuck,
    }
}

/// Breaks one of the kinds owned. Says which, how many
/// pieces were lost, and what remains; `None` if there was nothing to break.
pub fn shatter(rng: &mut impl Rng, hardware: Hardware) -> Option<(Kind, u64, Hardware)> {
    let owned: Vec<_> = hardware.owned().collect();
    if owned.is_empty() {
        return None;
    }
    let (kind, count) = owned[rng.random_range(0..owned.len())];
    let left = hardware.broken(kind);
    Some((kind, count - left.count(kind), left))
}
