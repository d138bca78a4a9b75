//! The unbounded queue in front of an actor: many push, one takes.

use std::{
    mem,
    sync::OnceLock,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

/// Unbounded and FIFO. A push never waits; a take gives everything that is there, since one lock and
/// one wake-up for many messages is what makes telling fast.
///
/// One task takes, always the same, so its waker is kept once and for all: to clone it for every sleep
/// would cost as much as half a lock.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    taker: OnceLock<Waker>,
}

struct Queue<T> {
    items: Vec<T>,
    /// Whether the taker sleeps: only the push that ends the sleep pays for a wake-up.
    asleep: bool,
    closed: bool,
    /// Pushes from outside the actor system: counted here, since the lock is held anyway.
    external: u64,
}

/// A buffer that grew beyond this many items in a burst is given back when the burst is over.
const KEPT_CAPACITY: usize = 1024;

/// What a take has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The taker counts as asleep again already: it may sleep without another look, since the next push
    /// wakes it. For an actor that is asked one thing at a time this halves the looks.
    Few,
    /// Where there were many, more will come: the taker must look again before it sleeps.
    Many,
    /// The mailbox is closed, and what it still held is gone.
    Closed,
}

/// What counts as many.
const MANY: usize = 8;

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        Mailbox {
            queue: Mutex::new(Queue {
                items: Vec::new(),
                asleep: false,
                closed: false,
                external: 0,
            }),
            taker: OnceLock::new(),
        }
    }

    /// Appends `item`, or gives it back when the mailbox is closed.
    #[inline]
    pub(crate) fn push(&self, item: T, external: bool) -> Result<(), T> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(item);
        }
        queue.items.push(item);
        queue.external += u64::from(external);
        let was_asleep = mem::take(&mut queue.asleep);
        drop(queue);
        if was_asleep {
            self.wake();
        }
        Ok(())
    }

    /// Moves everything that waits into the empty `batch`; pending while nothing does. Only one task may
    /// call it.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Vec<T>) -> Poll<Taken> {
        debug_assert!(batch.is_empty());
        let taker = self.taker.get_or_init(|| cx.waker().clone());
        debug_assert!(taker.data() == cx.waker().data(), "one task takes, always the same");
        let mut queue = self.queue.lock();
        if queue.closed {
            return Poll::Ready(Taken::Closed);
        }
        let roomy = queue.items.capacity().max(batch.capacity()) > KEPT_CAPACITY;
        if queue.items.is_empty() {
            if roomy {
                (queue.items, *batch) = (Vec::new(), Vec::new());
            }
            queue.asleep = true;
            return Poll::Pending;
        }
        mem::swap(&mut queue.items, batch);
        queue.asleep = !roomy && batch.len() < MANY;
        Poll::Ready(if queue.asleep { Taken::Few } else { Taken::Many })
    }

    pub(crate) fn external_count(&self) -> u64 {
        self.queue.lock().external
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Drops what waits, ignores later pushes, and wakes the taker.
    pub(crate) fn close(&self) {
        let (items, was_asleep) = {
            let mut queue = self.queue.lock();
            queue.closed = true;
            (mem::take(&mut queue.items), mem::take(&mut queue.asleep))
        };
        drop(items); // outside the lock: it runs the destructors of messages
        if was_asleep {
            self.wake();
        }
    }

    /// Called without the lock, since waking runs foreign code.
    fn wake(&self) {
        if let Some(taker) = self.taker.get() {
            taker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        thread,
    };

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn push(mailbox: &Mailbox<u64>, item: u64) -> bool {
        mailbox.push(item, false).is_ok()
    }

    #[test]
    fn a_take_gives_everything_in_order_and_only_a_sleeper_is_woken() {
        let (mailbox, bell) = (Mailbox::new(), Arc::new(Bell::default()));
        let waker = bell.clone().into();
        let mut cx = Context::from_waker(&waker);
        let mut batch = Vec::new();
        assert!(push(&mailbox, 1));
        assert!(push(&mailbox, 2));
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Ready(Taken::Few));
        assert_eq!(batch, [1, 2]);
        assert_eq!(bell.0.load(SeqCst), 0);
        batch.clear();
        for number in 0..MANY as u64 {
            assert!(push(&mailbox, number));
        }
        assert_eq!(
            bell.0.load(SeqCst),
            1,
            "a taker of few is asleep again: one sleep, one wake-up"
        );
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Ready(Taken::Many));
        batch.clear();
        assert!(push(&mailbox, 3));
        assert_eq!(bell.0.load(SeqCst), 1, "a taker of many is awake");
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Ready(Taken::Few));
        batch.clear();
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Pending);
        assert!(push(&mailbox, 4));
        assert!(push(&mailbox, 5));
        assert_eq!(bell.0.load(SeqCst), 2, "one sleep, one wake-up");
    }

    #[test]
    fn closing_wakes_the_taker_drops_what_waits_and_ignores_later_pushes() {
        let (mailbox, bell) = (Mailbox::new(), Arc::new(Bell::default()));
        let waker = bell.clone().into();
        let mut cx = Context::from_waker(&waker);
        let mut batch = Vec::new();
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Pending);
        mailbox.close();
        assert_eq!(bell.0.load(SeqCst), 1);
        assert!(!push(&mailbox, 1));
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Ready(Taken::Closed));
        assert!(batch.is_empty());
    }

    #[test]
    fn a_burst_gives_its_memory_back() {
        let mailbox = Mailbox::new();
        let mut cx = Context::from_waker(Waker::noop());
        let mut batch = Vec::new();
        for item in 0..100_000 {
            push(&mailbox, item);
        }
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Ready(Taken::Many));
        batch.clear();
        assert_eq!(mailbox.poll_take(&mut cx, &mut batch), Poll::Pending);
        assert_eq!((batch.capacity(), mailbox.queue.lock().items.capacity()), (0, 0));
    }

    #[test]
    fn nothing_is_lost_or_left_asleep_under_contention() {
        const THREADS: u64 = 4;
        const EACH: u64 = 50_000;
        let mailbox = Arc::new(Mailbox::new());
        let pushers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let mailbox = mailbox.clone();
                thread::spawn(move || {
                    for number in 0..EACH {
                        assert!(push(&mailbox, thread * EACH + number));
                    }
                })
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut last = [None; THREADS as usize];
        let (mut taken, mut batch) = (0, Vec::new());
        while taken < THREADS * EACH {
            let got = runtime.block_on(poll_fn(|cx| mailbox.poll_take(cx, &mut batch)));
            assert_ne!(got, Taken::Closed);
            for item in batch.drain(..) {
                let (thread, number) = ((item / EACH) as usize, item % EACH);
                assert_eq!(last[thread].map_or(0, |last| last + 1), number);
                last[thread] = Some(number);
                taken += 1;
            }
        }
        for pusher in pushers {
            pusher.join().expect("a pusher ended");
        }
    }
}
