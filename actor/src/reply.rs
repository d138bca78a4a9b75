//! The way out of the actor system: one answer, awaited by a task.

use std::{
    any::Any,
    cell::Cell,
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use crate::{
    Message,
    load::{Port, decode},
    mailbox::Wake,
    report::Cause,
};

/// The answer to come at a [`ReplyRef`](crate::ReplyRef): a future of `Some(answer)`, or of `None` when
/// the system is shut down or the actor asked has panicked over the question.
///
/// An answer may also never come, since messages can be lost on links and an actor need not answer: put a
/// timeout around it. Dropping it gives the address up.
#[must_use = "dropping it gives the reply address up"]
pub struct Reply<R: Message> {
    /// None once it has ended.
    slot: Option<Arc<ReplySlot<R>>>,
}

impl<R: Message> Reply<R> {
    pub(crate) fn new(slot: Arc<ReplySlot<R>>) -> Self {
        Reply { slot: Some(slot) }
    }
}

impl<R: Message> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// Where the answer is put and waited for.
pub(crate) struct ReplySlot<R> {
    state: Mutex<State<R>>,
}

enum State<R> {
    Waiting(Option<Waker>),
    Answered(R),
    Over,
}

thread_local! {
    /// The slot of the last answer taken on this thread, for its next question: who asks one thing after
    /// the other, as most do, allocates nothing.
    static SPARE: Cell<Option<Arc<dyn Any + Send + Sync>>> = const { Cell::new(None) };
}

/// A larger slot is not kept.
const MAX_SPARE_BYTES: usize = 256;

impl<R: Send + 'static> ReplySlot<R> {
    /// An empty slot, used before or not.
    pub(crate) fn vacant() -> Arc<Self> {
        match SPARE.take().map(Arc::downcast) {
            Some(Ok(slot)) => slot,
            _ => Arc::new(Self::new()),
        }
    }

    /// Keeps a vacant slot that nobody else has.
    fn spare(self: Arc<Self>) {
        if size_of::<Self>() <= MAX_SPARE_BYTES {
            // At the end of the thread there is no place to keep it.
            let _ = SPARE.try_with(|spare| spare.set(Some(self)));
        }
    }
}

impl<R> ReplySlot<R> {
    pub(crate) fn new() -> Self {
        ReplySlot { state: Mutex::new(State::Waiting(None)) }
    }

    pub(crate) fn answer(&self, answer: R, wake: &mut Wake) -> Result<(), Cause> {
        self.settle(State::Answered(answer), wake)
    }

    fn settle(&self, outcome: State<R>, wake: &mut Wake) -> Result<(), Cause> {
        let mut state = self.state.lock();
        match &mut *state {
            State::Waiting(waker) => {
                wake.owe(waker.take());
                *state = outcome;
                Ok(())
            }
            State::Answered(_) | State::Over => Err(Cause::ReplyUsed),
        }
    }
}

impl<R: Message> Port for ReplySlot<R> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn push_encoded(&self, bytes: &[u8], _external: bool, wake: &mut Wake) -> Result<(), Cause> {
        self.answer(decode(bytes)?, wake)
    }

    fn external_count(&self) -> u64 {
        0
    }

    fn is_abandoned(&self) -> bool {
        matches!(*self.state.lock(), State::Over)
    }

    fn close(&self) {
        let mut wake = Wake::default();
        if self.settle(State::Over, &mut wake).is_ok() {
            wake.now();
        }
    }
}

impl<R: Message> Future for Reply<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let Some(slot) = &mut self.slot else { return Poll::Ready(None) };
        // Whoever settles a slot lets go of it: alone with it there is nobody to lock out.
        let alone = if Arc::strong_count(slot) == 1 { Arc::get_mut(slot) } else { None };
        let outcome = if let Some(slot) = alone {
            let outcome = mem::replace(slot.state.get_mut(), State::Waiting(None));
            self.slot.take().into_iter().for_each(ReplySlot::spare);
            outcome
        } else {
            let mut state = slot.state.lock();
            if let State::Waiting(waker) = &mut *state {
                *waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            mem::replace(&mut *state, State::Over)
        };
        self.slot = None;
        Poll::Ready(match outcome {
            State::Answered(answer) => Some(answer),
            State::Waiting(_) | State::Over => None,
        })
    }
}

impl<R: Message> Drop for Reply<R> {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            // The lock is released before an answer that nobody took is dropped.
            let _left = mem::replace(&mut *slot.state.lock(), State::Over);
        }
    }
}
