//! A query actor: one replica, the queries on it, and its sync with the other replicas.
//!
//! # The strategy
//!
//! Every query actor holds a replica of the whole store. It answers each query at once from its own
//! replica, asks nobody, and tells the others afterwards what its clients have written. Replicas
//! agree because merging does not care about order or repetition: an entry carries a stamp
//! ([`stamp`](crate::stamp)), the larger stamp wins, and whoever has merged the same entries holds
//! the same store ([`replica`](crate::replica)).
//!
//! ## Who tells whom
//!
//! The actors of one server are siblings, and each knows all of them. An actor tells every sibling
//! what *its own clients* have written, and nothing else: what came from a sibling has reached the
//! others from there. So an entry goes over each ordered pair of actors at most once, and no cost of
//! a Put depends on what the store already holds.
//!
//! ## What is told
//!
//! Between two messages an actor remembers what has changed, by key (`outbox`): a key that is
//! overwritten a hundred times meanwhile goes out once, with its newest entry. An entry is immutable
//! and its bytes are shared by all replicas of the process, so what is remembered, what a message
//! holds, and what a further replica costs is a pointer for each key.
//!
//! ## When
//!
//! Messages from one actor to another are at least [`PACE`] (125 ms) apart, whatever they carry. A
//! write after quiet is told in the very handler that carries it out, so an idle server shows it on
//! all replicas within a fraction of a millisecond; under load it waits for the next message, 125 ms
//! at most. Any half-open second therefore holds at most 8 messages of a pair, by construction: the
//! budget is 10, and 500 ms for a Put to be seen leave room for a slow machine. Everything that one
//! actor has to say to another rides in the same message ([`Sync`]), requests and refills included,
//! so nothing can add to that count.
//!
//! ## Queries do not wait for sync
//!
//! A handler runs for about a millisecond at most. A message with many entries is merged in slices
//! of [`SLICE`] entries, each started by a timer to oneself, and queries are handled between them.
//! Merging is commutative, so a slice may safely interleave with writes to the same keys. A batch of
//! queries that would take longer, or whose answers would fill a message, is answered as far as
//! that goes; what is left goes back to the receiver with the answers and comes again ([`Batch`]),
//! behind whatever other clients have asked meanwhile.
//!
//! ## After a panic
//!
//! The runtime restarts an actor that has panicked with an empty replica. It draws a new writer id,
//! so that it never issues a stamp twice, and asks a sibling for all it holds (`refill`). Until
//! it has that, it answers what it has, and *not ready* to a Get that finds nothing and to every
//! List: an empty replica must not claim that something does not exist. Its siblings' news reach it
//! from the first moment. A sibling hands over in slices, under the same pace; one that falls silent
//! for [`PATIENCE`] is given up for the next. The actor is ready when a sibling that is
//! itself ready has given everything, or when all have given what they have: then nobody on this
//! server has more. Connections to the lost state are closed, since it may have forgotten what it
//! acknowledged to them.
//!
//! ## Caveats
//!
//! - A write that was acknowledged less than [`PACE`] before a panic and had not been told yet is
//!   lost with the panic. A process that is killed loses everything: nothing is kept on disk.
//! - In-process messages are not lost, so siblings acknowledge nothing to each other. Should a bug
//!   lose one, its entries would stay different until they are written again; comparing digests,
//!   which servers need among each other, will close that as well.
//! - If all actors of a server panic at about the same time, they agree on what is left, which may
//!   be nothing, and go on.
//! - The pace counts from when a message is sent. An actor whose thread gets no processor sends
//!   late; it never catches up by sending faster.
//! - The slices are counted in entries, not in time; a machine ten times slower makes slices of ten
//!   milliseconds. After each slice the thread serves its sockets for a millisecond or two, so an
//!   actor merges some 400,000 entries a second; siblings that write more than that for long build
//!   up a backlog, and with it a delay.
//! - Deleted keys stay as tombstones for as long as the process runs; they slow no List.
//!
//! To come: other servers. An actor will keep one more outbox for each remote actor it is
//! paired with, and tell what comes from there to its siblings like the writes of its clients.

mod batch;
mod outbox;
mod refill;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use actor::{Actor, ActorRef, Context, ReplyRef};
use serde::{Deserialize, Serialize};

pub use batch::{Answers, Batch};
pub use outbox::PACE;
pub use refill::{Given, PATIENCE};

use crate::entry::Entry;
use crate::replica::{Replica, Walk};
use crate::stamp::Writer;
use outbox::Outbox;
use refill::{Refill, Step};

/// What a query actor can be told.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// The first message of all: the store begins, empty, on these actors.
    Start(Siblings),
    /// The first message after a panic: the store is on these actors.
    Resume(Siblings),
    /// Queries of one connection.
    Queries {
        /// The queries.
        batch: Batch,
        /// Where all their answers go.
        reply: ReplyRef<Answers>,
    },
    /// How is it?
    Inspect {
        /// Where the answer goes.
        reply: ReplyRef<Health>,
    },
    /// From a sibling.
    Sync(Sync),
    /// To oneself: the next slice of the work in hand.
    Work,
    /// To oneself: the pace allows the next message to the siblings.
    Send,
    /// To oneself: see how the refill gets on.
    CheckRefill,
    /// A bug, for the tests of what follows one.
    #[cfg(test)]
    Panic,
}

/// The query actors of one server, and which of them is the one told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Siblings {
    /// All of them, in the order of their ports.
    pub actors: Vec<ActorRef<Message>>,
    /// The place of the one told in `actors`.
    pub me: usize,
}

/// All that one actor has to say to a sibling at one moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sync {
    /// The sender's place among the siblings.
    pub from: usize,
    /// What the sender's clients have written since its last message, and parts of a refill.
    pub entries: Vec<Entry>,
    /// Whether the sender asks for all that the receiver holds.
    pub ask: bool,
    /// How far the sender has come with giving the receiver all that it holds.
    pub given: Given,
}

/// A replica's state, for people and for load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it answers every query.
    pub ready: bool,
    /// How many keys have a value.
    pub keys: usize,
}

/// So many entries are merged, or collected for a refill, in one handler: about a millisecond.
pub const SLICE: usize = 1000;

/// The pause between two slices, in which the thread serves its sockets.
const BREATH: Duration = Duration::from_millis(1);

/// The actor.
pub struct QueryActor {
    replica: Replica,
    writer: Writer,
    /// The random number of this state of the actor, also its writer's uid.
    state: u64,
    ready: bool,
    siblings: Vec<ActorRef<Message>>,
    me: usize,
    outbox: Outbox,
    refill: Option<Refill>,
    work: VecDeque<Work>,
}

/// Work that is done in slices.
enum Work {
    Merge { from: usize, entries: std::vec::IntoIter<Entry>, given: Given },
    Collect { to: usize, walk: Walk, ready: bool },
}

type Ctx<'a> = Context<'a, Message>;

impl Actor for QueryActor {
    type Message = Message;

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        self.state = ctx.random();
        self.writer = Writer::new(self.state);
    }

    fn on_message(&mut self, message: Message, ctx: &mut Ctx<'_>) {
        match message {
            Message::Start(siblings) => {
                ctx.resume_with(Message::Resume(siblings.clone()));
                self.meet(siblings);
                self.ready = true;
            }
            Message::Resume(siblings) => {
                self.meet(siblings);
                // The pace is that of the actor: the lost state may have sent a moment ago.
                self.outbox.sent(ctx.now().elapsed);
                self.refill = Some(Refill::new(self.me, self.siblings.len()));
                self.check_refill(ctx);
            }
            Message::Queries { batch, reply } => {
                let answers = self.answer(batch, ctx.now().wall_millis);
                ctx.reply(reply, answers);
                self.send_when_due(ctx);
            }
            Message::Inspect { reply } => {
                ctx.reply(reply, Health { ready: self.ready, keys: self.replica.len() });
            }
            Message::Sync(sync) => self.take_in(sync, ctx),
            Message::Work => self.work_on(ctx),
            Message::Send => {
                self.outbox.rang();
                self.send_when_due(ctx);
            }
            Message::CheckRefill => self.check_refill(ctx),
            #[cfg(test)]
            Message::Panic => panic!("the test wants it"),
        }
    }
}

impl QueryActor {
    /// An actor that knows nobody yet and is not ready.
    pub fn new() -> Self {
        Self {
            replica: Replica::default(),
            writer: Writer::new(0),
            state: 0,
            ready: false,
            siblings: Vec::new(),
            me: 0,
            outbox: Outbox::new(0),
            refill: None,
            work: VecDeque::new(),
        }
    }

    fn meet(&mut self, Siblings { actors, me }: Siblings) {
        self.outbox = Outbox::new(actors.len());
        self.siblings = actors;
        self.me = me;
    }

    fn take_in(&mut self, Sync { from, entries, ask, given }: Sync, ctx: &mut Ctx<'_>) {
        if from >= self.siblings.len() {
            return;
        }
        if let Some(refill) = &mut self.refill
            && given != Given::Nothing
        {
            refill.heard(from, ctx.now().elapsed);
        }
        self.add_work(Work::Merge { from, entries: entries.into_iter(), given }, ctx);
        if ask {
            let (walk, ready) = (Walk::default(), self.ready);
            self.add_work(Work::Collect { to: from, walk, ready }, ctx);
        }
    }

    /// Work begins at once if nothing waits before it; a timer sees to the rest.
    fn add_work(&mut self, work: Work, ctx: &mut Ctx<'_>) {
        self.work.push_back(work);
        if self.work.len() == 1 {
            self.work_on(ctx);
        }
    }

    /// Does one slice of the work in hand, oldest first.
    fn work_on(&mut self, ctx: &mut Ctx<'_>) {
        let mut left = SLICE;
        while left > 0
            && let Some(mut work) = self.work.pop_front()
        {
            left -= self.do_some(&mut work, left);
            match work {
                Work::Merge { from, entries, given } if entries.len() == 0 => {
                    self.merged(from, given, ctx);
                }
                Work::Collect { to, walk, ready } if walk.is_done() => {
                    self.outbox.gave_all(to, ready);
                }
                unfinished => self.work.push_front(unfinished),
            }
        }
        if !self.work.is_empty() {
            ctx.tell_after(BREATH, Message::Work);
        }
        self.send_when_due(ctx);
    }

    /// Merges or collects at most `limit` entries and returns how many it were.
    fn do_some(&mut self, work: &mut Work, limit: usize) -> usize {
        match work {
            Work::Merge { entries, .. } => {
                let before = entries.len();
                for entry in entries.take(limit) {
                    self.replica.merge(entry);
                }
                before - entries.len()
            }
            Work::Collect { to, walk, .. } => {
                let entries = self.replica.walk(walk, limit);
                let count = entries.len();
                self.outbox.give(*to, entries);
                count
            }
        }
    }

    fn merged(&mut self, from: usize, given: Given, ctx: &mut Ctx<'_>) {
        let Given::All { ready } = given else { return };
        if let Some(refill) = &mut self.refill {
            let step = refill.given_all(from, ready, ctx.now().elapsed);
            self.refill_step(step);
        }
    }

    fn check_refill(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(refill) = &mut self.refill {
            let step = refill.check(ctx.now().elapsed);
            self.refill_step(step);
            ctx.tell_after(PATIENCE, Message::CheckRefill);
            self.send_when_due(ctx);
        }
    }

    fn refill_step(&mut self, step: Step) {
        match step {
            Step::Ask(sibling) => self.outbox.ask(sibling),
            Step::Wait => {}
            Step::Done => {
                self.ready = true;
                self.refill = None;
            }
        }
    }

    /// Sends what there is for the siblings, or sees to it that it is sent when the pace allows.
    fn send_when_due(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now().elapsed;
        let Some(wait) = self.outbox.wait(now) else { return };
        if wait.is_zero() {
            for (to, sync) in self.outbox.take(self.me, now) {
                ctx.tell(&self.siblings[to], Message::Sync(sync));
            }
        } else if self.outbox.set_alarm() {
            ctx.tell_after(wait, Message::Send);
        }
    }
}

impl Default for QueryActor {
    fn default() -> Self {
        Self::new()
    }
}
