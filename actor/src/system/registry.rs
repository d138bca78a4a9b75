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

use crate::{Stats, cell::IdHasher, load::Port, refs::ActorId, report::Cause, stats::Counters};

type ById<T> = DashMap<ActorId, T, BuildHasherDefault<IdHasher>>;

/// The actors and the open reply addresses of one system.
pub(crate) struct Registry {
    actors: ById<Listed>,
    replies: ById<Asked>,
    next_actor: AtomicU64,
    next_reply: AtomicU64,
    /// The number at which reply addresses that nobody waits at are thrown out.
    next_sweep: AtomicU64,
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

struct Asked {
    port: Arc<dyn Port>,
    /// The local actor that was asked, if it is known.
    of: Option<ActorId>,
}

/// So many abandoned reply addresses are kept at most, or as many as are open.
const MAX_ABANDONED: u64 = 4096;

impl Registry {
    pub(crate) fn new() -> Self {
        Registry {
            actors: ById::default(),
            replies: ById::default(),
            next_actor: AtomicU64::new(ActorId::FIRST_ORDINARY),
            next_reply: AtomicU64::new(ActorId::FIRST_REPLY),
            next_sweep: AtomicU64::new(ActorId::FIRST_REPLY + MAX_ABANDONED),
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
        let number = self.next_reply.fetch_add(1, Relaxed);
        self.replies.insert(ActorId(number), Asked { port, of });
        if number >= self.next_sweep.load(Relaxed) {
            self.next_sweep.store(u64::MAX, Relaxed); // one sweep at a time
            self.replies.retain(|_, asked| !asked.port.is_abandoned());
            let open = self.replies.len() as u64;
            self.next_sweep.store(number + open.max(MAX_ABANDONED), Relaxed);
        }
        ActorId(number)
    }

    pub(crate) fn replies_opened(&self) -> u64 {
        self.next_reply.load(Relaxed) - ActorId::FIRST_REPLY
    }

    /// Lets `deliver` put the one answer behind a reply address, which is closed by it.
    pub(crate) fn deliver(
        &self,
        id: ActorId,
        deliver: impl FnOnce(&dyn Port) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let (_, asked) = self.replies.remove(&id).ok_or(Cause::ReplyUsed)?;
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
        self.replies.remove(&id);
    }

    /// Ends the questions that `actor` has not answered. It looks at every open question, which is cheap
    /// beside the panic that brings it here.
    pub(crate) fn give_up_on(&self, actor: ActorId) {
        let mut given_up = Vec::new();
        self.replies.retain(|_, asked| {
            let give_up = asked.of == Some(actor);
            if give_up {
                given_up.push(asked.port.clone());
            }
            !give_up
        });
        for port in given_up {
            port.close();
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
        let asked: Vec<_> = self.replies.iter().map(|asked| *asked.key()).collect();
        for id in asked {
            if let Some((_, asked)) = self.replies.remove(&id) {
                asked.port.close();
            }
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
