//! Members actors of several servers; their query actors only write down what they are told, and the test
//! speaks for them.

use std::cell::RefCell;

use actor::Address;
use actor::sim::{Faults, Sim, SystemId};

use super::*;
use crate::query_actor::Keeping;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a query actor was told.
#[derive(Default)]
struct Puppet(RefCell<Vec<Note>>);

impl Actor for Puppet {
    type Message = query_actor::Message;

    fn on_message(
        &mut self,
        message: query_actor::Message,
        _: &mut Context<'_, query_actor::Message>,
    ) {
        if let query_actor::Message::Notes(notes) = message {
            self.0.get_mut().extend(notes);
        }
    }
}

/// Servers of one query actor each.
struct World {
    sim: Sim,
    servers: Vec<SystemId>,
}

fn address(server: usize) -> Address {
    Address::new(&format!("server{server}:1"))
}

fn member(server: usize) -> Member {
    Member { address: address(server), server: server as u64 + 1, actors: 1 }
}

impl World {
    /// One server that begins a store, and so many that have joined it and got it.
    fn of(joining: usize) -> Self {
        let mut world = Self { sim: Sim::new(1, Faults::none()), servers: Vec::new() };
        world.add(&[]);
        for _ in 0..joining {
            let server = world.add(&[0]);
            let (from, attempt) = world.told_to_fetch(server).expect("a server to fetch from");
            let ready = true;
            world.say(server, Message::Fetched { place: 0, server: from, attempt, ready });
            world.sim.run_for(secs(5));
        }
        world
    }

    /// Starts another server, and lets it meet the others.
    fn add(&mut self, joins: &[usize]) -> usize {
        let number = self.servers.len();
        let system = self.sim.add_system(address(number).as_str(), |_, _| {});
        self.servers.push(system);
        let actor = self.sim.spawn_well_known(system, WellKnown(1), Puppet::default);
        self.sim.spawn_well_known(system, ID, Members::default);
        let joins = joins.iter().map(|server| address(*server)).collect();
        let (own, keeping) = (member(number), Keeping::default());
        self.say(number, Message::Start(Setup { own, actors: vec![actor], joins, keeping }));
        self.sim.run_for(secs(2));
        number
    }

    /// A query actor of the server says something.
    fn say(&mut self, server: usize, message: Message) {
        let members = ActorRef::well_known(&address(server), ID);
        self.sim.tell(self.servers[server], &members, message);
    }

    /// What the server's query actor was told since this was last asked.
    fn notes(&self, server: usize) -> Vec<Note> {
        let actor = ActorRef::well_known(&address(server), WellKnown(1));
        self.sim.inspect(&actor, |puppet: &Puppet| puppet.0.take()).unwrap()
    }

    /// From whom it was told last to fetch the store, since it was last told something.
    fn told_to_fetch(&self, server: usize) -> Option<(u64, u32)> {
        let fetch = |note| match note {
            Note::Fetch { server, attempt } => Some((server, attempt)),
            _ => None,
        };
        self.notes(server).into_iter().rev().find_map(fetch)
    }
}

#[test]
fn a_member_that_goes_on_giving_is_not_given_up() {
    for gives in [true, false] {
        let mut world = World::of(1);
        let new = world.add(&[0, 1]);
        let (server, attempt) = world.told_to_fetch(new).expect("a server to fetch from");
        let mut others = 0;
        for _ in 0..30 {
            if gives {
                world.say(new, Message::Fetching { server, attempt });
            }
            world.sim.run_for(secs(3));
            others += usize::from(world.told_to_fetch(new).is_some());
        }
        assert_eq!(others == 0, gives, "{others} others were fetched from");
    }
}

#[test]
fn a_new_beginning_looks_for_the_writes_of_all_states() {
    let mut world = World::of(1);
    for writer in [41, 42] {
        world.say(1, Message::Writes { writer });
    }
    world.say(1, Message::Stale { place: 0, server: None, generation: 0 });
    world.sim.run_for(secs(1));
    let renewal = world.notes(1).into_iter().find_map(|note| match note {
        Note::Renew(renewal) => Some(renewal),
        _ => None,
    });
    assert_eq!(renewal.expect("a new beginning").writers, [41, 42]);
}

#[test]
fn a_server_that_a_query_actor_knows_is_called() {
    let mut world = World::of(0);
    let new = world.add(&[]);
    world.say(0, Message::Introduced(vec![member(new)]));
    world.sim.run_for(secs(1));
    let met = |note| matches!(note, Note::Meet(one) if one == member(new));
    assert!(world.notes(0).into_iter().any(met));
}

#[test]
fn a_members_actor_that_has_lost_its_state_asks_what_the_query_actors_know() {
    let mut world = World::of(1);
    world.notes(1);
    world.sim.panic_actor(&ActorRef::<Message>::well_known(&address(1), ID));
    world.sim.run_for(secs(1));
    assert!(world.notes(1).iter().any(|note| matches!(note, Note::Introduce)));
}
