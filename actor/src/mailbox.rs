//! The unbounded queue in front of an actor: many push, one takes.

use std::{
    mem,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

/// Unbounded and FIFO. A push never waits; a take gives everything that is there, since one lock and
/// one wake-up for many messages is what makes telling fast.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
}

struct Queue<T> {
    items: Vec<T>,
    /// Set while the taker sleeps: only the push that ends the sleep pays for a wake-up.
    sleeper: Option<Waker>,
    closed: bool,
    /// Pushes from outside the actor system: counted here, since the lock is held anyway.
    external: u64,
}

/// What a push owes the taker. Paid after every lock is released, since waking runs foreign code.
/// (It is filled in rather than returned: a tell's result then fits a register, which is a third faster.)
#[derive(Default)]
#[must_use = "the taker may be asleep"]
pub(crate) struct Wake(Option<Waker>);

impl Wake {
    pub(crate) fn owe(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.0 = waker;
        }
    }

    pub(crate) fn now(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

/// A buffer that grew beyond this many items in a burst is given back when the burst is over.
const KEPT_CAPACITY: usize = 1024;

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        Mailbox {
            queue: Mutex::new(Queue {
                items: Vec::new(),
                sleeper: None,
                closed: false,
                external: 0,
            }),
        }
    }

    /// Appends `item`, or gives it back when the mailbox is closed.
    #[inline]
    pub(crate) fn push(&self, item: T, external: bool, wake: &mut Wake) -> Result<(), T> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(item);
        }
        queue.items.push(item);
        queue.external += u64::from(external);
        if queue.sleeper.is_some() {
            wake.owe(queue.sleeper.take());
        }
        Ok(())
    }

    /// Moves everything that waits into the empty `batch`; pending while nothing does. `Ready(false)`
    /// once the mailbox is closed: what it still held is gone.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Vec<T>) -> Poll<bool> {
        debug_assert!(batch.is_empty());
        let mut queue = self.queue.lock();
        if queue.closed {
            return Poll::Ready(false);
        }
        if queue.items.is_empty() {
            if !queue.sleeper.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                queue.sleeper = Some(cx.waker().clone());
            }
            for buffer in [&mut queue.items, batch] {
                if buffer.capacity() > KEPT_CAPACITY {
                    *buffer = Vec::new();
                }
            }
            return Poll::Pending;
        }
        queue.sleeper = None;
        mem::swap(&mut queue.items, batch);
        Poll::Ready(true)
    }

    pub(crate) fn external_count(&self) -> u64 {
        self.queue.lock().external
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Drops what waits, ignores later pushes, and wakes the taker.
    pub(crate) fn close(&self) {
        let (items, sleeper) = {
            let mut queue = self.queue.lock();
            queue.closed = true;
            (mem::take(&mut queue.items), queue.sleeper.take())
        };
        drop(items); // outside the lock: it runs the destructors of messages
        Wake(sleeper).now();
    }
}
