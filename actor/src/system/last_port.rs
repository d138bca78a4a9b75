//! The port that a thread used last, since most tells go where the last one went.
//!
//! A ref holds no channel, so every tell looks its mailbox up; this spares most of them the shared table,
//! which costs as much as all the rest of a tell. The memory is one port for each thread. It keeps at
//! most one mailbox per thread from being freed, and a closed mailbox is empty but for a waker.

use std::{cell::RefCell, sync::Arc};

use super::Inner;
use crate::{
    load::{Load, Port},
    refs::{ActorId, Incarnation},
    report::Cause,
};

struct LastPort {
    system: Incarnation,
    id: ActorId,
    port: Arc<dyn Port>,
}

thread_local! {
    static LAST: RefCell<Option<LastPort>> = const { RefCell::new(None) };
}

/// Delivers a message to an actor of `system`.
pub(super) fn deliver(system: &Inner, id: ActorId, load: &mut dyn Load) -> Result<(), Cause> {
    LAST.with(|last| match last.try_borrow_mut() {
        Ok(mut last) => deliver_by(&mut last, system, id, load),
        // A delivery wakes, and whoever is woken may send from within.
        Err(_) => load.deliver(&*port(system, id)?),
    })
}

fn deliver_by(
    last: &mut Option<LastPort>,
    system: &Inner,
    id: ActorId,
    load: &mut dyn Load,
) -> Result<(), Cause> {
    if let Some(known) = last
        && known.id == id
        && known.system == system.incarnation
    {
        match load.deliver(&*known.port) {
            // The actor has stopped; another may have its well-known id by now.
            Err(Cause::Closed) => {}
            delivered => return delivered,
        }
    }
    *last = None;
    let port = port(system, id)?;
    let delivered = load.deliver(&*port);
    *last = Some(LastPort { system: system.incarnation, id, port });
    delivered
}

fn port(system: &Inner, id: ActorId) -> Result<Arc<dyn Port>, Cause> {
    system.registry.port(id).ok_or(Cause::NoSuchActor)
}
