//! How long to wait before the next attempt to connect.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// The first pause is at most this long: a server that restarts is back soon.
const FIRST: Duration = Duration::from_millis(100);

/// No pause is longer: a player sees the game go on within moments of the server's return.
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that double, each drawn from the upper half of its range, so that the clients of a server
/// that fell do not all come back in the same instant.
#[derive(Debug)]
pub(super) struct Backoff {
    range: Duration,
    random: SmallRng,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { range: FIRST, random: SmallRng::seed_from_u64(seed) }
    }

    pub(super) fn next_pause(&mut self) -> Duration {
        let range = self.range;
        self.range = (range * 2).min(LONGEST);
        self.random.random_range(range / 2..=range)
    }

    /// The server works: the next failure is a new story.
    pub(super) fn reset(&mut self) {
        self.range = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over() {
        for seed in 0..100 {
            let mut backoff = Backoff::new(seed);
            for range in [100, 200, 400, 800, 1600, 2000, 2000] {
                let pause = backoff.next_pause();
                let range = Duration::from_millis(range);
                assert!((range / 2..=range).contains(&pause), "{pause:?} of {range:?}");
            }
            backoff.reset();
            assert!(backoff.next_pause() <= FIRST);
        }
    }

    #[test]
    fn clients_spread_out() {
        let pauses: std::collections::BTreeSet<Duration> =
            (0..100).map(|seed| Backoff::new(seed).next_pause()).collect();
        assert!(pauses.len() > 90);
    }
}
