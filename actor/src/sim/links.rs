//! Connections between systems: how they come, hold, and break.

use std::time::Duration;

use super::{
    dice::nanos,
    flight::Flight,
    queue::Event,
    trace::Kind,
    wire::Wire,
    world::World,
};
use crate::report::Report;

/// A wire that brings nothing for so long is given up, as the real link does it.
const DEAD_AFTER: Duration = crate::link::DEAD_AFTER;

/// Until the first message on a new connection arrives, so many others had to: TCP's and the link's
/// handshakes, each there and back.
const HANDSHAKES: u32 = 4;

impl World {
    /// Takes a wire into use.
    pub(super) fn use_wire(&mut self, index: u32) {
        let wire = &mut self.wires[index as usize];
        wire.used = true;
        let (from, to) = (wire.from, wire.to);
        if self.claimants[to].iter().any(|&system| self.systems[system].is_up) {
            self.connect_later(index, false);
        } else {
            let (peer, cause) = (self.text_of(to), "nobody is there".to_owned());
            self.report(from, Report::LinkFailed { peer, cause });
        }
    }

    /// Plans to let a wire pass, if anything is to be sent on it and nothing is in the way.
    fn connect_later(&mut self, index: u32, again: bool) {
        let wire = &self.wires[index as usize];
        if !wire.used || wire.passing || wire.is_cut() || wire.connect_at.is_some() {
            return;
        }
        if !self.systems[wire.from].is_up {
            return;
        }
        let mut at = self.now + 1;
        if again {
            at += self.dice.duration(&self.faults.reconnect);
        }
        if wire.connected.is_none() {
            if !self.claimants[wire.to].iter().any(|&system| self.systems[system].is_up) {
                return; // tried again when one is started
            }
            for _ in 0..HANDSHAKES {
                at += self.latency_of(index);
            }
        }
        self.wires[index as usize].connect_at = Some(at);
        self.queue.push(at, Event::Connect(index));
    }

    /// Lets a wire pass, if that was planned and nothing has come in the way. The caller then delivers what
    /// was held.
    pub(super) fn connect(&mut self, index: u32) -> bool {
        let now = self.now;
        let wire = &mut self.wires[index as usize];
        if wire.connect_at.take_if(|at| *at == now).is_none() || wire.is_cut() {
            return false;
        }
        if wire.connected.is_none() {
            let claimants = &self.claimants[wire.to];
            let up: Vec<_> =
                claimants.iter().copied().filter(|&system| self.systems[system].is_up).collect();
            // With a twin, chance decides who is found at the address.
            let chosen = if up.len() > 1 { self.dice.index(up.len()) } else { 0 };
            let Some(&target) = up.get(chosen) else { return false };
            wire.connected = Some(target);
        }
        wire.passing = true;
        self.note_link(index, 0, "passes");
        true
    }

    /// Breaks a connection with everything that is on its way.
    pub(super) fn break_wire(&mut self, index: u32, cause: &str) {
        let wire = &mut self.wires[index as usize];
        wire.connect_at = None;
        let (from, to) = (wire.from, wire.to);
        if wire.lose_connection() {
            self.note_link(index, 1, cause);
            if self.systems[from].is_up {
                let peer = self.text_of(to);
                self.report(from, Report::LinkFailed { peer, cause: cause.to_owned() });
            }
        }
        self.connect_later(index, true);
    }

    /// Lets nothing through from now on. The connection lives as long as nobody notices.
    pub(super) fn cut(&mut self, index: u32, set: impl FnOnce(&mut Wire)) {
        let wire = &mut self.wires[index as usize];
        let was_cut = wire.is_cut();
        set(wire);
        if was_cut {
            return;
        }
        wire.passing = false;
        wire.connect_at = None;
        if wire.connected.is_some() {
            let at = self.now + nanos(DEAD_AFTER);
            wire.give_up_at = Some(at);
            self.queue.push(at, Event::GiveUp(index));
        }
        self.note_link(index, 2, "is cut");
    }

    /// Undoes [`cut`](World::cut), unless there is another.
    pub(super) fn mend(&mut self, index: u32, unset: impl FnOnce(&mut Wire)) {
        let wire = &mut self.wires[index as usize];
        let was_cut = wire.is_cut();
        unset(wire);
        if !was_cut || wire.is_cut() {
            return;
        }
        wire.give_up_at = None;
        self.note_link(index, 3, "is mended");
        self.connect_later(index, true);
    }

    pub(super) fn give_up(&mut self, index: u32) {
        let now = self.now;
        if self.wires[index as usize].give_up_at.take_if(|at| *at == now).is_some() {
            self.break_wire(index, "nothing came for too long");
        }
    }

    /// Keeps a message that arrived at a wire which lets nothing through.
    pub(super) fn hold(&mut self, index: u32, flight: Flight) {
        let number = flight.number;
        self.trace.note(self.now, Kind::Held, [number, 0], || format!("#{number} waits"));
        let lost = self.wires[index as usize].hold(self.now, flight);
        self.report_lost(index, lost);
    }

    pub(super) fn report_lost(&mut self, index: u32, messages: u64) {
        if messages > 0 {
            let Wire { from, to, .. } = self.wires[index as usize];
            let peer = self.text_of(to);
            let cause = "the other system could not be reached";
            self.report(from, Report::Lost { peer, messages, cause });
        }
    }

    /// Ends the connections of a system that has stopped. What it had sent may still arrive, or not.
    pub(super) fn disconnect(&mut self, system: usize) {
        for index in 0..self.wires.len() as u32 {
            let wire = &self.wires[index as usize];
            if wire.connected == Some(system) {
                self.break_wire(index, "the other end is gone");
            } else if wire.from == system && (!wire.passing || self.dice.chance(0.5)) {
                self.wires[index as usize].abandon();
            }
        }
    }

    /// Makes way for a system that starts.
    pub(super) fn reconnect(&mut self, system: usize) {
        let name = self.systems[system].name;
        for index in 0..self.wires.len() as u32 {
            let wire = &mut self.wires[index as usize];
            if wire.from == system {
                // What the earlier life sent must not come after what this one sends.
                wire.abandon();
                wire.used = false;
            } else if wire.to == name {
                self.connect_later(index, true);
            }
        }
    }

    fn latency_of(&mut self, index: u32) -> u64 {
        let usual = super::dice::Span::new(&self.faults.latency);
        self.wires[index as usize].latency(usual, &mut self.dice)
    }

    fn text_of(&self, name: usize) -> String {
        self.addresses[name].to_string()
    }

    fn note_link(&mut self, index: u32, what: u64, text: &str) {
        let wire = &self.wires[index as usize];
        let (from, to) = (&self.systems[wire.from].address, &self.addresses[wire.to]);
        let line = || format!("the link {from} -> {to} {text}");
        self.trace.note(self.now, Kind::Link, [u64::from(index), what], line);
    }
}
