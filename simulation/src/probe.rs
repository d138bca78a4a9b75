//! Whether writes are visible in time, where nothing is wrong.

use std::collections::VecDeque;
use std::task::Poll;
use std::time::Duration;

use actor::Reply;
use actor::sim::Sim;
use kvcommon::{Answer, Query, Stamp, frame};
use kvserver::query_actor::Answers;

use crate::client::Written;
use crate::cluster::{Cluster, Place};
use crate::invariant::{Invariant, Violation};

/// By then a write is visible on the other actors of its server.
const ON_SIBLINGS: Duration = Duration::from_millis(500);

/// By then it is visible everywhere.
const EVERYWHERE: Duration = Duration::from_millis(2000);

/// Looks that are still to be taken, and those whose answers are to come.
#[derive(Default)]
pub struct Probes {
    siblings: VecDeque<Look>,
    everyone: VecDeque<Look>,
    asked: Vec<(Look, Place, Reply<Answers>)>,
}

#[derive(Clone)]
struct Look {
    due: Duration,
    at: Place,
    key: String,
    stamp: Stamp,
}

impl Probes {
    /// Will look for a write that was just acknowledged.
    pub fn add(&mut self, written: &Written, now: Duration) {
        let Written { at, key, stamp } = written;
        let look = |due| Look { due, at: *at, key: key.clone(), stamp: *stamp };
        self.siblings.push_back(look(now + ON_SIBLINGS));
        self.everyone.push_back(look(now + EVERYWHERE));
    }

    /// Whether there is still something to look for.
    pub fn is_waiting(&self) -> bool {
        !(self.siblings.is_empty() && self.everyone.is_empty() && self.asked.is_empty())
    }

    /// Looks where it is time to, and at the answers that have come.
    pub fn look(&mut self, cluster: &mut Cluster) -> Result<(), Violation> {
        let now = cluster.sim.elapsed();
        for (looks, same_server) in [(&mut self.siblings, true), (&mut self.everyone, false)] {
            while let Some(look) = looks.pop_front_if(|look| look.due <= now) {
                for place in cluster.places() {
                    if (place.server == look.at.server) == same_server && place != look.at {
                        let reply = cluster.ask(place, [Query::Get { key: &look.key }]);
                        self.asked.push((look.clone(), place, reply));
                    }
                }
            }
        }
        let places = cluster.places();
        let mut waiting = Vec::new();
        for (look, place, mut reply) in self.asked.drain(..) {
            if !places.contains(&place) {
                continue;
            }
            match Sim::poll(&mut reply) {
                Poll::Ready(answers) => check(&look, place, answers.as_ref())?,
                Poll::Pending => waiting.push((look, place, reply)),
            }
        }
        self.asked = waiting;
        Ok(())
    }
}

fn check(look: &Look, place: Place, answers: Option<&Answers>) -> Result<(), Violation> {
    let message = answers.map_or(&[][..], |answers| &answers.message);
    let answer = frame::answers(message).next().and_then(Result::ok).map(|item| item.answer);
    let stamp = match answer {
        Some(Answer::Found { stamp, .. }) => Some(stamp),
        Some(Answer::Missing { deleted }) => deleted,
        _ => None,
    };
    if stamp >= Some(look.stamp) {
        return Ok(());
    }
    let Look { at, key, stamp: written, due } = look;
    let seen = format!(
        "{key} at {written} of {at:?} is not on {place:?} when {due:?} have passed, which has {stamp:?}"
    );
    Err(Violation::new(Invariant::Visible, seen))
}
