//! A few servers in virtual time.

use std::time::Duration;

use actor::sim::{Faults, Sim, SystemId};
use actor::{ActorRef, Address, WellKnown};
use kvcommon::{Answer, Query, QueryId, RefusalKind, Stamp, frame};
use kvserver::entry::Entry;
use kvserver::members::{self, MemberStatus, Members, Setup};
use kvserver::query_actor::{Batch, Health, Home, Keeping, Member, Message, QueryActor, Siblings};

/// What is kept for seconds here.
pub const KEEPING: Keeping = Keeping {
    tombstones: Duration::from_secs(10),
    sweep_every: Duration::from_secs(2),
    retention: Duration::from_secs(60),
};

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Servers named 0, 1, 2 …; a larger number of a server is a larger number for the others as well.
pub struct World {
    pub sim: Sim,
    servers: Vec<Server>,
}

struct Server {
    system: SystemId,
    actors: u32,
}

/// What an actor says of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    Value(String),
    Deleted(Stamp),
    Nothing,
    NotReady,
}

impl Seen {
    pub fn value(value: &str) -> Self {
        Self::Value(value.to_owned())
    }
}

impl World {
    /// A store of servers with so many actors each, which has settled.
    pub fn of(actors: &[u32]) -> Self {
        let mut world =
            Self { sim: Sim::new(1, Faults::none()).with_trace(50), servers: Vec::new() };
        for (number, actors) in actors.iter().enumerate() {
            world.add(*actors, if number == 0 { &[] } else { &[0] });
            world.sim.run_for(secs(1));
        }
        world.sim.run_for(secs(4));
        world
    }

    /// Starts another server. When it crashes and is started again, it joins all others.
    pub fn add(&mut self, actors: u32, joins: &[usize]) -> usize {
        self.add_as(self.servers.len(), actors, joins)
    }

    /// The same with the number of server `identity` in its present life, if that is another one: a copy
    /// of its machine.
    pub fn add_as(&mut self, identity: usize, actors: u32, joins: &[usize]) -> usize {
        self.add_one(identity, actors, joins, KEEPING)
    }

    /// The same with another idea of how long to keep what.
    pub fn add_keeping(&mut self, keeping: Keeping, actors: u32, joins: &[usize]) -> usize {
        self.add_one(self.servers.len(), actors, joins, keeping)
    }

    fn add_one(
        &mut self,
        identity: usize,
        actors: u32,
        joins: &[usize],
        keeping: Keeping,
    ) -> usize {
        let number = self.servers.len();
        let mut joins: Vec<Address> = joins.iter().map(|server| address(*server)).collect();
        let mut life = 0;
        let boot = move |sim: &mut Sim, me: SystemId| {
            life += 1;
            let server = (identity as u64 + 1) * 1000 + life;
            boot(sim, me, actors, server, &joins, keeping);
            joins = (0..3).filter(|other| *other != number).map(address).collect();
        };
        let system = self.sim.add_system(address(number).as_str(), boot);
        self.servers.push(Server { system, actors });
        number
    }

    pub fn system(&self, server: usize) -> SystemId {
        self.servers[server].system
    }

    /// All places: a server, and an actor of it.
    pub fn places(&self) -> Vec<(usize, u32)> {
        let servers = self.servers.iter().enumerate();
        servers
            .flat_map(|(server, one)| (0..one.actors).map(move |actor| (server, actor)))
            .collect()
    }

    pub fn actor(&self, (server, actor): (usize, u32)) -> ActorRef<Message> {
        ActorRef::well_known(&address(server), WellKnown(actor + 1))
    }

    pub fn members(&self, server: usize) -> ActorRef<members::Message> {
        ActorRef::well_known(&address(server), members::ID)
    }

    fn ask(&mut self, place: (usize, u32), query: &Query<'_>) -> Vec<u8> {
        let mut message = Vec::new();
        frame::encode_query(&mut message, QueryId(0), query);
        let batch = Batch { messages: vec![message], skip: 0 };
        let (system, actor) = (self.system(place.0), self.actor(place));
        let reply = self.sim.ask(system, &actor, |reply| Message::Queries { batch, reply });
        self.sim.run_until_answer(reply, secs(1)).expect("an answer").message
    }

    pub fn get(&mut self, place: (usize, u32), key: &str) -> Seen {
        let answers = self.ask(place, &Query::Get { key });
        match frame::answers(&answers).next().unwrap().unwrap().answer {
            Answer::Found { value, .. } => Seen::value(value),
            Answer::Missing { deleted: Some(stamp) } => Seen::Deleted(stamp),
            Answer::Missing { deleted: None } => Seen::Nothing,
            Answer::Refused(refusal) if refusal.kind == RefusalKind::NotReady => Seen::NotReady,
            other => panic!("{other:?}"),
        }
    }

    /// The stamp of a key's value, if it has one.
    pub fn stamp(&mut self, place: (usize, u32), key: &str) -> Option<Stamp> {
        let answers = self.ask(place, &Query::Get { key });
        match frame::answers(&answers).next().unwrap().unwrap().answer {
            Answer::Found { stamp, .. } => Some(stamp),
            _ => None,
        }
    }

    /// What an actor knows of its server, as JSON, and how many milliseconds ago that was, if it knows
    /// something.
    pub fn status(&mut self, place: (usize, u32)) -> Option<(u64, String)> {
        let answers = self.ask(place, &Query::Status);
        match frame::answers(&answers).next().unwrap().unwrap().answer {
            Answer::Status { age_millis, json } => Some((age_millis, json.to_owned())),
            _ => None,
        }
    }

    /// Puts a value, or deletes the key.
    pub fn write(&mut self, place: (usize, u32), key: &str, value: Option<&str>) -> Stamp {
        let answers = match value {
            Some(value) => self.ask(place, &Query::Put { key, value, floor: None }),
            None => self.ask(place, &Query::Delete { key, floor: None }),
        };
        match frame::answers(&answers).next().unwrap().unwrap().answer {
            Answer::Stored { stamp } => stamp,
            other => panic!("{other:?}"),
        }
    }

    pub fn health(&mut self, place: (usize, u32)) -> Health {
        let (system, actor) = (self.system(place.0), self.actor(place));
        let reply = self.sim.ask(system, &actor, |reply| Message::Inspect { reply });
        self.sim.run_until_answer(reply, secs(1)).expect("an answer")
    }

    pub fn statuses(&mut self, server: usize) -> Vec<MemberStatus> {
        let (system, members) = (self.system(server), self.members(server));
        let ask = |reply| members::Message::Inspect { reply };
        let reply = self.sim.ask(system, &members, ask);
        self.sim.run_until_answer(reply, secs(1)).expect("an answer")
    }

    pub fn forget(&mut self, server: usize, other: usize) -> Result<(), String> {
        let (system, members, address) =
            (self.system(server), self.members(server), address(other));
        let ask = |reply| members::Message::Forget { address, reply: Some(reply) };
        let reply = self.sim.ask(system, &members, ask);
        self.sim.run_until_answer(reply, secs(1)).expect("an answer")
    }

    /// What a server has to write down.
    pub fn take_aside(&mut self, server: usize) -> Vec<Entry> {
        let (system, members) = (self.system(server), self.members(server));
        let ask = |reply| members::Message::TakeAside { reply };
        let reply = self.sim.ask(system, &members, ask);
        self.sim.run_until_answer(reply, secs(1)).unwrap_or_default()
    }

    pub fn cut_off(&mut self, server: usize, others: &[usize]) {
        for other in others {
            self.sim.partition(self.system(server), self.system(*other));
        }
    }

    pub fn reunite(&mut self, server: usize, others: &[usize]) {
        for other in others {
            self.sim.heal(self.system(server), self.system(*other));
        }
    }

    pub fn tombstones(&mut self) -> usize {
        let all: Vec<usize> = (0..self.servers.len()).collect();
        self.tombstones_of(&all)
    }

    pub fn tombstones_of(&mut self, servers: &[usize]) -> usize {
        let places = self.places().into_iter().filter(|(server, _)| servers.contains(server));
        let places: Vec<_> = places.collect();
        places.into_iter().map(|place| self.health(place).tombstones).sum()
    }

    /// What all actors say of a key, if they agree.
    pub fn everywhere(&mut self, key: &str) -> Seen {
        let places = self.places();
        let seen: Vec<Seen> = places.iter().map(|place| self.get(*place, key)).collect();
        assert!(seen.windows(2).all(|two| two[0] == two[1]), "{places:?} say {seen:?} of {key}");
        seen.into_iter().next().expect("somebody")
    }

    /// No actor has said more than it may, and none has panicked on its own.
    pub fn check(&self) {
        for Server { system, .. } in &self.servers {
            let rate = self.sim.stats(*system).max_message_rate;
            assert!(rate <= 10, "{rate} messages in a second");
        }
    }
}

pub fn address(server: usize) -> Address {
    Address::new(&format!("server{server}:1"))
}

fn boot(
    sim: &mut Sim,
    me: SystemId,
    actors: u32,
    server: u64,
    joins: &[Address],
    keeping: Keeping,
) {
    let address = sim.address(me).clone();
    let own = Member { address, server, actors: u16::try_from(actors).unwrap() };
    let spawn = |actor| sim.spawn_well_known(me, WellKnown(actor), QueryActor::new);
    let actors: Vec<_> = (1..=actors).map(spawn).collect();
    let members = sim.spawn_well_known(me, members::ID, Members::default);
    let begins = joins.is_empty();
    for (me_at, actor) in actors.iter().enumerate() {
        let home = Home { own: own.clone(), members: members.clone(), begins, keeping };
        let siblings = Siblings { actors: actors.clone(), me: me_at, home: Some(home) };
        sim.tell(me, actor, Message::Start(siblings));
    }
    let setup = Setup { own, actors, joins: joins.to_vec(), keeping };
    sim.tell(me, &members, members::Message::Start(setup));
}
