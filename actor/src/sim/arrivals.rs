//! What happens when an event's time has come: deliveries and actors' turns.

use super::{
    Sim,
    flight::{Body, Flight, Path},
    queue::Event,
    seat::SimRuntime,
    trace::Kind,
};
use crate::{cell::Flow, report::Cause};

impl Sim {
    /// Lets the next event happen, if it does no later than `until`.
    pub(super) fn step(&mut self, until: u64) -> bool {
        let Some((time, event)) = self.world.queue.pop(until) else { return false };
        self.world.now = time;
        match event {
            Event::Arrival(key) => {
                let flight = self.world.flights.remove(key as usize);
                self.arrive(flight);
            }
            Event::Alarm(seat) => {
                let seats = &mut self.seats;
                if seats[seat as usize].as_mut().is_some_and(|seat| seat.hands.ring(time)) {
                    self.turn(seat);
                }
            }
            Event::Turn(seat) => {
                if let Some(at) = &mut self.seats[seat as usize] {
                    at.turn_is_set = false;
                }
                self.turn(seat);
            }
            Event::Connect(wire) => self.connect(wire),
            Event::GiveUp(wire) => self.world.give_up(wire),
            Event::Fault(key) | Event::NextFault(key) => self.trouble(key),
        }
        true
    }

    fn connect(&mut self, wire: u32) {
        if !self.world.connect(wire) {
            return;
        }
        let (held, lost) = self.world.wires[wire as usize].release(self.world.now);
        self.world.report_lost(wire, lost);
        for (_, flight) in held {
            self.arrive(flight);
        }
    }

    fn arrive(&mut self, flight: Flight) {
        match flight.path {
            Path::Local { system, life } => {
                if self.world.systems[system].life == life {
                    self.deliver(system, flight);
                } else {
                    self.lose(flight);
                }
            }
            Path::Wire { wire: index, epoch, .. } => {
                let wire = &self.world.wires[index as usize];
                match wire.connected {
                    _ if wire.epoch != epoch => self.lose(flight),
                    Some(system) if wire.passing => self.deliver(system, flight),
                    _ => self.world.hold(index, flight),
                }
            }
        }
    }

    fn lose(&mut self, flight: Flight) {
        self.world.lost(flight.number);
        if let Body::Bytes(bytes) = flight.body {
            self.world.recycle(bytes);
        }
    }

    fn deliver(&mut self, system: usize, mut flight: Flight) {
        self.world.systems[system].bytes_received += flight.len() as u64;
        match self.try_deliver(system, &mut flight) {
            Ok(seat) => {
                let (number, receiver) = (flight.number, flight.id.0);
                self.world.trace.note(self.world.now, Kind::Delivered, [number, receiver], || {
                    format!("#{number} arrives")
                });
                if let Body::Bytes(bytes) = flight.body {
                    self.world.recycle(bytes);
                }
                if let Some(seat) = seat {
                    self.turn(seat);
                }
            }
            Err(cause) => {
                let to = self.world.ref_in(system, &flight);
                self.world.undeliverable(system, &to, flight.body.message_type(), cause);
            }
        }
    }

    /// Puts a message where it belongs; gives the actor's seat if it is one's.
    fn try_deliver(&mut self, system: usize, flight: &mut Flight) -> Result<Option<u32>, Cause> {
        if !self.world.is_this_life(system, flight) {
            return Err(Cause::OtherIncarnation);
        }
        if flight.id.is_reply() {
            flight.body.answer(&self.world.systems[system].replies, flight.id)?;
            return Ok(None);
        }
        let index = self.world.seat_of(system, flight.id).ok_or(Cause::NoSuchActor)?;
        let seat = self.seats[index as usize].as_mut().ok_or(Cause::NoSuchActor)?;
        let actor = seat.actor.as_mut().ok_or(Cause::NoSuchActor)?;
        if let Path::Wire { wire, epoch, doubled: false } = flight.path
            && seat.accepts_duplicates
            && self.world.dice.chance(self.world.faults.duplication)
        {
            self.world.double(flight, wire, epoch);
        }
        flight.body.deliver(&mut **actor)?;
        Ok(Some(index))
    }

    /// Lets an actor do what it can do now: fire its timers, handle its mail.
    pub(super) fn turn(&mut self, index: u32) {
        let Sim { world, seats, .. } = self;
        let Some(seat) = &mut seats[index as usize] else { return };
        if seat.is_paused() {
            return;
        }
        loop {
            if seat.busy_until > world.now {
                if !seat.turn_is_set {
                    seat.turn_is_set = true;
                    world.queue.push(seat.busy_until, Event::Turn(index));
                }
                return;
            }
            seat.fire(world);
            let Some(actor) = &mut seat.actor else { break };
            if !actor.has_mail() {
                break;
            }
            let flow = actor.handle_next(&mut SimRuntime::new(world, &mut seat.hands));
            if flow == Flow::Stop {
                self.retire(index);
                return;
            }
            seat.busy_until = world.now + world.handler_time(seat.hands.system);
        }
        world.set_alarm(&mut seat.hands);
    }

    /// Takes an actor that has stopped off the list.
    pub(super) fn retire(&mut self, index: u32) {
        let Some(seat) = self.seats[index as usize].take() else { return };
        let system = &mut self.world.systems[seat.hands.system];
        system.actors.remove(&seat.hands.me.id);
        system.seats.retain(|&other| other != index);
        seat.counters.add_to(&mut system.retired);
        system.replies.end_questions_to(seat.hands.me.id);
    }
}
