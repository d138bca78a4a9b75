//! What somebody at a terminal is told while it lasts.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use tokio::time::interval;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Where progress is told: on standard error, if that is a terminal.
#[derive(Clone, Copy)]
pub struct Progress {
    told: bool,
}

impl Progress {
    /// As this program was started.
    pub fn new() -> Self {
        Self { told: io::stderr().is_terminal() }
    }

    /// Tells once a second what `line` says then, until the work is done.
    pub async fn during<T>(&self, line: impl Fn() -> String, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut ticks = interval(EVERY);
        ticks.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = ticks.tick() => self.tell(&line()),
            }
        }
    }

    fn tell(&self, line: &str) {
        if self.told {
            // The load goes on if nobody listens any more.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}
