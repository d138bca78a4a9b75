//! The native twin, on tokio.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Ends after `duration`. Must be called inside a tokio runtime with time.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep(Box::pin(tokio::time::sleep(duration)))
}

/// A running [`sleep`].
#[derive(Debug)]
pub struct Sleep(Pin<Box<tokio::time::Sleep>>);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// Runs `task` beside the caller. Must be called inside a tokio runtime.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Time since some moment before the first call; it never steps back. Under tokio's paused clock
/// it is virtual.
pub fn now() -> Duration {
    // From the system's clock, not tokio's: the first caller may live in a virtual time that is
    // ahead of everyone else's.
    static BEGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let begin = BEGIN.get_or_init(std::time::Instant::now);
    Instant::now().saturating_duration_since(Instant::from_std(*begin))
}

/// A seed that nobody can guess, from the operating system.
pub fn random_seed() -> u64 {
    SysRng.try_next_u64().expect("the operating system has a source of randomness")
}

/// Lets every other task that can run do so first.
pub(crate) use tokio::task::yield_now;

/// Where a client's background tasks run: the runtime it was made in.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(Handle);

impl Spawner {
    pub(crate) fn current() -> Self {
        Self(Handle::current())
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }
}
