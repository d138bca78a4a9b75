//! The way out of the actor system: one answer, awaited by a task.

use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    Address, Incarnation, Message, ReplyRef,
    refs::{ActorId, RawRef},
    replies::Replies,
};

/// The answer to come at a [`ReplyRef`]: a future of `Some(answer)`, or of `None` when
/// the system is shut down or the actor asked has panicked over the question.
///
/// An answer may also never come, since messages can be lost on links and an actor need not answer: put a
/// timeout around it. Dropping it gives the address up.
#[must_use = "dropping it gives the reply address up"]
pub struct Reply<R: Message> {
    /// None once it has ended.
    replies: Option<Arc<Replies>>,
    id: ActorId,
    answer: PhantomData<fn() -> R>,
}

/// Makes a reply address of the system whose table, address and incarnation these are.
pub(crate) fn open<R: Message>(
    replies: &Arc<Replies>,
    address: &Address,
    incarnation: Incarnation,
    of: Option<ActorId>,
) -> (ReplyRef<R>, Reply<R>) {
    let id = replies.open::<R>(of);
    let (replies, address) = (spare_table(replies), spare_address(address));
    let raw = RawRef { address, incarnation, id };
    (ReplyRef::from_raw(raw), Reply { replies: Some(replies), id, answer: PhantomData })
}

thread_local! {
    /// The counted pointers of the last question that ended on this thread and of the last that was
    /// answered on it, for the next question: counting up and down costs more than all else about them.
    static SPARE_TABLE: Cell<Option<Arc<Replies>>> = const { Cell::new(None) };
    static SPARE_ADDRESS: Cell<Option<Address>> = const { Cell::new(None) };
}

fn spare_table(wanted: &Arc<Replies>) -> Arc<Replies> {
    let spare = SPARE_TABLE.try_with(Cell::take).ok().flatten();
    spare.filter(|spare| Arc::ptr_eq(spare, wanted)).unwrap_or_else(|| wanted.clone())
}

fn spare_address(wanted: &Address) -> Address {
    let spare = SPARE_ADDRESS.try_with(Cell::take).ok().flatten();
    spare.filter(|spare| spare.is_same(wanted)).unwrap_or_else(|| wanted.clone())
}

/// Keeps the address of a ref that has done its work.
pub(crate) fn keep_address(address: Address) {
    // At the end of the thread there is no place to keep it.
    let _ = SPARE_ADDRESS.try_with(|spare| spare.set(Some(address)));
}

impl<R: Message> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

impl<R: Message> Future for Reply<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let Some(replies) = &self.replies else { return Poll::Ready(None) };
        let answer = replies.poll(self.id, cx);
        if answer.is_ready() {
            let ended = self.replies.take();
            let _ = SPARE_TABLE.try_with(|spare| spare.set(ended));
        }
        answer
    }
}

impl<R: Message> Drop for Reply<R> {
    fn drop(&mut self) {
        if let Some(replies) = &self.replies {
            replies.give_up::<R>(self.id);
        }
    }
}
