//! The rules of the game as pure functions: what there is, what it costs, and what luck does.
//!
//! Chance is an argument, so a fixed seed replays a game; arithmetic saturates, so no amount of
//! luck overflows.

mod hardware;
mod ladder;
mod luck;
mod place;

pub use hardware::{Hardware, Kind};
pub use ladder::{Problem, Rank};
pub use luck::{Blow, MAX_TRIES, SLOWEST_MILLIS, blow, mine, shatter, thinking_millis};
pub use place::Place;

/// How many pieces at `price` the coins allow, and the coins that are left.
///
/// ```
/// assert_eq!(cmud::rules::afford(17, cmud::Kind::Gpu), (3, 2));
/// ```
#[must_use]
pub fn afford(coins: u64, kind: Kind) -> (u64, u64) {
    (coins / kind.price(), coins % kind.price())
}

#[cfg(test)]
mod tests;
