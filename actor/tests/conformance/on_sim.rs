//! The simulator: one system, or two under one virtual clock.

use std::{ops::Range, time::Duration};

use actor::{
    ActorRef, Report, WellKnown,
    sim::{Faults, Sim, SystemId},
};

use crate::{
    probe::{Probe, Say},
    world::{
        Place::{self, Here, There},
        World,
    },
};

pub struct SimWorld {
    sim: Sim,
    here: SystemId,
    there: SystemId,
    one_way: Duration,
}

impl SimWorld {
    pub fn one_system(seed: u64) -> Self {
        let mut sim = Sim::new(seed, Faults::none());
        let here = sim.add_system("here:1", |_, _| {});
        SimWorld { sim, here, there: here, one_way: Duration::ZERO }
    }

    pub fn two_systems(seed: u64, one_way: Duration) -> Self {
        let mut sim = Sim::new(seed, Faults::none());
        let here = sim.add_system("here:1", |_, _| {});
        let there = sim.add_system("there:1", |_, _| {});
        let latency: Range<Duration> = one_way..one_way + Duration::from_millis(1);
        sim.set_latency(here, there, &latency);
        sim.set_latency(there, here, &latency);
        SimWorld { sim, here, there, one_way }
    }

    fn system(&self, at: Place) -> SystemId {
        match at {
            Here => self.here,
            There => self.there,
        }
    }

    fn patience(&self) -> Duration {
        6 * self.one_way + Duration::from_millis(500)
    }
}

impl World for SimWorld {
    fn spawn(&mut self, at: Place, id: Option<WellKnown>) -> ActorRef<Say> {
        let system = self.system(at);
        match id {
            Some(id) => self.sim.spawn_well_known(system, id, Probe::default),
            None => self.sim.spawn(system, Probe::default),
        }
    }

    fn tell(&mut self, from: Place, to: &ActorRef<Say>, say: Say) {
        self.sim.tell(self.system(from), to, say);
    }

    fn read(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>> {
        let answer = self.sim.ask(self.system(from), probe, Say::Read);
        self.sim.run_until_answer(answer, self.patience())
    }

    fn read_twice(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>> {
        let system = self.system(from);
        let (reply_to, answer) = self.sim.reply_ref(system);
        let bytes = postcard::to_stdvec(&reply_to).expect("plain data");
        let twin = postcard::from_bytes(&bytes).expect("what was written");
        self.sim.tell(system, probe, Say::Read(reply_to));
        self.sim.tell(system, probe, Say::Read(twin));
        self.sim.run_until_answer(answer, self.patience())
    }

    fn pass(&mut self, time: Duration) {
        self.sim.run_for(time);
    }

    fn latency(&self) -> Duration {
        self.one_way
    }

    fn shut_down(&mut self, at: Place) {
        self.sim.crash(self.system(at));
    }

    fn restart(&mut self, at: Place) {
        self.sim.restart(self.system(at));
    }

    fn reports(&self, at: Place) -> Vec<Report> {
        self.sim.reports(self.system(at)).iter().map(|(_, report)| report.clone()).collect()
    }
}
