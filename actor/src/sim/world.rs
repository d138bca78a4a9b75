//! Everything of a simulation but its actors: what a handler acts on.

use std::{collections::BTreeMap, time::Duration};

use slab::Slab;

use super::{
    dice::{Dice, Span},
    faults::Faults,
    flight::{Body, Flight, Path},
    queue::{Event, Queue},
    seat::{Hands, Pair, Route},
    system::SystemState,
    trace::{Kind, Trace, digest},
    trouble::Trouble,
    wire::Wire,
};
use crate::{
    Address, MAX_REMOTE_MESSAGE_BYTES, Now,
    load::Load,
    refs::{ActorId, RawRef},
    report::{Cause, Report},
};

pub(super) struct World {
    /// Nanoseconds since the world began.
    pub(super) now: u64,
    pub(super) dice: Dice,
    pub(super) faults: Faults,
    pub(super) queue: Queue,
    pub(super) trace: Trace,
    pub(super) systems: Vec<SystemState>,
    pub(super) wires: Vec<Wire>,
    pub(super) flights: Slab<Flight>,
    pub(super) troubles: Slab<Trouble>,
    /// Faults planned before this was raised do not happen.
    pub(super) era: u32,
    /// The systems that claim each address; the second and later are twins.
    pub(super) claimants: Vec<Vec<usize>>,
    names: BTreeMap<Address, usize>,
    /// The addresses, by their index.
    pub(super) addresses: Vec<Address>,
    wire_between: BTreeMap<(usize, usize), u32>,
    local_delay: Span,
    latency: Span,
    messages: u64,
    /// Buffers of messages that have arrived, for those to come.
    spare: Vec<Vec<u8>>,
}

/// So many buffers are kept, of at most so many bytes.
const MAX_SPARE: usize = 1024;
const MAX_SPARE_BYTES: usize = 4096;

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        World {
            now: 0,
            dice: Dice::new(seed),
            local_delay: Span::new(&faults.local_delay),
            latency: Span::new(&faults.latency),
            faults,
            queue: Queue::default(),
            trace: Trace::default(),
            systems: Vec::new(),
            wires: Vec::new(),
            flights: Slab::new(),
            troubles: Slab::new(),
            era: 0,
            claimants: Vec::new(),
            names: BTreeMap::new(),
            addresses: Vec::new(),
            wire_between: BTreeMap::new(),
            messages: 0,
            spare: Vec::new(),
        }
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.local_delay = Span::new(&faults.local_delay);
        self.latency = Span::new(&faults.latency);
        self.faults = faults;
    }

    pub(super) fn now_in(&self, system: usize) -> Now {
        let system = &self.systems[system];
        Now {
            wall_millis: system.clock.millis(self.now),
            elapsed: Duration::from_nanos(self.now - system.started),
        }
    }

    /// The index of an address.
    pub(super) fn name(&mut self, address: &Address) -> usize {
        if let Some(&name) = self.names.get(address) {
            return name;
        }
        self.names.insert(address.clone(), self.claimants.len());
        self.addresses.push(address.clone());
        self.claimants.push(Vec::new());
        self.claimants.len() - 1
    }

    /// The wire from a system to an address.
    pub(super) fn wire(&mut self, from: usize, to: usize) -> u32 {
        let next = self.wires.len() as u32;
        let wire = *self.wire_between.entry((from, to)).or_insert(next);
        if wire == next {
            self.wires.push(Wire::new(from, to));
        }
        wire
    }

    /// Sends a message on its way, or reports why it cannot go.
    pub(super) fn send(&mut self, hands: &mut Hands, to: &RawRef, load: &mut dyn Load) {
        if let Err(cause) = self.try_send(hands, to, load) {
            self.undeliverable(hands.system, to, load.message_type(), cause);
        }
    }

    fn try_send(
        &mut self,
        hands: &mut Hands,
        to: &RawRef,
        load: &mut dyn Load,
    ) -> Result<(), Cause> {
        let system = &mut self.systems[hands.system];
        system.external += u64::from(load.is_external());
        if !system.is_up {
            return Err(Cause::Closed);
        }
        let mut once = Pair { route: Route::Local, latest: 0 };
        let pair = if to.id.is_reply() {
            once.route = self.route(hands.system, &to.address); // one message makes no order
            &mut once
        } else {
            match hands.pairs.get_mut(to) {
                Some(pair) => pair,
                None => {
                    let route = self.route(hands.system, &to.address);
                    hands.pairs.entry(to.clone()).or_insert(Pair { route, latest: 0 })
                }
            }
        };
        let encoded = load.encode_into(self.spare.pop().unwrap_or_default());
        self.messages += 1;
        let (number, now, from) = (self.messages, self.now, &hands.me);
        let content = encoded.as_ref().map_or(0, |bytes| digest(bytes));
        let receiver = u64::from(hands.seat) << 32 ^ to.id.0 ^ to.incarnation.0;
        self.trace.note(now, Kind::Sent, [receiver, content], || {
            format!("#{number} {from:?} -> {to:?}: {}", load.message_type())
        });
        let (at, path, body) = match pair.route {
            Route::Local => {
                if let Ok(bytes) = encoded {
                    self.recycle(bytes);
                }
                let at = now + self.dice.draw(self.local_delay).max(1);
                let life = self.systems[hands.system].life;
                (at, Path::Local { system: hands.system, life }, Body::Value(load.detach()))
            }
            Route::Wire(wire) => {
                let bytes = encoded?;
                if bytes.len() > MAX_REMOTE_MESSAGE_BYTES {
                    return Err(Cause::TooLarge);
                }
                if self.dice.chance(self.faults.message_loss) {
                    self.lost(number);
                    self.recycle(bytes);
                    return Ok(());
                }
                let (at, epoch) = self.depart(wire, bytes.len());
                (at, Path::Wire { wire, epoch, doubled: false }, Body::Bytes(bytes))
            }
        };
        pair.latest = pair.latest.max(at);
        let at = pair.latest;
        self.fly(at, Flight { number, id: to.id, incarnation: to.incarnation, path, body });
        Ok(())
    }

    fn route(&mut self, from: usize, address: &Address) -> Route {
        if address.is(&self.systems[from].address) {
            return Route::Local;
        }
        let name = self.name(address);
        Route::Wire(self.wire(from, name))
    }

    /// When a message that is sent now arrives at the other end of a wire.
    fn depart(&mut self, index: u32, bytes: usize) -> (u64, u32) {
        let wire = &mut self.wires[index as usize];
        let departure = wire.departure(self.now, bytes, self.faults.slow_link_bytes_per_second);
        let mut at = departure + wire.latency(self.latency, &mut self.dice);
        let epoch = wire.epoch;
        if !wire.used {
            self.use_wire(index);
        }
        if self.dice.chance(self.faults.spikes) {
            at += self.dice.duration(&self.faults.spike);
        }
        (at, epoch)
    }

    pub(super) fn fly(&mut self, at: u64, flight: Flight) {
        let key = self.flights.insert(flight);
        self.queue.push(at, Event::Arrival(key as u32));
    }

    /// A second copy of a message that has arrived over a wire.
    pub(super) fn double(&mut self, flight: &Flight, wire: u32, epoch: u32) {
        let Body::Bytes(bytes) = &flight.body else { return };
        let again = Flight {
            path: Path::Wire { wire, epoch, doubled: true },
            body: Body::Bytes(bytes.clone()),
            ..*flight
        };
        let at = self.now + self.dice.draw(self.latency).max(1);
        self.fly(at, again);
    }

    /// Sets the alarm of a seat for its next timer.
    pub(super) fn set_alarm(&mut self, hands: &mut Hands) {
        let Some(due) = hands.due_before_alarm() else { return };
        let mut at = due.max(self.now + 1);
        if self.dice.chance(self.faults.late_timers) {
            at += self.dice.duration(&self.faults.late_by);
        }
        hands.set_alarm(due, at);
        self.queue.push(at, Event::Alarm(hands.seat));
    }

    /// How long a message takes an actor of a system.
    pub(super) fn handler_time(&mut self, system: usize) -> u64 {
        let SystemState { handler_time, slowed, .. } = self.systems[system];
        if slowed == 0 {
            return handler_time;
        }
        handler_time.max(self.dice.duration(&self.faults.slow_handler))
    }

    pub(super) fn lost(&mut self, number: u64) {
        self.trace.note(self.now, Kind::Lost, [number, 0], || format!("#{number} is lost"));
    }

    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < MAX_SPARE && bytes.capacity() <= MAX_SPARE_BYTES {
            self.spare.push(bytes);
        }
    }

    #[cold]
    pub(super) fn undeliverable(
        &mut self,
        system: usize,
        to: &RawRef,
        message_type: &'static str,
        cause: Cause,
    ) {
        self.report(system, Report::Undeliverable { to: to.uid(), message_type, cause });
    }

    pub(super) fn report(&mut self, system: usize, report: Report) {
        let state = &mut self.systems[system];
        let address = &state.address;
        let content = digest(report.to_string().as_bytes());
        self.trace.note(self.now, Kind::Report, [system as u64, content], || {
            format!("{address} reports: {report}")
        });
        state.keep_report(Duration::from_nanos(self.now), report);
    }

    /// The ref of an actor of a system, for a report.
    pub(super) fn ref_in(&self, system: usize, flight: &Flight) -> RawRef {
        let Flight { id, incarnation, .. } = *flight;
        RawRef { address: self.systems[system].address.clone(), incarnation, id }
    }

    /// Whether a ref of this incarnation means the present life of a system.
    pub(super) fn is_this_life(&self, system: usize, flight: &Flight) -> bool {
        let any_life = flight.id.is_well_known() && flight.incarnation == crate::Incarnation::ANY;
        any_life || flight.incarnation == self.systems[system].incarnation
    }

    /// The seat of an actor.
    pub(super) fn seat_of(&self, system: usize, id: ActorId) -> Option<u32> {
        self.systems[system].actors.get(&id).copied()
    }
}
