//! A whole server in a simulated world, and another one that says whatever it likes.

use std::time::Duration;

use actor::sim::{Faults, Sim, SystemId};
use actor::{Actor, ActorRef, Address, Context, Message, Report, WellKnown};
use kvcommon::{Answer, Query, QueryId, RefusalKind, frame};
use kvserver::members::{self, Hello, Members, Setup};
use kvserver::query_actor::{
    self, Answers, Batch, Frame, Home, Keeping, Member, Note, QueryActor, Siblings,
};

/// How the server that is tested is known.
const SERVER: u64 = 1;
/// How the other one is known.
pub const PEER: u64 = 2;
const ACTORS: u16 = 2;
/// A script may be longer; what follows is left out, so that each takes a bounded time.
const MAX_STEPS: usize = 24;

/// A script of what another server says: a byte with the pause before it and the receiver, and a [`Hello`],
/// a [`Frame`], or anything else that the actors of one server say to each other. Nothing in it makes the server panic, or keeps it from answering its clients.
pub fn script(bytes: &[u8]) {
    let mut world = World::new();
    let mut rest = bytes;
    for _ in 0..MAX_STEPS {
        let Some((&head, after)) = rest.split_first() else { break };
        rest = match world.say(head, after) {
            Some(rest) => rest,
            None => break,
        };
    }
    world.sim.run_for(Duration::from_secs(3));
    world.check();
}

/// What the server itself says to another one that it meets, as steps of a script: a seed.
pub fn own_words() -> Vec<Vec<u8>> {
    let mut world = World::new();
    world.sim.run_for(Duration::from_secs(3));
    let mut steps = world.heard(0, |message| match message {
        members::Message::Hello(hello) => {
            let (from, called) = (world.peer(), world.server().address);
            Some(step(0, &Hello { from, called, ..hello.clone() }))
        }
        _ => None,
    });
    steps.extend(world.heard(1, |message| match message {
        query_actor::Message::Frame(frame) => {
            let head = 1 + u8::try_from(frame.from).ok()?;
            let introduce = frame.introduce.as_ref().map(|_| world.peer());
            // The peer answers, so it knows the actor's state; which one that is, `say` puts in.
            let to_state = Some(0);
            let said = Frame { server: PEER, from: 0, introduce, to_state, ..(**frame).clone() };
            Some(step(head, &said))
        }
        _ => None,
    }));
    steps
}

/// What the actors of a server say to each other only, and what it would do to one that took it from another
/// server, as steps of a script: a seed.
pub fn words_of_others() -> Vec<Vec<u8>> {
    let nowhere = || Siblings { actors: Vec::new(), me: 70_000, home: None };
    vec![
        step(7, &query_actor::Message::Start(nowhere())),
        step(7, &query_actor::Message::Resume(nowhere())),
        step(7, &query_actor::Message::Notes(vec![Note::Generation(u64::MAX)])),
        step(3, &members::Message::Leave { reply: None }),
    ]
}

fn step(head: u8, said: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_extend(said, vec![head]).expect("a Vec takes it")
}

struct World {
    sim: Sim,
    here: SystemId,
    there: SystemId,
    members: ActorRef<members::Message>,
    actors: Vec<ActorRef<query_actor::Message>>,
    /// The states that the other server's frames have to name.
    states: Vec<u64>,
}

impl World {
    /// A server that holds a few keys, and has just heard of another one.
    fn new() -> World {
        let mut sim = Sim::new(1, Faults::none());
        let here = sim.add_system("here:1", |_, _| {});
        let there = sim.add_system("there:1", |_, _| {});
        sim.spawn_well_known(there, WellKnown(0), Ear::<members::Message>::default);
        sim.spawn_well_known(there, WellKnown(1), Ear::<query_actor::Message>::default);
        let members = sim.spawn_well_known(here, members::ID, Members::default);
        let actors: Vec<_> = (1..=ACTORS)
            .map(|id| sim.spawn_well_known(here, WellKnown(id.into()), QueryActor::new))
            .collect();
        let mut world = World { sim, here, there, members, actors, states: Vec::new() };
        world.start();
        world
    }

    fn start(&mut self) {
        let (own, actors) = (self.server(), self.actors.clone());
        let keeping = Keeping::default();
        let home = Home { own: own.clone(), members: self.members.clone(), begins: true, keeping };
        for (me, actor) in actors.iter().enumerate() {
            let siblings = Siblings { actors: actors.clone(), me, home: Some(home.clone()) };
            self.sim.tell(self.here, actor, query_actor::Message::Start(siblings));
        }
        let setup = Setup { own, actors, joins: vec![self.peer().address], keeping };
        self.sim.tell(self.here, &self.members, members::Message::Start(setup));
        for (actor, key) in ["ada", "grace"].iter().enumerate() {
            let answers = self.ask(actor, &Query::Put { key, value: "library", floor: None });
            self.states.push(answers.state);
        }
        self.sim.tell(self.there, &self.members, members::Message::Hello(self.introduction()));
        self.sim.run_for(Duration::from_millis(300));
    }

    /// Says the next thing of a script and gives the rest, if there is such a thing.
    fn say<'a>(&mut self, head: u8, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let pause = Duration::from_millis(60) * u32::from(head / 4);
        self.sim.run_for(pause);
        let actor = usize::from(head % 4);
        if actor > self.actors.len() {
            return match head / 4 % 2 {
                0 => self.tell(&self.members.clone(), bytes),
                _ => self.tell(&self.actors[0].clone(), bytes),
            };
        }
        if actor == 0 {
            let (hello, rest) = postcard::take_from_bytes(bytes).ok()?;
            self.sim.tell(self.there, &self.members, members::Message::Hello(hello));
            return Some(rest);
        }
        let (mut frame, rest) = postcard::take_from_bytes::<Frame>(bytes).ok()?;
        // A number that the fuzzer could hardly guess.
        frame.to_state = frame.to_state.map(|_| self.states[actor - 1]);
        let message = query_actor::Message::Frame(Box::new(frame));
        self.sim.tell(self.there, &self.actors[actor - 1], message);
        Some(rest)
    }

    /// Says whatever an actor of this kind can be told.
    fn tell<'a, M: Message>(&mut self, to: &ActorRef<M>, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (message, rest) = postcard::take_from_bytes::<M>(bytes).ok()?;
        self.sim.tell(self.there, to, message);
        Some(rest)
    }

    /// Every actor still answers, and none has panicked. It is in the state that it began with, unless the
    /// peer has said that it has collected what this server lacks: then the server fetches the store anew.
    fn check(&mut self) {
        for actor in 0..self.actors.len() {
            let answers = self.ask(actor, &Query::Get { key: "ada" });
            let mut items = frame::answers(&answers.message).flatten();
            let kept = answers.state == self.states[actor];
            let fits = |answer| match answer {
                Answer::Refused(refusal) => !kept && refusal.kind == RefusalKind::NotReady,
                _ => true,
            };
            assert!(items.all(|item| fits(item.answer)), "{answers:?}");
        }
        let panics = |report: &Report| matches!(report, Report::Panicked { .. });
        let reports = self.sim.reports(self.here);
        assert!(!reports.iter().any(|(_, report)| panics(report)), "{reports:?}");
    }

    fn ask(&mut self, actor: usize, query: &Query<'_>) -> Answers {
        let mut message = Vec::new();
        frame::encode_query(&mut message, QueryId(1), query);
        let batch = Batch { messages: vec![message], skip: 0 };
        let reply = self.sim.ask(self.here, &self.actors[actor], |reply| {
            query_actor::Message::Queries { batch, reply }
        });
        self.sim.run_until_answer(reply, Duration::from_secs(5)).expect("an answer")
    }

    fn introduction(&self) -> Hello {
        Hello {
            version: 1,
            from: self.peer(),
            called: self.server().address,
            answers: false,
            asks: true,
            ready: true,
            leaves: false,
            knew: None,
            others: Vec::new(),
            forgotten: Vec::new(),
            silent: Vec::new(),
            clock_millis: self.sim.now_in(self.there).wall_millis,
            sent_millis: 0,
            echo: None,
        }
    }

    fn server(&self) -> Member {
        Member { address: self.sim.address(self.here).clone(), server: SERVER, actors: ACTORS }
    }

    fn peer(&self) -> Member {
        Member { address: self.sim.address(self.there).clone(), server: PEER, actors: 1 }
    }

    /// What can be made of what has come to an actor of the other server.
    fn heard<M: Message, T>(&self, id: u32, make: impl Fn(&M) -> Option<T>) -> Vec<T> {
        let address: &Address = self.sim.address(self.there);
        let ear = ActorRef::<M>::well_known(address, WellKnown(id));
        let all = |Ear(heard): &Ear<M>| heard.iter().filter_map(&make).collect();
        self.sim.inspect(&ear, all).unwrap_or_default()
    }
}

/// An actor that only listens.
struct Ear<M>(Vec<M>);

impl<M> Default for Ear<M> {
    fn default() -> Self {
        Ear(Vec::new())
    }
}

impl<M: Message> Actor for Ear<M> {
    type Message = M;

    fn on_message(&mut self, message: M, _: &mut Context<'_, M>) {
        self.0.push(message);
    }
}
