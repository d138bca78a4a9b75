//! The port that a thread used last, since most tells go where the last one went.
//!
//! A ref holds no channel, so every tell looks its mailbox up; this spares most of them the shared table,
//! which costs as much as all the rest of a tell. The memory is one port for each thread. It keeps at
//! most one mailbox per thread from being freed, and a closed mailbox is empty.

use std::{cell::RefCell, sync::Arc};

use super::Inner;
use crate::{
    load::{Load, Port},
    mailbox::Wake,
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
pub(super) fn deliver(
    system: &Inner,
    id: ActorId,
    load: &mut dyn Load,
    wake: &mut Wake,
) -> Result<(), Cause> {
    LAST.with_borrow_mut(|last| {
        if let Some(known) = last
            && known.id == id
            && known.system == system.incarnation
        {
            match load.deliver(&*known.port, wake) {
                // The actor has stopped; another may have its well-known id by now.
                Err(Cause::Closed) => {}
                delivered => return delivered,
            }
        }
        *last = None;
        let port = system.registry.port(id).ok_or(Cause::NoSuchActor)?;
        let delivered = load.deliver(&*port, wake);
        *last = Some(LastPort { system: system.incarnation, id, port });
        delivered
    })
}
