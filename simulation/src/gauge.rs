//! What the actors say of themselves: what they keep for others, and what came for nothing.

use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use actor::Reply;
use actor::sim::Sim;
use kvserver::query_actor::{Health, Traffic};

use crate::cluster::{Cluster, Place};
use crate::invariant::{Invariant, Violation};
use crate::plan::{Plan, Profile};

/// So often every actor is asked.
const EVERY: Duration = Duration::from_secs(1);

/// An actor that does not answer for so long is left out at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whoever is asked, now and then.
#[derive(Default)]
pub struct Gauges {
    next: Duration,
    asked: Vec<(Place, Reply<Health>)>,
}

impl Gauges {
    /// Asks when it is time to, and looks at the answers that have come.
    pub fn look(&mut self, cluster: &mut Cluster, plan: &Plan) -> Result<(), Violation> {
        let now = cluster.sim.elapsed();
        if self.next <= now {
            self.next = now + EVERY;
            for place in cluster.places() {
                self.asked.push((place, cluster.inspect(place)));
            }
        }
        let mut waiting = Vec::new();
        for (place, mut reply) in self.asked.drain(..) {
            match Sim::poll(&mut reply) {
                Poll::Ready(Some(health)) => check_memory(place, &health, plan)?,
                Poll::Ready(None) => {}
                Poll::Pending => waiting.push((place, reply)),
            }
        }
        self.asked = waiting;
        Ok(())
    }

    /// What is still kept though nobody needs it any more, if there is something.
    pub fn unrest(&self, cluster: &mut Cluster, plan: &Plan) -> Result<Option<String>, Violation> {
        let mut tombstones = Vec::new();
        for place in cluster.places() {
            let reply = cluster.inspect(place);
            let Some(health) = cluster.sim.run_until_answer(reply, PATIENCE) else {
                return Ok(Some(format!("{place:?} does not answer")));
            };
            check_memory(place, &health, plan)?;
            tombstones.push((place, health.tombstones, health.swept, health.collected));
            let lives = |server: &u64| cluster.lives(*server);
            let lags = health.standings.iter().filter(|(server, _)| lives(server));
            if lags.clone().any(|(_, standing)| standing.lag > 0) {
                return Ok(Some(format!("{place:?} lags: {health:?}")));
            }
        }
        let kept = plan.collects() && tombstones.iter().any(|(_, kept, ..)| *kept > 0);
        Ok(kept.then(|| format!("tombstones are kept: {tombstones:?}")))
    }

    /// Checks all actors when nothing is under way any more.
    pub fn check_end(&mut self, cluster: &mut Cluster, plan: &Plan) -> Result<(), Violation> {
        let mut servers = BTreeMap::<usize, Traffic>::new();
        for place in cluster.places() {
            let reply = cluster.inspect(place);
            let Some(health) = cluster.sim.run_until_answer(reply, PATIENCE) else { continue };
            check_memory(place, &health, plan)?;
            let traffic = servers.entry(place.server).or_default();
            health.standings.values().for_each(|standing| *traffic += standing.traffic);
        }
        for (server, traffic) in servers {
            check_economy(server, &traffic, plan)?;
        }
        Ok(())
    }
}

/// The most that an entry of these worlds costs: its bytes, and what is spent on remembering it.
const ENTRY: usize = 64 + 100;

/// A stream has no more frames under way.
const WINDOW: usize = 64;

/// Of what its clients wrote lately an actor keeps no more than the places of so many writes.
const HISTORY: usize = (1 << 16) * 24;

/// What is said in comparing keeps no more, for each of those compared with: eight messages of the
/// largest kind that there is with few keys, the sums of 32 groups.
const COMPARING: usize = 8 * 32 * 256 * 16;

/// The formula, as `docs/replication.md` has it, with the numbers of this world.
fn check_memory(place: Place, health: &Health, plan: &Plan) -> Result<(), Violation> {
    let too_much = |what: &str, has: usize, may: usize| {
        let seen = format!("{place:?} keeps {has} {what}, where {may} are allowed: {health:?}");
        Err(Violation::new(Invariant::Memory, seen))
    };
    // A key waits once and is under way once, and every unanswered frame keeps what it brought.
    let (lag, held) = (2 * plan.keys, plan.keys * (2 + WINDOW) * ENTRY + COMPARING);
    for standing in health.standings.values() {
        if standing.lag > lag {
            return too_much("entries for a server", standing.lag, lag);
        }
        if standing.held > held {
            return too_much("bytes for a server", standing.held, held);
        }
    }
    let siblings = plan.servers[place.server].actors;
    let here = HISTORY + siblings * (2 * plan.keys * ENTRY + COMPARING);
    let all = health.standings.len() * held + here;
    if health.held > all {
        return too_much("bytes for others", health.held, all);
    }
    Ok(())
}

/// Fewer entries than this say little about how many came twice.
const ENOUGH: u64 = 200;

/// How many of a hundred entries may come to a server twice, streams, fetches and comparing together.
/// It is not limited where actors lose their state or servers are cut off for long: whoever comes
/// back fetches what it is told as well.
fn percent_twice(profile: Profile) -> Option<u64> {
    match profile {
        Profile::None => Some(5),
        Profile::Lossy | Profile::Clocks => Some(50),
        Profile::Partitions | Profile::Crashes | Profile::Chaos => None,
    }
}

fn check_economy(server: usize, traffic: &Traffic, plan: &Plan) -> Result<(), Violation> {
    let Some(percent) = percent_twice(plan.profile) else { return Ok(()) };
    let Traffic { entries_received: received, twice, twice_asked, .. } = *traffic;
    // A server that joins is told by streams what it is fetching as well.
    let joining = if plan.profile == Profile::None { 0 } else { plan.keys as u64 };
    if (twice + twice_asked).saturating_sub(joining) * 100 > percent * received.max(ENOUGH) {
        let seen = format!("server {server} was given the same entries twice: {traffic:?}");
        return Err(Violation::new(Invariant::Economy, seen));
    }
    Ok(())
}
