//! Servers in the simulator.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use actor::sim::{Sim, SystemId};
use actor::{ActorRef, Address, Reply, WellKnown};
use kvcommon::{Query, QueryId, frame};
use kvserver::members::{self, Members, Setup};
use kvserver::query_actor::{
    Answers, Batch, Health, Home, Keeping, Member, Message, QueryActor, Siblings,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::plan::{self, End, Plan};

/// A query actor: its server, and its place in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The server.
    pub server: usize,
    /// Among the server's actors.
    pub actor: usize,
}

/// The servers and the world around them.
pub struct Cluster {
    /// The world.
    pub sim: Sim,
    servers: Vec<Server>,
    /// Whether those that are gone are to be forgotten, and when that is tried next.
    forget_at: Option<Duration>,
    /// How often that was tried.
    wishes: usize,
}

struct Server {
    system: SystemId,
    actors: usize,
    /// Whether it is gone for good; whatever starts its system again starts no actors.
    gone: Rc<Cell<bool>>,
    /// The random number of its present life.
    life: Rc<Cell<u64>>,
    /// Until when it says goodbye.
    leaving: Option<(Duration, Reply<bool>)>,
    /// The answer to the last wish that it be forgotten.
    forgetting: Option<Reply<Result<(), String>>>,
    is_forgotten: bool,
}

/// How long a server takes to say goodbye.
const FAREWELL: Duration = Duration::from_secs(3);

/// The pause between two attempts to have a server forgotten.
const FORGET_AGAIN: Duration = Duration::from_secs(1);

impl Cluster {
    /// A world without servers, which keeps its last `trace` events as text.
    pub fn new(plan: &Plan, trace: usize) -> Self {
        let sim = Sim::new(plan.seed, plan.faults.clone()).with_trace(trace);
        Self { sim, servers: Vec::new(), forget_at: None, wishes: 0 }
    }

    /// How many servers have been started.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Starts the next server of the plan. The first one begins a store; each of the others is told of
    /// one that was started before it and stays.
    pub fn start_next(&mut self, plan: &Plan, dice: &mut Xoshiro256PlusPlus) {
        let number = self.servers.len();
        let keeping = plan.keeping;
        let plan::Server { actors, joins_again, .. } = plan.servers[number];
        let stay: Vec<usize> =
            (0..number).filter(|one| plan.servers[*one].ends.is_none()).collect();
        let friend = (number > 0).then(|| address(stay[dice.random_range(0..stay.len())]));
        let others = (0..plan.servers.len()).filter(|other| *other != number).map(address);
        let others: Vec<String> = others.collect();
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(dice.random());
        let mut joins: Vec<String> = friend.into_iter().collect();
        let gone = Rc::new(Cell::new(false));
        let life = Rc::new(Cell::new(0));
        let (is_gone, this_life) = (gone.clone(), life.clone());
        let boot = move |sim: &mut Sim, me: SystemId| {
            if is_gone.get() {
                return;
            }
            this_life.set(dice.random());
            boot(sim, me, actors, this_life.get(), &joins, keeping);
            if joins_again {
                joins.clone_from(&others);
            }
        };
        let system = self.sim.add_system(&address(number), boot);
        let (leaving, forgetting, is_forgotten) = (None, None, false);
        let server = Server { system, actors, gone, life, leaving, forgetting, is_forgotten };
        self.servers.push(server);
    }

    /// Ends the servers whose time has come, and has those forgotten that are gone.
    pub fn end_some(&mut self, plan: &Plan) {
        let now = self.sim.elapsed();
        for server in 0..self.servers.len() {
            if self.servers[server].gone.get() {
                continue;
            }
            match plan.servers[server].ends {
                Some((ends, End::Crash)) if ends <= now => self.end(server),
                Some((ends, End::Leave)) if ends <= now => self.leave(server, now),
                _ => {}
            }
        }
        if self.forget_at.is_some_and(|at| at <= now) {
            self.forget_at = Some(now + FORGET_AGAIN);
            self.forget();
        }
    }

    fn end(&mut self, server: usize) {
        self.servers[server].gone.set(true);
        self.sim.crash(self.servers[server].system);
    }

    fn leave(&mut self, server: usize, now: Duration) {
        let (system, members) = (self.system(server), self.members(server));
        match &mut self.servers[server].leaving {
            Some((until, said)) => {
                if *until <= now || Sim::poll(said).is_ready() {
                    self.end(server);
                }
            }
            leaving @ None => {
                let leave = |reply| members::Message::Leave { reply: Some(reply) };
                *leaving = Some((now + FAREWELL, self.sim.ask(system, &members, leave)));
            }
        }
    }

    /// Tells a server, another one each time, that those that are gone will not come back, until it agrees: a goodbye may
    /// have been lost.
    fn forget(&mut self) {
        let is_there = |server: &usize| !self.servers[*server].gone.get();
        let there: Vec<usize> = (0..self.servers.len()).filter(is_there).collect();
        let told = there[self.wishes % there.len()];
        self.wishes += 1;
        let (system, members) = (self.system(told), self.members(told));
        for (number, server) in self.servers.iter_mut().enumerate() {
            if !server.gone.get() || server.is_forgotten {
                continue;
            }
            match server.forgetting.as_mut().map(Sim::poll) {
                Some(Poll::Ready(Some(Ok(())))) => server.is_forgotten = true,
                Some(Poll::Pending) => {}
                _ => {
                    let address = Address::new(&address(number));
                    let forget = |reply| members::Message::Forget { address, reply: Some(reply) };
                    server.forgetting = Some(self.sim.ask(system, &members, forget));
                }
            }
        }
    }

    /// Ends all trouble. Who is gone stays so, and is forgotten.
    pub fn heal(&mut self) {
        self.sim.heal_everything();
        for server in self.servers.iter().filter(|server| server.gone.get()) {
            self.sim.crash(server.system);
        }
        self.forget_at = Some(self.sim.elapsed());
    }

    /// Asks an actor how it is.
    pub fn inspect(&mut self, place: Place) -> Reply<Health> {
        let (system, actor) = (self.system(place.server), self.actor(place));
        self.sim.ask(system, &actor, |reply| Message::Inspect { reply })
    }

    /// All query actors of servers that are not gone or going.
    pub fn places(&self) -> Vec<Place> {
        let stays = |server: &Server| !server.gone.get() && server.leaving.is_none();
        let servers = self.servers.iter().enumerate().filter(|(_, server)| stays(server));
        let places = servers.flat_map(|(server, Server { actors, .. })| {
            (0..*actors).map(move |actor| Place { server, actor })
        });
        places.collect()
    }

    /// Whether a server that goes by this number is there.
    pub fn lives(&self, life: u64) -> bool {
        self.servers.iter().any(|server| server.life.get() == life && !server.gone.get())
    }

    /// The runtime's name of a server.
    pub fn system(&self, server: usize) -> SystemId {
        self.servers[server].system
    }

    /// A query actor's ref.
    pub fn actor(&self, place: Place) -> ActorRef<Message> {
        ActorRef::well_known(self.sim.address(self.system(place.server)), id(place.actor))
    }

    fn members(&self, server: usize) -> ActorRef<members::Message> {
        ActorRef::well_known(self.sim.address(self.system(server)), members::ID)
    }

    /// Asks a query actor, as its port does. Queries are numbered from 0.
    pub fn ask<'q>(
        &mut self,
        place: Place,
        queries: impl IntoIterator<Item = Query<'q>>,
    ) -> Reply<Answers> {
        let mut message = Vec::new();
        for (id, query) in (0..).zip(queries) {
            frame::encode_query(&mut message, QueryId(id), &query);
        }
        let batch = Batch { messages: vec![message], skip: 0 };
        let (system, actor) = (self.system(place.server), self.actor(place));
        self.sim.ask(system, &actor, |reply| Message::Queries { batch, reply })
    }

    /// Cuts a server off from all others.
    pub fn isolate(&mut self, server: usize) {
        for other in (0..self.servers.len()).filter(|other| *other != server) {
            self.sim.partition(self.system(server), self.system(other));
        }
    }
}

fn address(server: usize) -> String {
    format!("server{server}:1")
}

fn id(actor: usize) -> WellKnown {
    WellKnown(u32::try_from(actor + 1).expect("a few actors"))
}

/// What a server does at its start, without its sockets.
fn boot(
    sim: &mut Sim,
    me: SystemId,
    actors: usize,
    server: u64,
    joins: &[String],
    keeping: Keeping,
) {
    let joins: Vec<Address> = joins.iter().map(|join| Address::new(join)).collect();
    let own = Member {
        address: sim.address(me).clone(),
        server,
        actors: u16::try_from(actors).expect("a few actors"),
    };
    let actors: Vec<_> =
        (0..actors).map(|actor| sim.spawn_well_known(me, id(actor), QueryActor::new)).collect();
    let members = sim.spawn_well_known(me, members::ID, Members::default);
    let home =
        Home { own: own.clone(), members: members.clone(), begins: joins.is_empty(), keeping };
    for (place, actor) in actors.iter().enumerate() {
        let siblings = Siblings { actors: actors.clone(), me: place, home: Some(home.clone()) };
        sim.tell(me, actor, Message::Start(siblings));
    }
    sim.tell(me, &members, members::Message::Start(Setup { own, actors, joins, keeping }));
}
