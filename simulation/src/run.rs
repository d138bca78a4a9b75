//! Carrying a plan out.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use actor::Report as Trouble;
use actor::sim::TraceHash;
use kvcommon::Stamp;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::client::Client;
use crate::cluster::{Cluster, Place};
use crate::gauge::Gauges;
use crate::history::{ClientId, History};
use crate::invariant::{Invariant, Violation};
use crate::plan::{Ending, Plan, Profile};
use crate::probe::Probes;
use crate::survey::Survey;

/// How long replicas may take to become equal once everything is well.
const CONVERGES_WITHIN: Duration = Duration::from_secs(60);

/// So often clients are looked after.
const TICK: Duration = Duration::from_millis(5);

/// The most messages of a pair in any half-open second.
const BUDGET: u64 = 10;

/// A run that showed nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// What happened, as a hash.
    pub trace: TraceHash,
    /// How many queries were answered with what was asked for.
    pub answers: u64,
    /// How long it took from the heal until all replicas were equal, in steps of half a second.
    pub converged: Duration,
}

/// A run that showed something wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What.
    pub violation: Violation,
    /// When.
    pub at: Duration,
    /// The last events before it, if they were kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:?}: {}", self.at, self.violation)
    }
}

/// Carries out a plan. The last `trace` events are kept as text, for a failure.
///
/// # Errors
///
/// The first violation of an invariant.
pub fn run(plan: &Plan, trace: usize) -> Result<Report, Box<Failure>> {
    let mut run = Run::start(plan, trace);
    run.carry_out().map_err(|violation| {
        let sim = &run.cluster.sim;
        let trace = sim.trace().map(str::to_owned).collect();
        Box::new(Failure { violation, at: sim.elapsed(), trace })
    })
}

struct Run<'a> {
    plan: &'a Plan,
    dice: Xoshiro256PlusPlus,
    cluster: Cluster,
    history: History,
    clients: Vec<Client>,
    probes: Probes,
    gauges: Gauges,
    /// Whether nothing is wrong, so that writes must be visible in time.
    probing: bool,
    /// Whether clients ask, so that servers may end.
    begun: bool,
}

impl<'a> Run<'a> {
    fn start(plan: &'a Plan, trace: usize) -> Self {
        // Other numbers than the simulator draws from the same seed.
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(!plan.seed);
        let mut cluster = Cluster::new(plan, trace);
        cluster.start_next(plan, &mut dice);
        let clients = (0..plan.clients).map(|id| Client::new(ClientId(id))).collect();
        let (history, probes, gauges) = <(History, Probes, Gauges)>::default();
        let probing = plan.profile == Profile::None;
        Self { plan, dice, cluster, history, clients, probes, gauges, probing, begun: false }
    }

    fn carry_out(&mut self) -> Result<Report, Violation> {
        if self.probing {
            // The promises in milliseconds are made for servers that have joined.
            while self.cluster.servers() < self.plan.servers.len() {
                self.cluster.start_next(self.plan, &mut self.dice);
            }
            let places = self.cluster.places();
            self.converge(&places)?;
        }
        self.begun = true;
        self.go_on(self.plan.lasting, None)?;
        self.cluster.heal();
        let places = self.cluster.places();
        let converged = self.settle(&places)?;
        self.come_to_rest()?;
        self.gauges.check_end(&mut self.cluster, self.plan)?;
        if self.plan.ending == Ending::OneStaysAway {
            self.one_goes_away()?;
        }
        if self.history.answers() == 0 && self.plan.lasting > 4 * self.plan.every {
            return Err(Violation::new(Invariant::Progress, "no query was answered"));
        }
        let (trace, answers) = (self.cluster.sim.trace_hash(), self.history.answers());
        Ok(Report { trace, answers, converged })
    }

    /// Lets clients ask for a while: those at `places`, if there are only some.
    fn go_on(&mut self, lasting: Duration, places: Option<&[Place]>) -> Result<(), Violation> {
        let end = self.cluster.sim.elapsed() + lasting;
        while self.cluster.sim.elapsed() < end {
            let next = self.plan.servers.get(self.cluster.servers());
            if next.is_some_and(|next| next.starts <= self.cluster.sim.elapsed()) {
                self.cluster.start_next(self.plan, &mut self.dice);
            }
            self.cluster.end_some(self.plan);
            let all = self.cluster.places();
            self.tick(places.unwrap_or(&all))?;
        }
        // Whoever ends in the last moment is expected of nobody either.
        self.cluster.end_some(self.plan);
        Ok(())
    }

    /// A moment in which clients ask actors at `places`, or wait only if there are none.
    fn tick(&mut self, places: &[Place]) -> Result<(), Violation> {
        let Self { plan, dice, cluster, history, clients, probes, gauges, probing, .. } = self;
        cluster.sim.run_for(TICK);
        let now = cluster.sim.elapsed();
        for client in clients {
            for written in client.listen(cluster, history)? {
                if *probing {
                    probes.add(&written, now);
                }
            }
            if !places.is_empty() {
                client.ask(plan, places, cluster, history, dice);
            }
        }
        probes.look(cluster)?;
        gauges.look(cluster, plan)?;
        self.check_runtime()
    }

    /// Lets the last queries be answered and the actors at `places` become equal, and checks what
    /// they have come to; gives how long it took.
    fn settle(&mut self, places: &[Place]) -> Result<Duration, Violation> {
        while self.clients.iter().any(Client::is_waiting) || self.probes.is_waiting() {
            self.tick(&[])?;
        }
        let keys = self.plan.keys;
        let floor = Survey::take(&mut self.cluster, places, keys, &mut self.history)?;
        let (last, converged) = self.converge(places)?;
        self.check_end(&floor, &last)?;
        Ok(converged)
    }

    /// Lets the others go on without one actor, or one server, and become equal.
    fn one_goes_away(&mut self) -> Result<(), Violation> {
        self.probing = false;
        let mut places = self.cluster.places();
        let away = places[self.dice.random_range(0..places.len())];
        if self.plan.servers.len() > 1 {
            self.cluster.isolate(away.server);
            places.retain(|place| place.server != away.server);
        } else {
            let actor = self.cluster.actor(away);
            self.cluster.sim.pause(&actor);
            places.retain(|place| *place != away);
        }
        let before = self.history.answers();
        self.go_on(self.plan.lasting, Some(&places))?;
        self.settle(&places)?;
        if self.history.answers() == before {
            return Err(Violation::new(Invariant::Progress, "no query was answered any more"));
        }
        Ok(())
    }

    /// Waits until the replicas at `places` are equal and ready.
    fn converge(&mut self, places: &[Place]) -> Result<(Survey, Duration), Violation> {
        let begin = self.cluster.sim.elapsed();
        loop {
            let keys = self.plan.keys;
            let survey = Survey::take(&mut self.cluster, places, keys, &mut self.history)?;
            let Some(difference) = survey.difference(places) else {
                return Ok((survey, self.cluster.sim.elapsed() - begin));
            };
            if self.cluster.sim.elapsed() > begin + CONVERGES_WITHIN {
                return Err(difference);
            }
            self.wait()?;
        }
    }

    /// Lets half a second pass.
    fn wait(&mut self) -> Result<(), Violation> {
        self.cluster.sim.run_for(Duration::from_millis(500));
        if self.begun {
            self.cluster.end_some(self.plan);
        }
        self.check_runtime()
    }

    /// Waits until nothing is kept any more that is of no use: all streams have come to their end,
    /// all tombstones are collected.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        let begin = self.cluster.sim.elapsed();
        loop {
            let unrest = self.gauges.unrest(&mut self.cluster, self.plan)?;
            let Some(unrest) = unrest else { return Ok(()) };
            if self.cluster.sim.elapsed() > begin + self.plan.rests_within() {
                return Err(Violation::new(Invariant::Progress, unrest));
            }
            self.wait()?;
        }
    }

    fn check_end(&self, floor: &Survey, survey: &Survey) -> Result<(), Violation> {
        let last = survey.newest();
        // A server that had missed deletions begins anew, and sets aside what it held.
        let still = |place: &Place| survey.0.get(place).map(|replica| replica.epoch);
        let still = floor.0.iter().filter(|(place, held)| still(place) == Some(held.epoch));
        for (key, seen) in still.flat_map(|(_, replica)| &replica.seen) {
            let stamp = &seen.stamp;
            if last.get(key) < Some(stamp) && !self.is_collected(&last, key, *stamp) {
                let seen = format!("{key} was at {stamp} and is now at {:?}", last.get(key));
                return Err(Violation::new(Invariant::NotForgotten, seen));
            }
        }
        for (key, seen) in survey.0.values().flat_map(|replica| &replica.seen) {
            if seen.value.is_some() {
                self.history.is_beyond_collected(key, seen.stamp)?;
            }
        }
        for (epoch, key, stamp) in self.history.shown() {
            let lives = survey.0.get(&epoch.place).is_some_and(|replica| replica.epoch == epoch);
            if lives && last.get(key) < Some(&stamp) && !self.is_collected(&last, key, stamp) {
                let seen = format!("{epoch:?} had {key} at {stamp}, now {:?}", last.get(key));
                return Err(Violation::new(Invariant::NotLost, seen));
            }
        }
        Ok(())
    }

    /// Whether nothing is known of a key any more since it was deleted at that stamp, or after it.
    fn is_collected(&self, last: &BTreeMap<String, Stamp>, key: &str, stamp: Stamp) -> bool {
        !last.contains_key(key) && self.history.may_be_collected(key, stamp)
    }

    /// What the runtime has counted and reported.
    fn check_runtime(&self) -> Result<(), Violation> {
        for server in 0..self.cluster.servers() {
            let system = self.cluster.system(server);
            let rate = self.cluster.sim.stats(system).max_message_rate;
            if rate > BUDGET {
                let seen = format!("{rate} messages in a second of an actor of server {server}");
                return Err(Violation::new(Invariant::Budget, seen));
            }
            for (_, trouble) in self.cluster.sim.reports(system) {
                if let Trouble::Panicked { panic, .. } = trouble
                    && !panic.contains("made by the simulator")
                {
                    return Err(Violation::new(Invariant::Progress, trouble.to_string()));
                }
            }
        }
        Ok(())
    }
}
