//! In order for each pair, and at most once: under every fault.

use std::{collections::BTreeMap, time::Duration};

use actor::{
    Actor, ActorRef, Address, Context, WellKnown,
    sim::{Faults, Sim},
};
use serde::{Deserialize, Serialize};

const SYSTEMS: usize = 3;
const ACTORS: u32 = 3;
const PERIOD: Duration = Duration::from_millis(100);

#[derive(Clone, Serialize, Deserialize)]
enum Say {
    Everyone,
    Numbered { from: String, life: u64, number: u64 },
}

/// Numbers what it says to each of the others, and checks what it hears.
#[derive(Default)]
struct Numberer {
    /// Drawn at random: what an earlier state had said cannot be confused with what this one says.
    life: u64,
    said: u64,
    heard: BTreeMap<(String, u64), u64>,
    messages: u64,
    gaps: u64,
    disorder: u64,
}

impl Actor for Numberer {
    type Message = Say;

    fn on_start(&mut self, ctx: &mut Context<'_, Say>) {
        self.life = ctx.random();
        ctx.tell_after(PERIOD, Say::Everyone);
    }

    fn on_message(&mut self, message: Say, ctx: &mut Context<'_, Say>) {
        match message {
            Say::Everyone => {
                self.said += 1;
                let say =
                    Say::Numbered { from: ctx.me().uid(), life: self.life, number: self.said };
                for to in everyone() {
                    ctx.tell(&to, say.clone());
                }
                ctx.tell_after(PERIOD, Say::Everyone);
            }
            Say::Numbered { from, life, number } => {
                let latest = self.heard.entry((from, life)).or_default();
                self.disorder += u64::from(number <= *latest);
                self.gaps += number.saturating_sub(*latest + 1);
                *latest = number.max(*latest);
                self.messages += 1;
            }
        }
    }
}

fn everyone() -> impl Iterator<Item = ActorRef<Say>> {
    (0..SYSTEMS).flat_map(|system| {
        let address = Address::new(&format!("s{system}:1"));
        (0..ACTORS).map(move |id| ActorRef::well_known(&address, WellKnown(id)))
    })
}

#[derive(Default)]
struct Totals {
    messages: u64,
    gaps: u64,
    disorder: u64,
}

fn run(seed: u64, faults: Faults, accept_duplicates: bool) -> Totals {
    let mut sim = Sim::new(seed, faults);
    for system in 0..SYSTEMS {
        sim.add_system(&format!("s{system}:1"), move |sim, me| {
            for id in 0..ACTORS {
                let numberer = sim.spawn_well_known(me, WellKnown(id), Numberer::default);
                if accept_duplicates {
                    sim.accept_duplicates(&numberer);
                }
            }
        });
    }
    let mut totals = Totals::default();
    for _ in 0..20 {
        sim.run_for(Duration::from_millis(1500));
        for actor in everyone() {
            sim.inspect(&actor, |numberer: &Numberer| {
                totals.messages += numberer.messages;
                totals.gaps += numberer.gaps;
                totals.disorder += numberer.disorder;
            });
        }
    }
    totals
}

#[test]
fn pairs_keep_their_order_under_every_preset() {
    let presets = [
        Faults::none(),
        Faults::lossy(),
        Faults::partitions(),
        Faults::crashes(),
        Faults::clocks(),
        Faults::chaos(),
        Faults { duplication: 0.5, ..Faults::chaos() }, // nobody has asked for duplicates
    ];
    for (preset, faults) in presets.into_iter().enumerate() {
        for seed in 0..2 {
            let totals = run(seed, faults.clone(), false);
            assert!(totals.messages > 1000, "{preset}: {} messages", totals.messages);
            assert_eq!(totals.disorder, 0, "preset {preset}, seed {seed}");
            let loses = ![0, 4].contains(&preset);
            assert_eq!(totals.gaps > 0, loses, "{preset}: {} gaps", totals.gaps);
        }
    }
}

#[test]
fn duplicates_come_to_those_who_asked_for_them() {
    let faults = Faults { duplication: 0.1, ..Faults::none() };
    assert!(run(1, faults.clone(), true).disorder > 20);
    assert_eq!(run(1, faults, false).disorder, 0);
}

/// Notes who spoke.
#[derive(Default)]
struct Listener(Vec<u64>);

impl Actor for Listener {
    type Message = u64;

    fn on_message(&mut self, number: u64, _: &mut Context<'_, u64>) {
        self.0.push(number);
    }
}

#[derive(Default)]
struct Speaker;

impl Actor for Speaker {
    type Message = (ActorRef<u64>, u64);

    fn on_message(&mut self, (to, number): Self::Message, ctx: &mut Context<'_, Self::Message>) {
        ctx.tell(&to, number);
    }
}

#[test]
fn different_pairs_overtake_each_other_within_a_system_and_between_two() {
    for listens_at in ["a:1", "b:1"] {
        let mut sim = Sim::new(2, Faults::none());
        let a = sim.add_system("a:1", |_, _| {});
        let b = sim.add_system("b:1", |_, _| {});
        let at = if listens_at == "a:1" { a } else { b };
        let listener = sim.spawn(at, Listener::default);
        let speakers: Vec<_> = (0..10).map(|_| sim.spawn(a, Speaker::default)).collect();
        for (number, speaker) in speakers.iter().enumerate() {
            sim.tell(a, speaker, (listener.clone(), number as u64));
        }
        sim.run_for(Duration::from_secs(1));
        let mut heard = sim.inspect(&listener, |listener: &Listener| listener.0.clone()).unwrap();
        assert!(!heard.is_sorted(), "{heard:?}");
        heard.sort_unstable();
        assert_eq!(heard, (0..10).collect::<Vec<_>>());
    }
}
