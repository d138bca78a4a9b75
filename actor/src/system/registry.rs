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

use crate::{Stats, cell::IdHasher, load::Port, refs::ActorId, replies::Replies, stats::Counters};

type ById<T> = DashMap<ActorId, T, BuildHasherDefault<IdHasher>>;

/// The actors and the open reply addresses of one system.
pub(crate) struct Registry {
    actors: ById<Listed>,
    pub(crate) replies: Arc<Replies>,
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
            replies: Arc::new(Replies::shared()),
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

    /// The port of an actor.
    pub(crate) fn port(&self, id: ActorId) -> Option<Arc<dyn Port>> {
        self.actors.get(&id).map(|listed| listed.port.clone())
    }

    /// Takes an actor that has stopped off the list.
    pub(crate) fn retire(&self, actor: ActorId) {
        if let Some((_, listed)) = self.actors.remove(&actor) {
            listed.port.close();
            listed.add_to(&mut self.retired.lock());
        }
        self.replies.end_questions_to(actor);
    }

    /// Closes every port.
    pub(crate) fn close(&self) {
        let ports: Vec<_> = self.actors.iter().map(|listed| listed.port.clone()).collect();
        for port in ports {
            port.close();
        }
        self.replies.close();
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
