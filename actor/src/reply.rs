//! The way out of the actor system: one answer, awaited by a task.

use std::{
    any::Any,
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
    slot: Arc<ReplySlot<R>>,
    done: bool,
}

impl<R: Message> Reply<R> {
    pub(crate) fn new(slot: Arc<ReplySlot<R>>) -> Self {
        Reply { slot, done: false }
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
        let answer = {
            let mut state = self.slot.state.lock();
            match mem::replace(&mut *state, State::Over) {
                State::Answered(answer) => Some(answer),
                State::Over => None,
                State::Waiting(_) => {
                    *state = State::Waiting(Some(cx.waker().clone()));
                    return Poll::Pending;
                }
            }
        };
        self.done = true;
        Poll::Ready(answer)
    }
}

impl<R: Message> Drop for Reply<R> {
    fn drop(&mut self) {
        if !self.done {
            *self.slot.state.lock() = State::Over;
        }
    }
}
