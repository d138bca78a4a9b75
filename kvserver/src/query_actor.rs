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
mod fetch;
mod link;
mod outbox;
mod pace;
mod pack;
mod peers;
mod refill;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use actor::{Actor, ActorRef, Context, ReplyRef};
use serde::{Deserialize, Serialize};

pub use batch::{Answers, Batch};
pub use link::{Frame, Member, Traffic};
pub use pace::{PACE, SMALL_PACE};
pub use peers::Standing;
pub use refill::{Given, PATIENCE};

use crate::entry::Entry;
use crate::members;
use crate::replica::{Replica, Walk};
use crate::stamp::Writer;
use fetch::{Brought, Giving};
use outbox::Outbox;
use pack::Unpacker;
use peers::{LinkId, Peers};
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
    /// From an actor of another server.
    Frame(Frame),
    /// From this server's actor that knows the other servers.
    Note(Note),
    /// To oneself: the next slice of the work in hand.
    Work,
    /// To oneself: the pace allows the next message to the siblings.
    Send,
    /// To oneself: a frame to another server is due.
    SendFrames,
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
    /// The server they are, if it may meet others.
    pub home: Option<Home>,
}

/// A server that may meet others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Home {
    /// What it is to the others.
    pub own: Member,
    /// The actor that knows the others.
    pub members: ActorRef<members::Message>,
    /// Whether it begins a new store, so that it is ready at once.
    pub begins: bool,
}

/// All that one actor has to say to a sibling at one moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sync {
    /// The sender's place among the siblings.
    pub from: usize,
    /// What is new at the sender, from its clients or from other servers, and parts of a refill.
    pub entries: Vec<Entry>,
    /// What the sender has fetched from other servers: it is among these entries and earlier ones.
    pub fetched: Vec<Fetched>,
    /// Whether the sender asks for all that the receiver holds.
    pub ask: bool,
    /// How far the sender has come with giving the receiver all that it holds.
    pub given: Given,
}

/// A slice of another server's store that this server has fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The server.
    pub server: u64,
    /// Which attempt to fetch its store it belongs to.
    pub attempt: u32,
    /// Which of its slices.
    pub slice: u16,
    /// Whether the giver was ready, so that the slice is complete.
    pub ready: bool,
}

/// What a query actor has to know of other servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// There is another server.
    Meet(Member),
    /// The server is not ready until the store has been fetched from this other one.
    Fetch {
        /// The other server.
        server: u64,
        /// The number of the attempt.
        attempt: u32,
    },
    /// The server has the store.
    Open,
}

/// A replica's state, for people and for load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it answers every query.
    pub ready: bool,
    /// How many keys have a value.
    pub keys: usize,
    /// How it stands with other servers.
    pub standings: BTreeMap<u64, Standing>,
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
    /// Whether the server has the store; a new one has to fetch it first.
    open: bool,
    siblings: Vec<ActorRef<Message>>,
    me: usize,
    home: Option<Home>,
    outbox: Outbox,
    refill: Option<Refill>,
    peers: Peers,
    frames_at: Option<Duration>,
    /// The other server that the store is being fetched from, and the number of the attempt.
    fetching: Option<(u64, u32)>,
    /// The slices that this server has fetched in the latest attempt it has heard of.
    fetched: Vec<Fetched>,
    work: VecDeque<Work>,
    giving: VecDeque<(LinkId, Giving)>,
    /// Whether a timer is set for the next slice of work.
    work_is_due: bool,
}

/// Entries to be merged, and what follows when they are.
struct Work {
    entries: Source,
    then: Then,
}

enum Source {
    Sibling(std::vec::IntoIter<Entry>),
    Server(Unpacker),
    /// All that is held, for a sibling.
    Own {
        to: usize,
        walk: Walk,
    },
}

enum Then {
    Nothing,
    /// A sibling's message is merged.
    Heard {
        from: usize,
        given: Given,
        fetched: Vec<Fetched>,
    },
    /// A chunk is merged, perhaps the last of its slice.
    Brought {
        link: LinkId,
        last: Option<bool>,
    },
    /// A sibling has been given all.
    Gave {
        ready: bool,
        fetched: Vec<Fetched>,
    },
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
                self.open = siblings.home.as_ref().is_none_or(|home| home.begins);
                self.meet_siblings(siblings, true);
            }
            Message::Resume(siblings) => self.resume(siblings, ctx),
            Message::Queries { batch, reply } => {
                let answers = self.answer(batch, ctx.now());
                ctx.reply(reply, answers);
                self.send_when_due(ctx);
            }
            Message::Inspect { reply } => ctx.reply(reply, self.health()),
            Message::Sync(sync) => self.take_in(sync, ctx),
            Message::Frame(frame) => self.take_in_frame(frame, ctx),
            Message::Note(note) => self.take_note(note, ctx),
            Message::Work => {
                self.work_is_due = false;
                self.work_on(ctx);
            }
            Message::Send => {
                self.outbox.rang();
                self.send_when_due(ctx);
            }
            Message::SendFrames => self.send_frames(ctx),
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
            open: false,
            siblings: Vec::new(),
            me: 0,
            home: None,
            outbox: Outbox::new(0),
            refill: None,
            peers: Peers::new(None, 0, 0, true),
            frames_at: None,
            fetching: None,
            fetched: Vec::new(),
            work: VecDeque::new(),
            giving: VecDeque::new(),
            work_is_due: false,
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

    /// Begins anew after a panic.
    fn resume(&mut self, siblings: Siblings, ctx: &mut Ctx<'_>) {
        self.meet_siblings(siblings, false);
        match &self.home {
            Some(home) => {
                ctx.tell(&home.members, members::Message::Resumed { place: self.place() });
            }
            None => self.open = true,
        }
        // The pace is that of the actor: the lost state may have sent a moment ago.
        self.outbox.sent(ctx.now().elapsed);
        self.refill = Some(Refill::new(self.me, self.siblings.len()));
        self.check_refill(ctx);
    }

    /// Whether what is not here does not exist.
    fn is_ready(&self) -> bool {
        self.open && self.refill.is_none()
    }

    fn health(&self) -> Health {
        let standings = self.peers.standings();
        Health { ready: self.is_ready(), keys: self.replica.len(), standings }
    }

    fn take_in(&mut self, sync: Sync, ctx: &mut Ctx<'_>) {
        let Sync { from, entries, fetched, ask, given } = sync;
        if from >= self.siblings.len() {
            return;
        }
        if let Some(refill) = &mut self.refill
            && given != Given::Nothing
        {
            refill.heard(from, ctx.now().elapsed);
        }
        let then = Then::Heard { from, given, fetched };
        self.work.push_back(Work { entries: Source::Sibling(entries.into_iter()), then });
        if ask {
            let entries = Source::Own { to: from, walk: Walk::default() };
            let then = Then::Gave { ready: self.is_ready(), fetched: self.fetched.clone() };
            self.work.push_back(Work { entries, then });
        }
        self.begin_work(ctx);
    }

    fn take_in_frame(&mut self, frame: Frame, ctx: &mut Ctx<'_>) {
        let now = ctx.now().elapsed;
        let Some((link, arrived)) = self.peers.take_in(frame, now) else { return };
        if arrived.not_whole && self.is_ready() {
            self.peers.catch_up(link);
        }
        if let Some(pack) = arrived.news {
            let entries = Source::Server(pack.into());
            self.work.push_back(Work { entries, then: Then::Nothing });
        }
        if let Some(Brought { pack, last }) = arrived.brought {
            let entries = Source::Server(pack.into());
            self.work.push_back(Work { entries, then: Then::Brought { link, last } });
        }
        if let Some(request) = arrived.request {
            // Whoever asks again has not got the answer, or does not want it any more.
            self.giving.retain(|(of, _)| *of != link);
            self.giving.push_back((link, Giving::new(request, self.is_ready())));
        }
        self.begin_work(ctx);
    }

    fn take_note(&mut self, note: Note, ctx: &mut Ctx<'_>) {
        match note {
            Note::Meet(member) => self.peers.meet(member, ctx.now().elapsed),
            Note::Fetch { server, attempt } => {
                self.open = false;
                self.fetching = Some((server, attempt));
                self.peers.fetch(server);
                self.fetched.retain(|fetched| fetched.attempt >= attempt);
                self.report_fetched(ctx);
            }
            Note::Open => {
                self.open = true;
                self.fetching = None;
                self.fetched.clear();
            }
        }
        self.send_frames(ctx);
    }

    /// Work begins at once if nothing waits before it; a timer sees to the rest.
    fn begin_work(&mut self, ctx: &mut Ctx<'_>) {
        if self.work_is_due {
            self.send_when_due(ctx);
        } else {
            self.work_on(ctx);
        }
    }

    /// Does one slice of the work in hand, oldest first.
    fn work_on(&mut self, ctx: &mut Ctx<'_>) {
        let mut left = SLICE;
        while left > 0
            && let Some(mut work) = self.work.pop_front()
        {
            left -= self.do_some(&mut work.entries, left);
            if work.entries.is_done() {
                self.finish(work, ctx);
            } else {
                self.work.push_front(work);
            }
        }
        if let Some((link, giving)) = self.giving.pop_front() {
            match giving.go_on(&self.replica, SLICE) {
                Ok(chunk) => self.peers.give(link, chunk),
                Err(unfinished) => self.giving.push_back((link, unfinished)),
            }
        }
        if !self.work.is_empty() || !self.giving.is_empty() {
            self.work_is_due = true;
            ctx.tell_after(BREATH, Message::Work);
        }
        self.send_when_due(ctx);
    }

    /// Merges or collects at most `limit` entries and returns how many it were.
    fn do_some(&mut self, entries: &mut Source, limit: usize) -> usize {
        let mut count = 0;
        match entries {
            Source::Sibling(entries) => {
                for entry in entries.take(limit) {
                    self.replica.merge(entry);
                    count += 1;
                }
            }
            Source::Server(entries) => {
                for entry in entries.take(limit) {
                    match entry {
                        Ok(entry) => self.merge_from_server(entry),
                        Err(error) => tracing::error!("{error}"),
                    }
                    count += 1;
                }
            }
            Source::Own { to, walk } => {
                let entries = self.replica.walk(walk, limit);
                count = entries.len();
                self.outbox.give(*to, entries);
            }
        }
        count
    }

    /// Takes an entry that came to this actor alone and passes it on to the siblings.
    fn merge_from_server(&mut self, entry: Entry) {
        if self.replica.merge(entry.clone()) {
            self.outbox.tell_all(entry);
        }
    }

    fn finish(&mut self, work: Work, ctx: &mut Ctx<'_>) {
        match (work.then, work.entries) {
            (Then::Heard { from, given, fetched }, _) => {
                for slice in fetched {
                    self.note_fetched(slice, ctx);
                }
                self.merged(from, given, ctx);
            }
            (Then::Brought { link, last }, _) => {
                self.peers.merged(link);
                let task = self.fetching.filter(|(server, _)| *server == link.0);
                if let (Some(ready), Some((server, attempt))) = (last, task) {
                    let fetched = Fetched { server, attempt, slice: link.1, ready };
                    self.outbox.tell_fetched(fetched);
                    self.note_fetched(fetched, ctx);
                }
            }
            (Then::Gave { ready, fetched }, Source::Own { to, .. }) => {
                self.outbox.gave_all(to, ready, fetched);
            }
            (Then::Gave { .. } | Then::Nothing, _) => {}
        }
    }

    /// A slice that this server wanted is merged here.
    fn note_fetched(&mut self, fetched: Fetched, ctx: &mut Ctx<'_>) {
        if self.fetched.iter().any(|known| known.attempt > fetched.attempt) {
            return;
        }
        self.fetched.retain(|known| known.attempt == fetched.attempt);
        if !self.fetched.iter().any(|known| known.slice == fetched.slice) {
            self.fetched.push(fetched);
            self.report_fetched(ctx);
        }
    }

    /// Says so when all slices that were wanted are merged here.
    fn report_fetched(&self, ctx: &mut Ctx<'_>) {
        let (Some((server, attempt)), Some(home)) = (self.fetching, &self.home) else { return };
        let of_task = |fetched: &&Fetched| (fetched.server, fetched.attempt) == (server, attempt);
        let count = self.fetched.iter().filter(of_task).count();
        if self.peers.actors_of(server).is_some_and(|of| count == usize::from(of)) {
            let ready = self.fetched.iter().all(|fetched| fetched.ready);
            let place = self.place();
            let report = members::Message::Fetched { place, server, attempt, ready };
            ctx.tell(&home.members, report);
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
            Step::Done => self.refill = None,
        }
    }

    /// Sends what there is for the others, or sees to it that it is sent when the pace allows.
    fn send_when_due(&mut self, ctx: &mut Ctx<'_>) {
        self.send_frames(ctx);
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

    fn send_frames(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now().elapsed;
        for (to, frame) in self.peers.take(now) {
            ctx.tell(&to, Message::Frame(frame));
        }
        let Some(at) = self.peers.wait(now).map(|wait| now + wait) else { return };
        if self.frames_at.is_none_or(|set| set <= now || at < set) {
            self.frames_at = Some(at);
            ctx.tell_after(at - now, Message::SendFrames);
        }
    }
}

impl Source {
    fn is_done(&self) -> bool {
        match self {
            Self::Sibling(entries) => entries.len() == 0,
            Self::Server(entries) => entries.is_done(),
            Self::Own { walk, .. } => walk.is_done(),
        }
    }
}

impl Default for QueryActor {
    fn default() -> Self {
        Self::new()
    }
}
