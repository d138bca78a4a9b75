//! The same seed gives the same world.

use std::{collections::BTreeSet, time::Duration};

use actor::{
    Actor, ActorRef, Address, Context, WellKnown,
    sim::{Faults, Sim, SystemId, TraceHash},
};
use serde::{Deserialize, Serialize};

const SYSTEMS: usize = 3;
const ACTORS: u32 = 2;

#[derive(Serialize, Deserialize)]
enum Rumour {
    Start,
    Pass { text: u64, hops: u8 },
}

/// Passes on what it hears to someone at random.
#[derive(Default)]
struct Gossip;

impl Actor for Gossip {
    type Message = Rumour;

    fn on_start(&mut self, ctx: &mut Context<'_, Rumour>) {
        ctx.tell_after(Duration::from_millis(50), Rumour::Start);
    }

    fn on_message(&mut self, message: Rumour, ctx: &mut Context<'_, Rumour>) {
        let (text, hops) = match message {
            Rumour::Start => {
                ctx.tell_after(Duration::from_millis(300), Rumour::Start);
                (ctx.now().wall_millis ^ ctx.random(), 5)
            }
            Rumour::Pass { text, hops } => (text.rotate_left(1), hops),
        };
        if hops > 0 {
            let to = ctx.random();
            ctx.tell(&member(to, to >> 32), Rumour::Pass { text, hops: hops - 1 });
        }
    }
}

fn member(system: u64, actor: u64) -> ActorRef<Rumour> {
    let address = Address::new(&format!("s{}:1", system % SYSTEMS as u64));
    ActorRef::well_known(&address, WellKnown((actor % u64::from(ACTORS)) as u32))
}

fn world(seed: u64) -> Sim {
    let mut sim = Sim::new(seed, Faults::chaos());
    for system in 0..SYSTEMS {
        sim.add_system(&format!("s{system}:1"), |sim, me| {
            for id in 0..ACTORS {
                let gossip = sim.spawn_well_known(me, WellKnown(id), Gossip::default);
                sim.accept_duplicates(&gossip);
            }
        });
    }
    sim
}

fn run(seed: u64) -> TraceHash {
    let mut sim = world(seed);
    sim.run_for(Duration::from_secs(60));
    sim.trace_hash()
}

#[test]
fn a_hundred_seeds_give_the_same_hash_twice_and_all_differ() {
    let mut hashes = BTreeSet::new();
    for seed in 0..100 {
        let hash = run(seed);
        assert_eq!(hash, run(seed), "seed {seed}");
        hashes.insert(hash.to_string());
    }
    assert_eq!(hashes.len(), 100);
}

#[test]
fn the_trace_is_the_same_and_keeping_it_changes_nothing() {
    let (mut first, mut second, mut silent) =
        (world(3).with_trace(5000), world(3).with_trace(5000), world(3));
    for sim in [&mut first, &mut second, &mut silent] {
        sim.run_for(Duration::from_secs(60));
    }
    assert_eq!(first.trace_hash(), second.trace_hash());
    assert_eq!(first.trace_hash(), silent.trace_hash());
    assert_eq!(first.trace().count(), 5000);
    assert!(first.trace().eq(second.trace()));
    assert_eq!(silent.trace().count(), 0);
}

#[test]
fn the_hash_sees_one_message_more_or_other_or_later() {
    let with = |text: Option<u64>, at_millis: u64| {
        let mut sim = Sim::new(1, Faults::none());
        let here = sim.add_system("s0:1", |sim, me| {
            sim.spawn_well_known(me, WellKnown(0), Silent::default);
        });
        sim.add_system("s1:1", |sim, me| {
            sim.spawn_well_known(me, WellKnown(0), Silent::default);
        });
        sim.run_for(Duration::from_millis(at_millis));
        if let Some(text) = text {
            for system in 0..2 {
                let address = Address::new(&format!("s{system}:1"));
                let to = ActorRef::well_known(&address, WellKnown(0));
                sim.tell(here, &to, text);
            }
        }
        sim.run_for(Duration::from_millis(1000 - at_millis));
        sim.trace_hash()
    };
    let hashes = [with(None, 0), with(Some(1), 0), with(Some(2), 0), with(Some(1), 1)];
    let different: BTreeSet<_> = hashes.iter().map(TraceHash::to_string).collect();
    assert_eq!(different.len(), hashes.len(), "{hashes:?}");
    assert_eq!(with(Some(1), 1), hashes[3]);
}

#[derive(Default)]
struct Silent;

impl Actor for Silent {
    type Message = u64;

    fn on_message(&mut self, _: u64, _: &mut Context<'_, u64>) {}
}

#[test]
fn the_hash_sees_one_fault() {
    let with = |fault: fn(&mut Sim, SystemId, SystemId)| {
        let mut sim = Sim::new(1, Faults::none());
        let a = sim.add_system("s0:1", |_, _| {});
        let b = sim.add_system("s1:1", |_, _| {});
        sim.run_for(Duration::from_secs(1));
        fault(&mut sim, a, b);
        sim.run_for(Duration::from_secs(1));
        sim.trace_hash().to_string()
    };
    let hashes = BTreeSet::from([
        with(|_, _, _| ()),
        with(|sim, a, b| sim.cut(a, b)),
        with(|sim, a, b| sim.cut(b, a)),
        with(|sim, a, _| sim.crash(a)),
        with(|sim, a, _| sim.jump_clock(a, 1)),
    ]);
    assert_eq!(hashes.len(), 5);
}
