//! A runtime that breaks the contract on purpose: before every probe stands a relay with a fault.

use std::{sync::Mutex, time::Duration};

use actor::{Actor, ActorRef, Context, Report, WellKnown};

use crate::{
    on_tokio::TokioWorld,
    probe::Say,
    suite::PART,
    world::{Place, World},
};

/// What the runtime does wrong to the hundredth message of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It comes after the next one of the same sender: those of others may overtake it.
    Reorder,
    Duplicate,
    Drop,
}

/// The fault of the relays that are spawned: a constructor can capture nothing.
static FAULT: Mutex<Fault> = Mutex::new(Fault::Drop);

pub struct Sabotaged(TokioWorld);

impl Sabotaged {
    pub fn new(world: TokioWorld, fault: Fault) -> Self {
        *FAULT.lock().expect("no panic") = fault;
        Sabotaged(world)
    }
}

/// Passes messages on, but for the hundredth.
struct Relay {
    fault: Fault,
    to: Option<ActorRef<Say>>,
    passed: u64,
    held: Option<Say>,
}

impl Relay {
    fn new() -> Self {
        Relay { fault: *FAULT.lock().expect("no panic"), to: None, passed: 0, held: None }
    }
}

impl Actor for Relay {
    type Message = Say;

    fn on_message(&mut self, say: Say, ctx: &mut Context<'_, Say>) {
        let Some(to) = self.to.clone() else {
            if let Say::Keep(to) = say {
                self.to = Some(to); // the first message says whom it stands before
            }
            return;
        };
        self.passed += 1;
        if self.passed == 100 && matches!(say, Say::Note(_)) {
            match (self.fault, say) {
                (Fault::Drop, _) => {}
                (Fault::Duplicate, Say::Note(number)) => {
                    ctx.tell(&to, Say::Note(number));
                    ctx.tell(&to, Say::Note(number));
                }
                (_, say) => self.held = Some(say),
            }
            return;
        }
        let follows = match (&self.held, &say) {
            (Some(Say::Note(held)), Say::Note(number)) => held / PART == number / PART,
            _ => false,
        };
        ctx.tell(&to, say);
        if follows && let Some(held) = self.held.take() {
            ctx.tell(&to, held);
        }
    }
}

impl World for Sabotaged {
    fn spawn(&mut self, at: Place, id: Option<WellKnown>) -> ActorRef<Say> {
        let probe = self.0.spawn(at, None);
        let relay = self.0.spawn_any(at, id, Relay::new);
        self.0.tell(at, &relay, Say::Keep(probe));
        relay
    }

    fn tell(&mut self, from: Place, to: &ActorRef<Say>, say: Say) {
        self.0.tell(from, to, say);
    }

    fn read(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>> {
        self.0.read(from, probe)
    }

    fn read_twice(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>> {
        self.0.read_twice(from, probe)
    }

    fn pass(&mut self, time: Duration) {
        self.0.pass(time);
    }

    fn latency(&self) -> Duration {
        self.0.latency()
    }

    fn shut_down(&mut self, at: Place) {
        self.0.shut_down(at);
    }

    fn restart(&mut self, at: Place) {
        self.0.restart(at);
    }

    fn reports(&self, at: Place) -> Vec<Report> {
        self.0.reports(at)
    }
}
