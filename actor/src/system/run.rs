//! The tasks that drive actors and timers. They decide nothing.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use tokio::{
    task::yield_now,
    time::{Instant, Sleep, sleep_until},
};

use super::{Inner, inner::system_random, turn::Turn};
use crate::{
    Actor,
    cell::{Cell, Flow},
    context::{Now, Runtime},
    load::Load,
    mailbox::{Mailbox, Taken},
    refs::RawRef,
    report::Report,
    timers::Timers,
};

/// An actor that had many messages at once looks this often for more, others on its thread running in
/// between, before it sleeps: a look costs 50 ns, waking a sleeping thread several µs on both sides.
const EMPTY_LOOKS: u32 = 16;

/// Runs one actor until its mailbox closes or it is stopped.
pub(super) async fn actor<A: Actor>(
    inner: Arc<Inner>,
    mut cell: Cell<A>,
    mailbox: Arc<Mailbox<A::Message>>,
) {
    let id = cell.core.me.id;
    let mut runtime = TokioRuntime::new(inner, cell.core.me.clone());
    let mut flow = cell.start(&mut runtime);
    let mut batch = Vec::new();
    while flow == Flow::Go {
        match poll_fn(|cx| poll_batch(cx, &mut cell, &mut runtime, &mailbox, &mut batch)).await {
            Taken::Few => (runtime.asleep, runtime.patience) = (true, 0),
            Taken::Many => runtime.patience = EMPTY_LOOKS,
            Taken::Closed => break,
        }
        for message in batch.drain(..) {
            runtime.now = None;
            flow = cell.handle(message, &mut runtime);
            if flow == Flow::Stop {
                break;
            }
            if let Some(rest) = runtime.turn.after_message() {
                runtime.asleep = false; // what woke the actor meanwhile is forgotten by the next line
                for _ in 0..rest.yields() {
                    yield_now().await;
                }
                runtime.turn.begins_again(&rest);
                if mailbox.is_closed() {
                    break;
                }
                runtime.fire(&mut cell);
            }
        }
        if runtime.turn.goes_on() {
            runtime.asleep = false; // it is not worth going to sleep
        }
    }
    runtime.inner.registry.retire(id);
}

/// Waits for messages and timers, whichever come first.
fn poll_batch<A: Actor>(
    cx: &mut Context<'_>,
    cell: &mut Cell<A>,
    runtime: &mut TokioRuntime,
    mailbox: &Mailbox<A::Message>,
    batch: &mut Vec<A::Message>,
) -> Poll<Taken> {
    loop {
        runtime.fire(cell);
        if !mem::take(&mut runtime.asleep)
            && let Poll::Ready(taken) = mailbox.poll_take(cx, batch)
        {
            return Poll::Ready(taken);
        }
        if runtime.patience > 0 {
            runtime.patience -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if runtime.alarm.poll_until(cx, runtime.timers.next_due()).is_pending() {
            runtime.turn.ends();
            return Poll::Pending;
        }
    }
}

/// The runtime as one actor sees it.
struct TokioRuntime {
    inner: Arc<Inner>,
    me: RawRef,
    timers: Timers<Instant>,
    alarm: Alarm,
    /// Whether the mailbox will wake the actor, so that it need not look before it sleeps.
    asleep: bool,
    /// How often the actor still looks into its empty mailbox before it sleeps.
    patience: u32,
    /// The time of the handler that runs, once it has asked for it.
    now: Option<Now>,
    turn: Turn,
    random: Option<Box<Xoshiro256PlusPlus>>, // boxed, since few use it and all would carry it
}

impl TokioRuntime {
    fn new(inner: Arc<Inner>, me: RawRef) -> Self {
        TokioRuntime {
            inner,
            me,
            timers: Timers::new(),
            alarm: Alarm(None),
            asleep: false,
            patience: 0,
            now: None,
            turn: Turn::new(),
            random: None,
        }
    }

    /// Sends what was set to be sent by now.
    fn fire<A: Actor>(&mut self, cell: &mut Cell<A>) {
        if self.timers.next_due().is_none() {
            return;
        }
        let now = Instant::now();
        self.now = None;
        while let Some((to, mut load)) = self.timers.pop_due(now) {
            if to == self.me {
                self.turn.told_itself();
            } else {
                cell.core.sent(&to, &*load, self);
            }
            self.inner.send(&to, &mut *load);
        }
    }
}

impl Runtime for TokioRuntime {
    fn now(&mut self) -> Now {
        *self.now.get_or_insert_with(|| self.inner.now())
    }

    fn random(&mut self) -> u64 {
        self.random
            .get_or_insert_with(|| Box::new(Xoshiro256PlusPlus::seed_from_u64(system_random())))
            .next_u64()
    }

    fn send(&mut self, to: &RawRef, load: &mut dyn Load) {
        if to.id == self.me.id {
            self.turn.told_itself();
        }
        self.inner.send(to, load);
    }

    fn send_later(&mut self, delay: Duration, to: &RawRef, load: Box<dyn Load>) {
        self.timers.set(due_after(delay), to.clone(), load);
    }

    fn report(&mut self, report: Report) {
        self.inner.report(&report);
    }

    fn forget_state(&mut self) {
        self.timers.forget(&self.me);
        self.inner.registry.replies.end_questions_to(self.me.id);
    }
}

/// A timer of someone who is no actor.
pub(super) struct OutsideTimer {
    pub(super) due: Instant,
    pub(super) to: RawRef,
    pub(super) load: Box<dyn Load>,
}

/// Keeps the timers that were set from outside, all in this one place.
pub(super) async fn keep_outside_timers(inner: Arc<Inner>, incoming: Arc<Mailbox<OutsideTimer>>) {
    let (mut timers, mut alarm, mut batch) = (Timers::new(), Alarm(None), Vec::new());
    loop {
        let due = timers.next_due();
        let open = poll_fn(|cx| {
            if let Poll::Ready(taken) = incoming.poll_take(cx, &mut batch) {
                return Poll::Ready(taken != Taken::Closed);
            }
            alarm.poll_until(cx, due).map(|()| true)
        });
        if !open.await {
            return;
        }
        for OutsideTimer { due, to, load } in batch.drain(..) {
            timers.set(due, to, load);
        }
        let now = Instant::now();
        while let Some((to, mut load)) = timers.pop_due(now) {
            inner.send(&to, &mut *load);
        }
    }
}

/// The end of a delay, however long it is.
pub(super) fn due_after(delay: Duration) -> Instant {
    /// Longer than any system runs; tokio cannot wait for ever.
    const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    Instant::now() + delay.min(FOREVER)
}

/// One sleep, reused, and made only when something has to wait.
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when `due` has come; pending for ever without one.
    fn poll_until(&mut self, cx: &mut Context<'_>, due: Option<Instant>) -> Poll<()> {
        let Some(due) = due else {
            self.0 = None;
            return Poll::Pending;
        };
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(cx)
    }
}
