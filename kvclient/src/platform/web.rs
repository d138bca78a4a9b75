//! The web twin, on the page's event loop.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast;
use web_sys::{Crypto, Performance};

/// Ends after `duration`, a little later in a page that is not looked at.
pub fn sleep(duration: Duration) -> Sleep {
    /// A browser fires a longer timeout at once.
    const MAX_MILLIS: u128 = i32::MAX as u128;
    // Rounded up: a timer that fires early would only be set again.
    let millis = duration.as_nanos().div_ceil(1_000_000).min(MAX_MILLIS);
    Sleep(TimeoutFuture::new(u32::try_from(millis).expect("at most i32::MAX")))
}

/// A running [`sleep`].
#[derive(Debug)]
pub struct Sleep(TimeoutFuture);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Runs `task` beside the caller.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(task);
}

/// Time since some moment before the first call; it never steps back.
pub fn now() -> Duration {
    let clock: Option<Performance> = global("performance");
    let millis = clock.map_or_else(js_sys::Date::now, |clock| clock.now());
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}

/// A seed that nobody can guess, from the browser's `crypto`.
pub fn random_seed() -> u64 {
    let mut seed = [0; 8];
    global::<Crypto>("crypto")
        .and_then(|crypto| crypto.get_random_values_with_u8_array(&mut seed).ok())
        .expect("every browser has crypto.getRandomValues");
    u64::from_le_bytes(seed)
}

/// A global object, of a window or a worker alike.
fn global<T: JsCast>(name: &str) -> Option<T> {
    js_sys::Reflect::get(&js_sys::global(), &name.into()).ok()?.dyn_into().ok()
}

/// Lets every other task that can run do so first.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Where a client's background tasks run.
#[derive(Clone, Debug)]
pub(crate) struct Spawner;

impl Spawner {
    pub(crate) fn current() -> Self {
        Self
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        spawn(task);
    }
}
