//! Waiting for conditions, never for time.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep};

/// How long anything may take before a test gives up on it: far longer than it ever takes on a machine that is busy
/// with other tests, the longest being a run of tries in the game (0 to 4 s each).
pub const LIMIT: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Looks until `look` finds what it looks for. When it never does, the error says what was awaited and what was there
/// instead, which `look` returns as its error.
pub async fn until<T, E: std::fmt::Display>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T> {
    let end = Instant::now() + LIMIT;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(instead) if Instant::now() >= end => {
                return Err(anyhow!(
                    "waited {} s for {what}; instead: {instead:#}",
                    LIMIT.as_secs()
                ));
            }
            Err(_) => sleep(EVERY).await,
        }
    }
}
