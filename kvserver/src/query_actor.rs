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
//! what *its own clients* have written and what came *to it from other servers*; what came from a
//! sibling has reached the others from there. To each other server of M actors, actor i tells what
//! its own clients have written, and it tells that to actor i mod M alone, which passes it on to its
//! siblings. Nothing is forwarded to third servers (but between two that cannot hear each other, by one
//! that hears both): every server tells every other one itself. So a write crosses to another server
//! once, goes over each ordered pair of actors at most once, and no cost of a Put depends on what the
//! store already holds.
//!
//! ## What is told
//!
//! Between two messages an actor remembers what has changed, by key (`outbox` for siblings, `stream`
//! for other servers): a key that is overwritten a hundred times meanwhile goes out once, with its
//! newest entry. An entry's bytes are shared by all replicas of the process, and change only while
//! nobody shares them, so what is remembered, what a message holds, and what a further replica costs is
//! a pointer for each key. Between servers, entries are packed (`pack`): a write costs four to six bytes
//! beyond its key and its value.
//!
//! ## When
//!
//! Messages with data from one actor to another are at least [`PACE`] (125 ms) apart, whatever they
//! carry (`pace`). A write after quiet is told in the very handler that carries it out, so an idle
//! server shows it on all replicas within a fraction of a millisecond; under load it waits for the
//! next message, 125 ms at most. What only says that something has come, asks for such an answer, or
//! compares stores without bringing entries goes with data where there is any, and otherwise alone, at
//! least [`SMALL_PACE`] (500 ms) apart, and never holds up data. Any half-open second therefore holds at
//! most 8 + 2 messages of a pair, by construction: the budget is 10. Everything that one actor has
//! to say to another rides in the same message ([`Sync`], [`Frame`]), so nothing can add to that.
//!
//! ## What gets lost between servers
//!
//! A frame is numbered and acknowledged once it is merged, and what was in a lost one is sent again
//! (`stream`). That
//! covers links that break. It does not cover everything: an actor may die with what it has not yet
//! told, a receiver may be away for longer than is remembered for it, a write may reach one server
//! and supersede there what a third one never got. So replicas also compare what they hold, by sums
//! over it ([`digest`](crate::digest)): siblings in a ring every second, the first actors of each
//! two servers every ten. Whatever values differ, and for whatever reason, is found and repaired; of
//! deletions, those where the other side still has the value.
//!
//! ## A new server
//!
//! A server that joins others (or is found by those who knew it before a restart) is not ready: it
//! answers what it has, and *not ready* to a Get that finds nothing and to every List, since an
//! empty replica must not claim that something does not exist. From the moment two servers have met
//! ([`members`]), their actors stream new writes to each other, beginning with
//! those of the last five seconds and those that others have not acknowledged. Then the newcomer's
//! actors ask the actors of one server for what they hold, each for a slice of the keys by their
//! hash, chunk by chunk (`fetch`), and tell their siblings like any news. The server is ready when
//! every actor has merged all slices of a server that is itself ready. The same fetch brings a ready
//! server up to date when a peer's stream says that it has left something out.
//!
//! ## What is deleted
//!
//! A deleted key leaves a tombstone, which beats what is older. Tombstones are dropped in rounds that
//! every actor of every server confirms, so that nothing they have beaten comes back (`sweep`). A server
//! that was away for so long that it missed a round, and was forgotten, holds what may have been deleted
//! for good: it lets go of all it has, fetches the store as a newcomer, and offers what its own clients
//! wrote meanwhile (`renewal`, `aside`).
//!
//! ## Queries do not wait for sync
//!
//! A handler runs for a few milliseconds at most. A message with many entries is merged in slices of
//! [`SLICE`] entries, each started by a message to oneself, and queries are handled between them; so is
//! the search for a chunk or for a difference (`work`). Merging is commutative, so a slice may safely
//! interleave with writes to the same keys. A batch of queries that would take longer, or whose
//! answers would fill a message, is answered as far as that goes; what is left goes back to the
//! receiver with the answers and comes again ([`Batch`]), behind whatever other clients have asked
//! meanwhile.
//!
//! ## After a panic
//!
//! The runtime restarts an actor that has panicked with an empty replica. It draws a new writer id,
//! so that it never issues a stamp twice, and asks a sibling for all it holds (`refill`). Until
//! it has that it is not ready, as a new server is. Its siblings' news reach it from the first
//! moment; other servers see from its first frame that it is in a new state and begin their streams
//! anew, with what they had not seen acknowledged and the last five seconds. A sibling hands over in
//! slices, under the same pace; one that falls silent for [`PATIENCE`] is given up for the next. The
//! actor is ready when a sibling that is itself ready has given everything. If none is, nobody on this
//! server has the store any more, and the server fetches it from another one; without another one it
//! goes on with what is left. Connections to the lost state are closed, since it may have forgotten what
//! it acknowledged to them.
//!
//! ## Caveats
//!
//! - A write that was acknowledged less than [`PACE`] before a panic and had not been told yet is
//!   lost with the panic. A process that is killed loses everything that no other server has: nothing
//!   is kept on disk.
//! - In-process messages are not lost, so siblings acknowledge nothing to each other.
//! - The pace counts from when a message is sent. An actor whose thread gets no processor sends
//!   late; it never catches up by sending faster.
//! - The slices are counted in entries, not in time; a machine ten times slower makes slices of some
//!   milliseconds. Merging takes what time the queries leave, about half a microsecond an entry.
//!   Servers that write more than that are slowed down by late acks; siblings are not, and build up a
//!   backlog, and with it a delay.
//! - When a server meets another one, an actor takes on up to 8 MiB of its latest writes in one
//!   handler, some ten milliseconds.
//! - A renewal that was under way when another one begins is looked through in one handler.
//!
//! The messages between servers, their costs and limits are told in `docs/replication.md`.

mod aside;
mod batch;
mod comparing;
mod fetch;
mod link;
mod message;
mod news;
mod outbox;
mod pace;
mod pack;
mod peers;
mod refill;
mod renewal;
mod servers;
mod siblings;
mod status;
mod stream;
mod sweep;
mod sweeping;
mod telling;
mod tombstones;
mod work;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use actor::{Actor, ActorRef, Context, ReplyRef};
use serde::{Deserialize, Serialize};

pub use batch::{Answers, Batch};
pub use link::{Frame, Member, Traffic};
pub use message::{Fetched, Health, Home, Keeping, Note, Renewal, Siblings, Store, Sync};
pub use pace::{PACE, SMALL_PACE};
pub use peers::{MAX_ACTORS, Standing};
pub use refill::{Given, PATIENCE};
pub use status::EVERY as STATUS_EVERY;

use crate::entry::Entry;
use crate::members;
use crate::replica::Replica;
use crate::stamp::Writer;
use aside::Aside;
use comparing::Comparing;
use fetch::Giving;
use outbox::Outbox;
use peers::{LinkId, Peers};
use refill::Refill;
use status::Snapshot;
use sweep::Sweep;
use sweeping::Gathering;
use work::Work;

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
    /// The server ends: what is still set aside?
    HandOver {
        /// Where the answer goes.
        reply: ReplyRef<Vec<Entry>>,
    },
    /// How is it?
    Inspect {
        /// Where the answer goes.
        reply: ReplyRef<Health>,
    },
    /// From a sibling.
    Sync(Sync),
    /// From an actor of another server.
    Frame(Box<Frame>),
    /// From this server's actor that knows the other servers.
    Notes(Vec<Note>),
    /// To oneself: the next slice of the work in hand.
    Work,
    /// To oneself: the pace allows the next message to someone.
    Send,
    /// To oneself: compare with others.
    Compare,
    /// To oneself: see how the refill gets on.
    CheckRefill,
    /// To oneself: say how the replica is, for the server's status.
    Report,
    /// A bug, for the tests of what follows one.
    #[cfg(test)]
    Panic,
}

/// So many entries are merged, or collected for a refill, in one handler: a fraction of a millisecond.
pub const SLICE: usize = 256;

/// The actor.
pub struct QueryActor {
    replica: Replica,
    writer: Writer,
    /// The random number of this state of the actor, also its writer's uid.
    state: u64,
    /// Whether the server has the store; a new one has to fetch it first.
    store: Store,
    siblings: Vec<ActorRef<Message>>,
    me: usize,
    home: Option<Home>,
    outbox: Outbox,
    refill: Option<Refill>,
    peers: Peers,
    comparing: Comparing,
    /// When the next timer for a message goes off.
    send_at: Option<Duration>,
    /// The other server that the store is being fetched from, and the number of the attempt.
    fetching: Option<(u64, u32)>,
    /// The attempt of which the members actor was last told that something comes, and when.
    told_fetching: Option<(u32, Duration)>,
    /// The slices that this server has fetched in the latest attempt it has heard of.
    fetched: Vec<Fetched>,
    work: VecDeque<Work>,
    giving: VecDeque<(LinkId, Giving)>,
    /// Whether a timer is set for the next slice of work.
    work_is_due: bool,
    sweep: Sweep,
    gathering: Gathering,
    /// The number of the last renewal of the server that this actor has gone through.
    generation: u64,
    /// What siblings have sent that have gone through the next one already.
    early: Vec<Sync>,
    aside: Aside,
    /// Siblings of whom something was refused while this actor lacks the store.
    refused: BTreeSet<usize>,
    /// How the server and the others were lately.
    status: Option<Snapshot>,
    /// What the members actor has yet to be told, one message at a time.
    reports: VecDeque<members::Message>,
    last_report: Option<Duration>,
    /// When a frame was last reported that cannot be believed.
    last_complaint: Option<Duration>,
    /// The server ends, and waits until these others have everything.
    leaving: Option<Vec<u64>>,
}

type Ctx<'a> = Context<'a, Message>;

impl Actor for QueryActor {
    type Message = Message;

    /// All else is said within the server.
    fn takes_from_elsewhere(message: &Message) -> bool {
        matches!(message, Message::Frame(_))
    }

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        self.state = ctx.random();
        self.writer = Writer::new(self.state);
    }

    fn on_message(&mut self, message: Message, ctx: &mut Ctx<'_>) {
        match message {
            // They come once: a second one would put the actor somewhere else, or nowhere.
            Message::Start(siblings) | Message::Resume(siblings)
                if !self.siblings.is_empty() || !siblings.can_be() =>
            {
                let (me, count) = (siblings.me, siblings.actors.len());
                tracing::error!("a query actor was told to be at place {me} of {count}; ignored");
            }
            Message::Start(siblings) => {
                ctx.resume_with(Message::Resume(siblings.clone()));
                if siblings.home.as_ref().is_none_or(|home| home.begins) {
                    self.store = Store::Here;
                }
                self.meet_siblings(siblings, true);
                self.introduce_writer();
                self.complete_if_ready(ctx);
                ctx.tell_after(comparing::TICK, Message::Compare);
                ctx.tell_after(PACE, Message::Report);
            }
            Message::Resume(siblings) => self.resume(siblings, ctx),
            Message::Queries { batch, reply } => {
                let answers = self.answer(batch, ctx.now());
                ctx.reply(reply, answers);
                self.send_when_due(ctx);
            }
            Message::Inspect { reply } => {
                let health = self.health(ctx.now().elapsed);
                ctx.reply(reply, health);
            }
            Message::HandOver { reply } => {
                let rest = self.hand_over();
                ctx.reply(reply, rest);
            }
            Message::Sync(sync) => self.take_in(sync, ctx),
            Message::Frame(frame) => self.take_in_frame(*frame, ctx),
            Message::Notes(notes) => {
                notes.into_iter().for_each(|note| self.take_note(note, ctx));
                self.send_when_due(ctx);
            }
            Message::Work => {
                self.work_is_due = false;
                self.work_on(ctx);
            }
            Message::Send => self.send_when_due(ctx),
            Message::Compare => self.compare(ctx),
            Message::CheckRefill => self.check_refill(ctx),
            Message::Report => self.report_health(ctx),
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
            store: Store::Wanted,
            siblings: Vec::new(),
            me: 0,
            home: None,
            outbox: Outbox::new(0),
            refill: None,
            peers: Peers::new(None, 0, 0, true),
            comparing: Comparing::default(),
            send_at: None,
            fetching: None,
            told_fetching: None,
            fetched: Vec::new(),
            work: VecDeque::new(),
            giving: VecDeque::new(),
            work_is_due: false,
            sweep: Sweep::default(),
            gathering: Gathering::default(),
            generation: 0,
            early: Vec::new(),
            aside: Aside::default(),
            refused: BTreeSet::new(),
            status: None,
            reports: VecDeque::new(),
            last_report: None,
            last_complaint: None,
            leaving: None,
        }
    }

    fn meet_siblings(&mut self, Siblings { actors, me, home }: Siblings, first: bool) {
        self.outbox = Outbox::new(actors.len());
        self.siblings = actors;
        self.me = me;
        let own = home.as_ref().map(|home| home.own.clone());
        self.peers = Peers::new(own, self.place(), self.state, first);
        self.home = home;
    }

    /// This actor's place, as servers say it to each other.
    fn place(&self) -> u16 {
        u16::try_from(self.me).expect("a server has at most 1024 actors")
    }

    /// Whether what is not here does not exist.
    fn is_ready(&self) -> bool {
        self.store == Store::Here && self.refill.is_none()
    }

    /// Once the store is here, this actor takes part in collecting tombstones.
    fn complete_if_ready(&mut self, ctx: &mut Ctx<'_>) {
        if self.is_ready() {
            self.refused.clear();
            self.sweep.complete(ctx.now().elapsed);
        }
    }
}

impl Default for QueryActor {
    fn default() -> Self {
        Self::new()
    }
}
