//! Servers in the simulator.

use std::cell::Cell;
use std::rc::Rc;

use actor::sim::{Sim, SystemId};
use actor::{ActorRef, Address, Reply, WellKnown};
use kvcommon::{Query, QueryId, frame};
use kvserver::members::{self, Members, Setup};
use kvserver::query_actor::{
    Answers, Batch, Health, Home, Keeping, Member, Message, QueryActor, Siblings,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::plan::Plan;

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
}

struct Server {
    system: SystemId,
    actors: usize,
    /// Whether it is gone for good; whatever starts its system again starts no actors.
    gone: Rc<Cell<bool>>,
}

impl Cluster {
    /// A world without servers, which keeps its last `trace` events as text.
    pub fn new(plan: &Plan, trace: usize) -> Self {
        let sim = Sim::new(plan.seed, plan.faults.clone()).with_trace(trace);
        Self { sim, servers: Vec::new() }
    }

    /// How many servers have been started.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Starts the next server of the plan. The first one begins a store; each of the others is told of
    /// one that was started before it and stays.
    pub fn start_next(&mut self, plan: &Plan, dice: &mut Xoshiro256PlusPlus) {
        let number = self.servers.len();
        let (actors, joins_again) = (plan.servers[number].actors, plan.servers[number].joins_again);
        let stay: Vec<usize> =
            (0..number).filter(|one| plan.servers[*one].ends.is_none()).collect();
        let friend = (number > 0).then(|| address(stay[dice.random_range(0..stay.len())]));
        let others = (0..plan.servers.len()).filter(|other| *other != number).map(address);
        let others: Vec<String> = others.collect();
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(dice.random());
        let mut joins: Vec<String> = friend.into_iter().collect();
        let gone = Rc::new(Cell::new(false));
        let is_gone = gone.clone();
        let boot = move |sim: &mut Sim, me: SystemId| {
            if is_gone.get() {
                return;
            }
            boot(sim, me, actors, dice.random(), &joins);
            if joins_again {
                joins.clone_from(&others);
            }
        };
        let system = self.sim.add_system(&address(number), boot);
        self.servers.push(Server { system, actors, gone });
    }

    /// Ends the servers whose time has come.
    pub fn end_some(&mut self, plan: &Plan) {
        let now = self.sim.elapsed();
        for (server, planned) in self.servers.iter().zip(&plan.servers) {
            if !server.gone.get() && planned.ends.is_some_and(|ends| ends <= now) {
                server.gone.set(true);
                self.sim.crash(server.system);
            }
        }
    }

    /// Ends all trouble. Who is gone stays so.
    pub fn heal(&mut self) {
        self.sim.heal_everything();
        for server in self.servers.iter().filter(|server| server.gone.get()) {
            self.sim.crash(server.system);
        }
    }

    /// Asks an actor how it is.
    pub fn inspect(&mut self, place: Place) -> Reply<Health> {
        let (system, actor) = (self.system(place.server), self.actor(place));
        self.sim.ask(system, &actor, |reply| Message::Inspect { reply })
    }

    /// All query actors of servers that are not gone.
    pub fn places(&self) -> Vec<Place> {
        let servers = self.servers.iter().enumerate().filter(|(_, server)| !server.gone.get());
        let places = servers.flat_map(|(server, Server { actors, .. })| {
            (0..*actors).map(move |actor| Place { server, actor })
        });
        places.collect()
    }

    /// The runtime's name of a server.
    pub fn system(&self, server: usize) -> SystemId {
        self.servers[server].system
    }

    /// A query actor's ref.
    pub fn actor(&self, place: Place) -> ActorRef<Message> {
        ActorRef::well_known(self.sim.address(self.system(place.server)), id(place.actor))
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
fn boot(sim: &mut Sim, me: SystemId, actors: usize, server: u64, joins: &[String]) {
    let joins: Vec<Address> = joins.iter().map(|join| Address::new(join)).collect();
    let own = Member {
        address: sim.address(me).clone(),
        server,
        actors: u16::try_from(actors).expect("a few actors"),
    };
    let actors: Vec<_> =
        (0..actors).map(|actor| sim.spawn_well_known(me, id(actor), QueryActor::new)).collect();
    let members = sim.spawn_well_known(me, members::ID, Members::default);
    let keeping = Keeping::default();
    let home =
        Home { own: own.clone(), members: members.clone(), begins: joins.is_empty(), keeping };
    for (place, actor) in actors.iter().enumerate() {
        let siblings = Siblings { actors: actors.clone(), me: place, home: Some(home.clone()) };
        sim.tell(me, actor, Message::Start(siblings));
    }
    sim.tell(me, &members, members::Message::Start(Setup { own, actors, joins, keeping }));
}
