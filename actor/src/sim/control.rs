//! Scripted scenes: faults at a moment that a test chooses.

use std::{ops::Range, time::Duration};

use super::{
    Sim, SystemId,
    dice::{Span, nanos},
    faults::Faults,
    trace::Kind,
};
use crate::{ActorRef, Message, refs::Incarnation};

impl Sim {
    /// Replaces the random faults. What they have begun ends now, but systems that have crashed start again
    /// when they would have.
    ///
    /// Clocks keep the offset and drift that they were given when their system was added.
    pub fn set_faults(&mut self, faults: Faults) {
        self.end_troubles();
        self.world.set_faults(faults);
        self.plan_troubles();
    }

    /// Ends all trouble, random and scripted: every link is whole and as fast as the latency allows, every
    /// system is up, no actor pauses. Wall clocks stay as wrong as they are, but jump no more.
    pub fn heal_everything(&mut self) {
        self.set_faults(self.world.faults.without_trouble());
        for index in 0..self.world.wires.len() as u32 {
            self.world.wires[index as usize].bytes_per_second = None;
            self.world.mend(index, |wire| wire.cut_by_hand = false);
        }
        for index in 0..self.seats.len() as u32 {
            if let Some(seat) = &mut self.seats[index as usize] {
                seat.paused_by_hand = false;
                self.turn(index);
            }
        }
        for system in 0..self.world.systems.len() {
            self.world.systems[system].handler_time = 0;
            if !self.world.systems[system].is_up {
                self.restart(SystemId(system));
            }
        }
    }

    /// Cuts one direction: what `from` sends does not reach `to`, until [`heal`](Sim::heal).
    ///
    /// Messages on their way wait, as they would for TCP to send them again. After 13 s the connection is
    /// given up, and they are lost; what is sent later waits for the next one.
    pub fn cut(&mut self, from: SystemId, to: SystemId) {
        let wire = self.world.wire_to(from.0, to.0);
        self.world.cut(wire, |wire| wire.cut_by_hand = true);
    }

    /// Cuts both directions.
    pub fn partition(&mut self, a: SystemId, b: SystemId) {
        self.cut(a, b);
        self.cut(b, a);
    }

    /// Undoes [`cut`](Sim::cut) and [`partition`](Sim::partition), in both directions.
    pub fn heal(&mut self, a: SystemId, b: SystemId) {
        for (from, to) in [(a, b), (b, a)] {
            let wire = self.world.wire_to(from.0, to.0);
            self.world.mend(wire, |wire| wire.cut_by_hand = false);
        }
    }

    /// Breaks the connection that carries one direction: what is on its way is lost.
    pub fn break_link(&mut self, from: SystemId, to: SystemId) {
        let wire = self.world.wire_to(from.0, to.0);
        self.world.break_wire(wire, "broken by hand");
    }

    /// Gives one direction a latency of its own.
    pub fn set_latency(&mut self, from: SystemId, to: SystemId, latency: &Range<Duration>) {
        let wire = self.world.wire_to(from.0, to.0);
        self.world.wires[wire as usize].latency = Some(Span::new(latency));
    }

    /// Lets one direction bring no more than so many bytes of encoded messages in a second; `None` undoes it.
    pub fn throttle(&mut self, from: SystemId, to: SystemId, bytes_per_second: Option<u64>) {
        let wire = self.world.wire_to(from.0, to.0);
        self.world.wires[wire as usize].bytes_per_second = bytes_per_second;
    }

    /// Stops a system at once. Its actors, timers and reply addresses are gone, and what is on its way to it
    /// is lost; what it has sent may still arrive, or not. Messages that wait for a connection to it keep
    /// waiting, 30 s at most. This is also how a simulated system is shut down.
    pub fn crash(&mut self, system: SystemId) {
        if !self.is_up(system) {
            return;
        }
        self.world.note_system(system.0, 0, "crashes");
        for seat in self.world.systems[system.0].end() {
            if let Some(seat) = self.seats[seat as usize].take() {
                seat.counters.add_to(&mut self.world.systems[system.0].retired);
            }
        }
        let outside = self.world.systems[system.0].outside;
        self.seats[outside as usize] = None;
        self.world.disconnect(system.0);
    }

    /// Starts a crashed system again, empty and with a new incarnation, by what it was added with. A system
    /// that is up crashes first.
    pub fn restart(&mut self, system: SystemId) {
        self.crash(system);
        let incarnation = Incarnation::from_random(self.world.dice.number());
        self.begin_life(system, incarnation);
    }

    /// Whether a system is running.
    pub fn is_up(&self, system: SystemId) -> bool {
        self.world.systems[system.0].is_up
    }

    /// Lets every message take the actors of a system so long; zero undoes it.
    pub fn slow_down(&mut self, system: SystemId, per_message: Duration) {
        self.world.systems[system.0].handler_time = nanos(per_message);
    }

    /// Moves a system's wall clock. Elapsed time and timers know nothing of it.
    pub fn jump_clock(&mut self, system: SystemId, by_millis: i64) {
        let state = &mut self.world.systems[system.0];
        state.clock.offset_millis = state.clock.offset_millis.saturating_add(by_millis);
        let address = &state.address;
        self.world.trace.note(
            self.world.now,
            Kind::Clock,
            [system.0 as u64, by_millis as u64],
            || format!("the clock of {address} jumps by {by_millis} ms"),
        );
    }

    /// Lets an actor take no messages and its timers wait, until [`resume`](Sim::resume).
    pub fn pause<M: Message>(&mut self, actor: &ActorRef<M>) {
        if let Some(index) = self.find(&actor.raw)
            && let Some(seat) = &mut self.seats[index as usize]
        {
            seat.paused_by_hand = true;
        }
    }

    /// Undoes [`pause`](Sim::pause).
    pub fn resume<M: Message>(&mut self, actor: &ActorRef<M>) {
        if let Some(index) = self.find(&actor.raw)
            && let Some(seat) = &mut self.seats[index as usize]
        {
            seat.paused_by_hand = false;
            self.turn(index);
        }
    }

    /// Lets an actor panic, as if its next handler had.
    pub fn panic_actor<M: Message>(&mut self, actor: &ActorRef<M>) {
        if let Some(index) = self.find(&actor.raw) {
            self.panic_at(index);
        }
    }

    /// Declares that this life of an actor can bear to get a message of another system twice, and out of
    /// order: only such actors meet [`Faults::duplication`].
    pub fn accept_duplicates<M: Message>(&mut self, actor: &ActorRef<M>) {
        if let Some(index) = self.find(&actor.raw)
            && let Some(seat) = &mut self.seats[index as usize]
        {
            seat.accepts_duplicates = true;
        }
    }
}
