//! The way out of the actor system: one answer, awaited by a task.

use std::{
    any::Any,
    fmt, mem,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use crate::{
    Message,
    load::{Port, decode},
    mailbox::Wake,
    refs::ActorId,
    report::Cause,
    system::Inner,
};

/// The answer to come at a [`ReplyRef`](crate::ReplyRef): a future of `Some(answer)`, or of `None` when
/// the system is shut down or the actor asked has panicked over the question.
///
/// An answer may also never come, since messages can be lost on links and an actor need not answer: put a
/// timeout around it. Dropping it gives the address up.
#[must_use = "dropping it gives the reply address up"]
pub struct Reply<R: Message> {
    pub(crate) slot: Arc<ReplySlot<R>>,
    pub(crate) id: ActorId,
    pub(crate) system: Weak<Inner>,
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

    pub(crate) fn answer(&self, answer: R) -> Result<Wake, Cause> {
        self.settle(State::Answered(answer))
    }

    fn settle(&self, outcome: State<R>) -> Result<Wake, Cause> {
        let mut state = self.state.lock();
        match &mut *state {
            State::Waiting(waker) => {
                let waker = waker.take();
                *state = outcome;
                Ok(Wake::of(waker))
            }
            State::Answered(_) | State::Over => Err(Cause::ReplyUsed),
        }
    }
}

impl<R: Message> Port for ReplySlot<R> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn push_encoded(&self, bytes: &[u8], _external: bool) -> Result<Wake, Cause> {
        self.answer(decode(bytes)?)
    }

    fn external_count(&self) -> u64 {
        0
    }

    fn close(&self) {
        if let Ok(wake) = self.settle(State::Over) {
            wake.now();
        }
    }
}

impl<R: Message> Future for Reply<R> {
    type Output = Option<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let mut state = self.slot.state.lock();
        match mem::replace(&mut *state, State::Over) {
            State::Answered(answer) => Poll::Ready(Some(answer)),
            State::Over => Poll::Ready(None),
            State::Waiting(_) => {
                *state = State::Waiting(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl<R: Message> Drop for Reply<R> {
    fn drop(&mut self) {
        if let State::Waiting(_) = *self.slot.state.lock()
            && let Some(system) = self.system.upgrade()
        {
            system.registry.forget_reply(self.id);
        }
    }
}
