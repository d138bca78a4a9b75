//! Where an actor runs: on the shared runtime, or on a thread of its own.

use std::{io, sync::Arc, thread};

use tokio::runtime::{Builder, Handle};

use super::{Inner, run};
use crate::{Actor, cell::Cell, mailbox::Mailbox, refs::RawRef, stats::Counters};

/// An actor's place in the system before there is a state to take it.
pub(super) struct Seat<M> {
    pub(super) me: RawRef,
    pub(super) mailbox: Arc<Mailbox<M>>,
    pub(super) counters: Arc<Counters>,
    /// False if another actor has the id: then nothing may run here.
    pub(super) listed: bool,
}

pub(super) fn spawn_shared<A: Actor>(
    inner: &Arc<Inner>,
    seat: Seat<A::Message>,
    constructor: fn() -> A,
) {
    if !seat.listed {
        return;
    }
    let alive = inner.alive();
    let actor = run_in(inner, seat, constructor);
    inner.handle.spawn(async move {
        actor.await;
        drop(alive);
    });
}

pub(super) fn spawn_on_thread<A: Actor>(
    inner: &Arc<Inner>,
    name: &str,
    seat: Seat<A::Message>,
    constructor: fn() -> A,
) -> io::Result<Handle> {
    let id = seat.me.id;
    let listed = seat.listed;
    let retire_on_error = |error| {
        if listed {
            inner.registry.retire(id);
        }
        error
    };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(retire_on_error)?;
    let handle = runtime.handle().clone();
    let mut ending = inner.ending.subscribe();
    let alive = inner.alive();
    let actor = run_in(inner, seat, constructor);
    let main = move || {
        runtime.block_on(async move {
            // A task of its own is woken from its thread by a push to a queue; what is blocked on, by a
            // system call.
            if listed {
                let _ = tokio::spawn(actor).await; // it never panics: its handlers' panics are caught
            }
            // The thread outlives an actor that was stopped: the caller's tasks are still here.
            let _ = ending.wait_for(|ending| *ending).await;
        });
        drop(runtime);
        drop(alive);
    };
    let thread =
        thread::Builder::new().name(name.to_owned()).spawn(main).map_err(retire_on_error)?;
    inner.adopt(thread);
    Ok(handle)
}

fn run_in<A: Actor>(
    inner: &Arc<Inner>,
    seat: Seat<A::Message>,
    constructor: fn() -> A,
) -> impl Future<Output = ()> + Send + 'static {
    let cell = Cell::new(constructor, seat.me, seat.counters);
    run::actor(inner.clone(), cell, seat.mailbox)
}
