//! From the number in a ref to the mailbox behind it.

use std::{
    hash::BuildHasherDefault,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use dashmap::{DashMap, Entry};
use parking_lot::Mutex;

use super::replies::Replies;
use crate::{Stats, cell::IdHasher, load::Port, refs::ActorId, report::Cause, stats::Counters};

type ById<T> = DashMap<ActorId, T, BuildHasherDefault<IdHasher>>;

/// The actors and the open reply addresses of one system.
pub(crate) struct Registry {
    actors: ById<Listed>,
    replies: Replies,
    next_actor: AtomicU64,
    /// What actors that have stopped had counted.
    retired: Mutex<Stats>,
}

struct Listed {
    port: Arc<dyn Port>,
    counters: Arc<Counters>,
}

impl Listed {
    fn add_to(&self, stats: &mut Stats) {
        self.counters.add_to(stats);
        stats.messages_sent_external += self.port.external_count();
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        Registry {
            actors: ById::default(),
            replies: Replies::default(),
            next_actor: AtomicU64::new(ActorId::FIRST_ORDINARY),
            retired: Mutex::default(),
        }
    }

    pub(crate) fn new_actor_id(&self) -> ActorId {
        ActorId(self.next_actor.fetch_add(1, Relaxed))
    }

    /// Lists an actor, unless its id is taken.
    pub(crate) fn list(&self, id: ActorId, port: Arc<dyn Port>, counters: Arc<Counters>) -> bool {
        match self.actors.entry(id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(Listed { port, counters });
                true
            }
        }
    }

    pub(crate) fn open_reply(&self, port: Arc<dyn Port>, of: Option<ActorId>) -> ActorId {
        self.replies.open(port, of)
    }

    pub(crate) fn replies_opened(&self) -> u64 {
        self.replies.opened()
    }

    /// Lets `deliver` put the one answer behind a reply address, which is closed by it.
    pub(crate) fn deliver(
        &self,
        id: ActorId,
        deliver: impl FnOnce(&dyn Port) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let asked = self.replies.take(id).ok_or(Cause::ReplyUsed)?;
        let delivered = deliver(&*asked.port);
        if delivered.is_err() {
            asked.port.close(); // the one answer was spoiled, and no other will come
        }
        delivered
    }

    /// The port of an actor.
    pub(crate) fn port(&self, id: ActorId) -> Option<Arc<dyn Port>> {
        self.actors.get(&id).map(|listed| listed.port.clone())
    }

    pub(crate) fn forget_reply(&self, id: ActorId) {
        self.replies.take(id);
    }

    /// Ends the questions that `actor` has not answered. It looks at every open question, which is cheap
    /// beside the panic that brings it here.
    pub(crate) fn give_up_on(&self, actor: ActorId) {
        for asked in self.replies.take_all(Some(actor)) {
            asked.port.close();
        }
    }

    /// Takes an actor that has stopped off the list.
    pub(crate) fn retire(&self, actor: ActorId) {
        if let Some((_, listed)) = self.actors.remove(&actor) {
            listed.port.close();
            listed.add_to(&mut self.retired.lock());
        }
        self.give_up_on(actor);
    }

    /// Closes every port.
    pub(crate) fn close(&self) {
        let ports: Vec<_> = self.actors.iter().map(|listed| listed.port.clone()).collect();
        for port in ports {
            port.close();
        }
        for asked in self.replies.take_all(None) {
            asked.port.close();
        }
    }

    /// Adds up what all actors have counted.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = *self.retired.lock();
        for listed in &self.actors {
            listed.add_to(&mut stats);
        }
        stats
    }
}
