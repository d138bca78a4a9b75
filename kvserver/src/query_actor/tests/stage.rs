//! One actor, alone among others that only write down what they are told: the test speaks for them.

use std::cell::RefCell;

use actor::Address;
use actor::sim::{Faults, Sim, SystemId};

use super::super::fetch::{Request, Slice};
use super::super::pack::{Pack, Packer, Unpacker};
use super::super::stream::{Ack, Data};
use super::super::sweep::{Begin, Mark, Round, Say};
use super::*;
use crate::digest::{self, Comparison};
use crate::replica::{Replica, Walk};

/// The number of the actor's server. Others may have smaller and larger ones.
pub const OWN: u64 = 500;

/// The one state of each actor of another server.
const THEIR_STATE: u64 = 77;

/// What is kept for seconds here.
pub const KEEPING: Keeping =
    Keeping { tombstones: secs(1), sweep_every: secs(2), retention: secs(60) };

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What an actor was told that is none, and when.
struct Puppet<M>(RefCell<Vec<(Duration, M)>>);

impl<M> Default for Puppet<M> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<M: actor::Message> Actor for Puppet<M> {
    type Message = M;

    fn on_message(&mut self, message: M, ctx: &mut Context<'_, M>) {
        self.0.get_mut().push((ctx.now().elapsed, message));
    }
}

/// So many entries take so many handlers that others can say something between them.
pub const MANY: usize = 20_000;

/// The actor, and those whom it believes to be around it.
pub struct Stage {
    pub sim: Sim,
    here: SystemId,
    me: usize,
    /// Another server, once it was met.
    other: Option<(SystemId, Member)>,
}

impl Stage {
    /// The actor at place `me` of `count`, whose server begins a store.
    pub fn of(me: usize, count: usize, keeping: Keeping) -> Self {
        let mut sim = Sim::new(1, Faults::none());
        let here = sim.add_system("here:1", |_, _| {});
        let actors: Vec<_> = (0..count)
            .map(|place| match place == me {
                true => sim.spawn_well_known(here, Self::id(place), QueryActor::new),
                false => sim.spawn_well_known(here, Self::id(place), Puppet::<Message>::default),
            })
            .collect();
        let puppet = Puppet::<members::Message>::default;
        let members = sim.spawn_well_known(here, members::ID, puppet);
        let own = Member {
            address: sim.address(here).clone(),
            server: OWN,
            actors: u16::try_from(count).unwrap(),
        };
        let home = Home { own, members, begins: true, keeping };
        let start = Siblings { actors: actors.clone(), me, home: Some(home) };
        sim.tell(here, &actors[me], Message::Start(start));
        let mut stage = Self { sim, here, me, other: None };
        stage.run(10);
        stage
    }

    /// The first of two siblings, which holds an old `key` beside many others.
    fn with_much() -> Self {
        let mut stage = Self::of(0, 2, KEEPING);
        stage.say(Sync { from: 1, entries: many(MANY), ..Sync::default() });
        stage.say(Sync { from: 1, entries: vec![old("key", 5, Some("v"))], ..Sync::default() });
        stage.run(100);
        stage
    }

    /// It has just begun to look through its store for what its sibling lacks: the `key`.
    pub fn searching() -> Self {
        let mut stage = Self::with_much();
        let mut replica = Replica::default();
        many(MANY).into_iter().for_each(|entry| assert!(replica.merge(entry)));
        let mut comparison = Comparison::default();
        for _ in 0..30_000 {
            stage.run(1);
            for message in stage.syncs(1).into_iter().flat_map(|sync| sync.digest) {
                let is_last = matches!(message, digest::Message::Ask { .. });
                let mut digest = comparison.on_message(message, &mut replica, Duration::ZERO).send;
                if comparison.has_work() {
                    digest.extend(comparison.work(&mut replica, usize::MAX, Duration::ZERO).send);
                }
                stage.say(Sync { from: 1, digest, ..Sync::default() });
                if is_last {
                    return stage;
                }
            }
        }
        panic!("it has asked for nothing");
    }

    /// It has just begun to give another server all that it holds.
    pub fn giving() -> Self {
        let mut stage = Self::with_much();
        stage.meet(7, 1);
        stage.frame(0, |frame| frame.request = everything());
        while stage.look(|actor| actor.giving.is_empty()) {
            stage.sim.run_for(Duration::from_micros(10));
        }
        stage
    }

    pub fn run(&mut self, millis: u64) {
        self.sim.run_for(ms(millis));
    }

    fn id(place: usize) -> WellKnown {
        WellKnown(u32::try_from(place).unwrap() + 1)
    }

    pub fn actor(&self) -> ActorRef<Message> {
        ActorRef::well_known(self.sim.address(self.here), Self::id(self.me))
    }

    pub fn tell(&mut self, message: Message) {
        let actor = self.actor();
        self.sim.tell(self.here, &actor, message);
    }

    pub fn note(&mut self, note: Note) {
        self.tell(Message::Notes(vec![note]));
        self.run(1);
    }

    /// Has the actor meet a server with this number and so many actors, who know the actor.
    pub fn meet(&mut self, server: u64, actors: u16) {
        let address = format!("there{server}:1");
        let system = self.sim.add_system(&address, |_, _| {});
        for place in 0..actors {
            self.sim.spawn_well_known(system, Self::id(place.into()), Puppet::<Message>::default);
        }
        let member = Member { address: Address::new(&address), server, actors };
        self.note(Note::Meet(member.clone()));
        self.other = Some((system, member));
        for place in 0..actors {
            self.frame(place, |_| {});
        }
        self.run(1000);
    }

    pub fn other_address(&self) -> Address {
        self.other.as_ref().unwrap().1.address.clone()
    }

    /// Has an actor of the other server say something.
    pub fn frame(&mut self, from: u16, fill: impl FnOnce(&mut Frame)) {
        let (system, member) = self.other.clone().unwrap();
        let mut frame = Frame {
            server: member.server,
            from,
            state: THEIR_STATE,
            to_state: Some(self.state()),
            introduce: Some(member),
            data: None,
            ack: None,
            request: None,
            chunk: None,
            digest: None,
            mark: Mark::default(),
            sweep: None,
        };
        fill(&mut frame);
        let actor = self.actor();
        self.sim.tell(system, &actor, Message::Frame(Box::new(frame)));
    }

    /// Has a sibling say something.
    pub fn say(&mut self, sync: Sync) {
        self.tell(Message::Sync(sync));
    }

    fn ask(&mut self, query: &Query<'_>) -> Answers {
        let mut message = Vec::new();
        frame::encode_query(&mut message, QueryId(0), query);
        let batch = Batch { messages: vec![message], skip: 0 };
        let (here, actor) = (self.here, self.actor());
        let reply = self.sim.ask(here, &actor, |reply| Message::Queries { batch, reply });
        self.sim.run_until_answer(reply, secs(1)).unwrap()
    }

    pub fn write(&mut self, key: &str, value: Option<&str>) -> Stamp {
        let answers = match value {
            Some(value) => self.ask(&Query::Put { key, value, floor: None }),
            None => self.ask(&Query::Delete { key, floor: None }),
        };
        let Answer::Stored { stamp } = one_answer(&[answers]) else { panic!("{key} not stored") };
        stamp
    }

    pub fn get(&mut self, key: &str) -> Option<String> {
        match one_answer(&[self.ask(&Query::Get { key })]) {
            Answer::Found { value, .. } => Some(value.to_owned()),
            Answer::Missing { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    /// A panic, and the moment it takes.
    pub fn panic(&mut self) {
        let actor = self.actor();
        self.sim.panic_actor(&actor);
        self.run(10);
    }

    /// The clock of the actor's server goes back.
    pub fn step_back(&mut self, millis: i64) {
        self.sim.jump_clock(self.here, -millis);
    }

    /// From now on the actor takes so long for each message.
    pub fn slow_down(&mut self, millis: u64) {
        self.sim.slow_down(self.here, ms(millis));
    }

    /// The most messages that anyone was told in a second.
    pub fn rate(&self) -> u64 {
        self.sim.stats(self.here).max_message_rate
    }

    /// Looks at the actor.
    pub fn look<R>(&self, look: impl FnOnce(&QueryActor) -> R) -> R {
        self.sim.inspect(&self.actor(), look).unwrap()
    }

    pub fn state(&self) -> u64 {
        self.look(|actor| actor.state)
    }

    /// The number of the last round that the actor has confirmed.
    pub fn swept(&self) -> Option<u64> {
        self.look(|actor| actor.health(Duration::ZERO).swept)
    }

    fn told<M: actor::Message>(&self, puppet: &ActorRef<M>) -> Vec<(Duration, M)> {
        self.sim.inspect(puppet, |puppet: &Puppet<M>| puppet.0.take()).unwrap()
    }

    /// What a sibling was told since this was last asked.
    pub fn syncs(&self, place: usize) -> Vec<Sync> {
        let sibling = ActorRef::well_known(self.sim.address(self.here), Self::id(place));
        let told = self.told::<Message>(&sibling).into_iter();
        told.filter_map(|(_, message)| match message {
            Message::Sync(sync) => Some(sync),
            _ => None,
        })
        .collect()
    }

    /// What an actor of the other server was told since this was last asked.
    pub fn frames(&self, place: usize) -> Vec<Frame> {
        let (system, _) = self.other.as_ref().unwrap();
        let other = ActorRef::well_known(self.sim.address(*system), Self::id(place));
        let told = self.told::<Message>(&other).into_iter();
        told.filter_map(|(_, message)| match message {
            Message::Frame(frame) => Some(*frame),
            _ => None,
        })
        .collect()
    }

    /// What the members actor was told since this was last asked, and when.
    pub fn reports(&self) -> Vec<(Duration, members::Message)> {
        self.told(&ActorRef::well_known(self.sim.address(self.here), members::ID))
    }
}

/// An entry with a stamp from long ago.
pub fn old(key: &str, millis: u64, value: Option<&str>) -> Entry {
    Entry::new(Stamp { millis, counter: 0, uid: 1 }, key, value)
}

/// So many old entries, whose keys come after those with small letters.
pub fn many(count: usize) -> Vec<Entry> {
    (0..count).map(|number| old(&format!("~{number}"), 1, Some("v"))).collect()
}

pub fn pack<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Pack {
    let mut packer = Packer::default();
    entries.into_iter().for_each(|entry| packer.push(entry));
    packer.finish()
}

pub fn unpack(pack: &Pack) -> Vec<Entry> {
    Unpacker::from(pack.clone()).map(Result::unwrap).collect()
}

/// A round that follows the one before it.
pub fn begin(number: u64, tombstones: &[Entry]) -> Begin {
    let tombstones = pack(tombstones);
    Begin { round: Round::of(number), after: Round::of(number - 1), tombstones }
}

pub fn say_begin(number: u64, tombstones: &[Entry]) -> Option<Say> {
    Some(Say::Begin(begin(number, tombstones)))
}

/// A frame of another server's stream.
pub fn data(sent: u64, entries: &[Entry]) -> Option<Data> {
    Some(Data { stream: 1, whole: true, sent, oldest: sent, entries: Some(pack(entries)) })
}

fn of_digest(message: &digest::Message) -> &[Entry] {
    match message {
        digest::Message::Settle { entries, .. } => entries,
        _ => &[],
    }
}

/// All entries that these messages bring.
pub fn brought_by_syncs(syncs: &[Sync]) -> Vec<Entry> {
    let bring = |sync: &Sync| {
        let compared = sync.digest.iter().flat_map(of_digest);
        sync.entries.iter().chain(compared).cloned().collect::<Vec<_>>()
    };
    syncs.iter().flat_map(bring).collect()
}

/// All entries that these frames bring.
pub fn brought_by_frames(frames: &[Frame]) -> Vec<Entry> {
    let bring = |frame: &Frame| {
        let data = frame.data.iter().filter_map(|data| data.entries.as_ref());
        let packs = data.chain(frame.chunk.iter().flat_map(|chunk| &chunk.parts));
        let compared = frame.digest.iter().flat_map(of_digest).cloned();
        packs.flat_map(unpack).chain(compared).collect::<Vec<_>>()
    };
    frames.iter().flat_map(bring).collect()
}

/// The answer that all frames up to this one were lost.
pub fn lost(stream: u32, frame: u64) -> Option<Ack> {
    Some(Ack { stream, through: 0, beyond: 0, heard: frame })
}

/// The question for an entry in comparing.
pub fn wants(key: &str) -> digest::Message {
    digest::Message::Settle { entries: Vec::new(), want: vec![key.to_owned()] }
}

/// Asks for everything.
pub fn everything() -> Option<Request> {
    let slice = Slice { index: 0, of: 1 };
    Some(Request { turn: 0, slice, from: Walk::default() })
}
