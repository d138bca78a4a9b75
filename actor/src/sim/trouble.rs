//! Faults that chance brings.

use std::{ops::Range, time::Duration};

use super::{
    Sim, SystemId,
    faults::{Episodes, Faults},
    queue::Event,
    seat::SimRuntime,
    trace::Kind,
    wire::Wire,
    world::World,
};
use crate::cell::Flow;

/// A fault that is planned.
pub(super) struct Trouble {
    /// See [`World::era`].
    era: u32,
    what: What,
}

#[derive(Clone)]
enum What {
    Begin(Sort),
    Mend(Vec<u32>),
    Flap { wires: Vec<u32>, cut: bool, until: u64 },
    SpeedUp(u32),
    Restart { system: usize, life: u32 },
    Resume(u32),
    Hurry(usize),
}

/// A kind of faults that come again and again.
#[derive(Clone, Copy)]
enum Sort {
    Break,
    Partition,
    SlowLink,
    Crash,
    Panic,
    Pause,
    SlowSystem,
    ClockJump,
}

impl Sort {
    const ALL: [Sort; 8] = [
        Sort::Break,
        Sort::Partition,
        Sort::SlowLink,
        Sort::Crash,
        Sort::Panic,
        Sort::Pause,
        Sort::SlowSystem,
        Sort::ClockJump,
    ];

    fn every(self, faults: &Faults) -> Option<Duration> {
        match self {
            Sort::Break => faults.link_breaks,
            Sort::Panic => faults.panics,
            Sort::ClockJump => faults.clock_jumps,
            _ => self.episodes(faults).map(|episodes| episodes.every),
        }
    }

    fn episodes(self, faults: &Faults) -> Option<&Episodes> {
        match self {
            Sort::Partition => faults.partitions.as_ref(),
            Sort::SlowLink => faults.slow_links.as_ref(),
            Sort::Crash => faults.crashes.as_ref(),
            Sort::Pause => faults.pauses.as_ref(),
            Sort::SlowSystem => faults.slow_systems.as_ref(),
            Sort::Break | Sort::Panic | Sort::ClockJump => None,
        }
    }
}

/// How long a flapping link stays as it is.
const FLAP: Range<Duration> = Duration::from_millis(20)..Duration::from_millis(1000);

impl Sim {
    /// Plans the first of each sort of faults; what was planned before does not happen.
    pub(super) fn plan_troubles(&mut self) {
        self.world.era += 1;
        for sort in Sort::ALL {
            self.world.plan_next(sort);
        }
    }

    /// Lets a planned fault happen.
    pub(super) fn trouble(&mut self, key: u32) {
        let Trouble { era, what } = self.world.troubles.remove(key as usize);
        if era != self.world.era && !matches!(what, What::Restart { .. }) {
            return;
        }
        match what {
            What::Begin(sort) => {
                self.begin(sort);
                self.world.plan_next(sort);
            }
            What::Mend(wires) => self.world.mend_all(&wires),
            What::Flap { wires, cut, until } => self.world.flap(wires, cut, until),
            What::SpeedUp(wire) => self.world.wires[wire as usize].slowed -= 1,
            What::Restart { system, life } => {
                if self.world.systems[system].life == life {
                    self.restart(SystemId(system));
                }
            }
            What::Resume(seat) => {
                if let Some(at) = &mut self.seats[seat as usize] {
                    at.pauses -= 1;
                    self.turn(seat);
                }
            }
            What::Hurry(system) => self.world.systems[system].slowed -= 1,
        }
    }

    fn begin(&mut self, sort: Sort) {
        let world = &mut self.world;
        if world.systems.is_empty() {
            return;
        }
        let system = world.dice.index(world.systems.len());
        let lasting = sort.episodes(&world.faults).map(|episodes| episodes.lasting.clone());
        let lasting = lasting.map_or(0, |range| world.dice.duration(&range));
        match sort {
            Sort::Partition => world.begin_partition(system, lasting),
            Sort::Break => {
                if let Some(wire) = world.any_wire(system) {
                    world.break_wire(wire, "broken by chance");
                }
            }
            Sort::SlowLink => {
                if let Some(wire) = world.any_wire(system) {
                    world.wires[wire as usize].slowed += 1;
                    world.plan(lasting, What::SpeedUp(wire));
                }
            }
            Sort::SlowSystem => {
                world.systems[system].slowed += 1;
                world.note_system(system, 2, "gets slow");
                world.plan(lasting, What::Hurry(system));
            }
            Sort::ClockJump => {
                let limit = i64::try_from(world.faults.clock_jump.as_millis()).unwrap_or(i64::MAX / 4);
                let by = world.dice.either_way(limit);
                self.jump_clock(SystemId(system), by);
            }
            Sort::Crash => {
                if world.systems[system].is_up {
                    self.crash(SystemId(system));
                    let life = self.world.systems[system].life;
                    self.world.plan(lasting, What::Restart { system, life });
                }
            }
            Sort::Panic => {
                if let Some(seat) = world.any_seat(system) {
                    self.panic_at(seat);
                }
            }
            Sort::Pause => {
                if let Some(index) = world.any_seat(system)
                    && let Some(seat) = &mut self.seats[index as usize]
                {
                    seat.pauses += 1;
                    let me = &seat.hands.me;
                    let line = || format!("{me:?} pauses");
                    world.trace.note(world.now, Kind::Actor, [index.into(), 1], line);
                    world.plan(lasting, What::Resume(index));
                }
            }
        }
    }

    /// Makes an actor panic.
    pub(super) fn panic_at(&mut self, index: u32) {
        let Sim { world, seats, .. } = self;
        let Some(seat) = &mut seats[index as usize] else { return };
        let Some(actor) = &mut seat.actor else { return };
        let flow = actor.fail(&mut SimRuntime::new(world, &mut seat.hands));
        if flow == Flow::Stop {
            self.retire(index);
        } else {
            self.turn(index);
        }
    }

    /// Ends what random faults have begun and not yet ended.
    pub(super) fn end_troubles(&mut self) {
        self.world.era += 1;
        for index in 0..self.world.wires.len() as u32 {
            self.world.wires[index as usize].slowed = 0;
            self.world.mend(index, |wire| wire.cuts = 0);
        }
        for system in &mut self.world.systems {
            system.slowed = 0;
        }
        for index in 0..self.seats.len() as u32 {
            if let Some(seat) = &mut self.seats[index as usize] {
                seat.pauses = 0;
                self.turn(index);
            }
        }
    }
}

impl World {
    fn plan_next(&mut self, sort: Sort) {
        if let Some(every) = sort.every(&self.faults) {
            let at = self.now + self.dice.wait(every);
            let key = self.troubles.insert(Trouble { era: self.era, what: What::Begin(sort) });
            self.queue.push(at, Event::NextFault(key as u32));
        }
    }

    fn plan(&mut self, after: u64, what: What) {
        let key = self.troubles.insert(Trouble { era: self.era, what });
        self.queue.push(self.now + after, Event::Fault(key as u32));
    }

    /// The wires between two systems, one way.
    pub(super) fn wire_to(&mut self, from: usize, to: usize) -> u32 {
        let to = self.systems[to].name;
        self.wire(from, to)
    }

    fn any_wire(&mut self, from: usize) -> Option<u32> {
        let to = self.another_system(from)?;
        Some(self.wire_to(from, to))
    }

    fn another_system(&mut self, but: usize) -> Option<usize> {
        let others = self.systems.len().checked_sub(1).filter(|&others| others > 0)?;
        let other = self.dice.index(others);
        Some(other + usize::from(other >= but))
    }

    fn any_seat(&mut self, system: usize) -> Option<u32> {
        let seats = &self.systems[system].seats;
        let chosen = self.dice.index(seats.len());
        seats.get(chosen).copied()
    }

    fn begin_partition(&mut self, system: usize, lasting: u64) {
        let Some(other) = self.another_system(system) else { return };
        let count = self.systems.len();
        let sort = self.dice.below(5);
        let in_half: Vec<bool> = (0..count).map(|_| self.dice.below(2) == 0).collect();
        let cut = |from: usize, to: usize| match sort {
            0 => (from, to) == (system, other),
            1 | 2 => (from, to) == (system, other) || (from, to) == (other, system),
            3 => from == system || to == system,
            _ => in_half[from] != in_half[to],
        };
        let mut wires = Vec::new();
        for from in 0..count {
            for to in (0..count).filter(|&to| to != from && cut(from, to)) {
                wires.push(self.wire_to(from, to));
            }
        }
        if sort == 2 {
            self.flap(wires, true, self.now + lasting);
        } else {
            self.cut_all(&wires);
            self.plan(lasting, What::Mend(wires));
        }
    }

    fn flap(&mut self, wires: Vec<u32>, cut: bool, until: u64) {
        if cut {
            self.cut_all(&wires);
        } else {
            self.mend_all(&wires);
        }
        if cut || self.now < until {
            let pause = self.dice.duration(&FLAP);
            self.plan(pause, What::Flap { wires, cut: !cut, until });
        }
    }

    fn cut_all(&mut self, wires: &[u32]) {
        for &wire in wires {
            self.cut(wire, |wire: &mut Wire| wire.cuts += 1);
        }
    }

    fn mend_all(&mut self, wires: &[u32]) {
        for &wire in wires {
            self.mend(wire, |wire: &mut Wire| wire.cuts -= 1);
        }
    }

    pub(super) fn note_system(&mut self, system: usize, what: u64, text: &str) {
        let address = &self.systems[system].address;
        let line = || format!("{address} {text}");
        self.trace.note(self.now, Kind::System, [system as u64, what], line);
    }
}
