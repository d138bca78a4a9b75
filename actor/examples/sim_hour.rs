//! How fast the simulator is: `cargo run --release -p actor --example sim_hour [SECONDS]`.
//!
//! Three systems with four actors each, in which everyone tells every other something ten times a second,
//! for an hour of virtual time.

use std::time::{Duration, Instant};

use actor::{
    Actor, ActorRef, Context, WellKnown,
    sim::{Faults, Sim},
};
use serde::{Deserialize, Serialize};

const SYSTEMS: usize = 3;
const ACTORS: u32 = 4;
const PERIOD: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
enum Chat {
    Meet(Vec<ActorRef<Chat>>),
    Speak,
    Hear { number: u64, words: [u8; 16] },
}

#[derive(Default)]
struct Chatter {
    others: Vec<ActorRef<Chat>>,
    said: u64,
    heard: u64,
    sum: u64,
}

impl Actor for Chatter {
    type Message = Chat;

    fn on_message(&mut self, message: Chat, ctx: &mut Context<'_, Chat>) {
        match message {
            Chat::Meet(others) => {
                self.others = others;
                ctx.tell_after(PERIOD, Chat::Speak);
            }
            Chat::Speak => {
                self.said += 1;
                for other in &self.others {
                    let words = self.sum.to_le_bytes();
                    let mut both = [0; 16];
                    both[..8].copy_from_slice(&words);
                    ctx.tell(other, Chat::Hear { number: self.said, words: both });
                }
                ctx.tell_after(PERIOD, Chat::Speak);
            }
            Chat::Hear { number, words } => {
                self.heard += 1;
                self.sum = self.sum.wrapping_add(number) ^ u64::from(words[0]);
            }
        }
    }
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3600);
    for (name, faults) in [("no faults", Faults::none()), ("chaos", Faults::chaos())] {
        let started = Instant::now();
        let mut sim = Sim::new(1, faults);
        let addresses: Vec<_> = (0..SYSTEMS).map(|i| format!("sim{i}:1")).collect();
        for address in &addresses {
            let all = addresses.clone();
            sim.add_system(address, move |sim, me| boot(sim, me, &all));
        }
        sim.run_for(Duration::from_secs(seconds));
        let took = started.elapsed();
        let heard: u64 = everyone(&addresses)
            .filter_map(|actor| sim.inspect(&actor, |chatter: &Chatter| chatter.heard))
            .sum();
        println!(
            "{name}: {seconds} s in {took:.2?}; {heard} messages arrived{}, trace {}",
            if name == "chaos" { " since the last restarts" } else { "" },
            sim.trace_hash(),
        );
        if heard > 0 && name != "chaos" {
            println!("  {:.0} ns for a message", took.as_nanos() as f64 / heard as f64);
        }
    }
}

fn boot(sim: &mut Sim, me: actor::sim::SystemId, addresses: &[String]) {
    for id in 0..ACTORS {
        let chatter = sim.spawn_well_known(me, WellKnown(id), Chatter::default);
        let others = everyone(addresses).filter(|other| *other != chatter).collect();
        sim.tell(me, &chatter, Chat::Meet(others));
    }
}

fn everyone(addresses: &[String]) -> impl Iterator<Item = ActorRef<Chat>> {
    addresses.iter().flat_map(|address| {
        let address = actor::Address::new(address);
        (0..ACTORS).map(move |id| ActorRef::well_known(&address, WellKnown(id)))
    })
}
