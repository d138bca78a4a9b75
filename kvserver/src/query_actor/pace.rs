//! How often one actor may send to another: never more than ten messages in any second.

use std::time::Duration;

/// The least time between two messages with data from one actor to another.
pub const PACE: Duration = Duration::from_millis(125);

/// The least time between two messages that only say what has come or ask for it. They neither
/// wait for data nor hold it up.
pub const SMALL_PACE: Duration = Duration::from_millis(500);

/// When one actor has last sent to another: a half-open second holds at most eight messages with
/// data and two small ones.
#[derive(Default)]
pub struct Pace {
    data: Option<Duration>,
    small: Option<Duration>,
}

impl Pace {
    /// How long a message with data has to wait.
    pub fn data_wait(&self, now: Duration) -> Duration {
        wait(self.data, PACE, now)
    }

    /// How long a small message has to wait.
    pub fn small_wait(&self, now: Duration) -> Duration {
        wait(self.small, SMALL_PACE, now)
    }

    /// Notes that a message with data is sent.
    pub fn data_sent(&mut self, now: Duration) {
        self.data = Some(now);
    }

    /// Notes that a small message is sent.
    pub fn small_sent(&mut self, now: Duration) {
        self.small = Some(now);
    }
}

/// How long a message has to wait when the last one was sent at `last`.
pub fn wait(last: Option<Duration>, pace: Duration, now: Duration) -> Duration {
    last.map_or(Duration::ZERO, |last| (last + pace).saturating_sub(now))
}
