//! A look at all that the replicas hold.

use std::collections::BTreeMap;
use std::time::Duration;

use kvcommon::{Answer, Query, Stamp, frame};

use crate::client::key_name;
use crate::cluster::{Cluster, Place};
use crate::history::{Epoch, History, Seen};
use crate::invariant::{Invariant, Violation};

/// An actor that does not answer for so long is left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a replica has said of itself.
pub struct Replica {
    /// Where it is.
    pub epoch: Epoch,
    /// Its live entries; none if it is not ready.
    pub live: Option<BTreeMap<String, (Stamp, String)>>,
    /// What it knows of every key, the deleted ones included.
    pub seen: BTreeMap<String, Seen>,
}

/// All that have answered.
pub struct Survey(pub BTreeMap<Place, Replica>);

impl Survey {
    /// Asks the actors at `places` for all they hold of the first `keys` keys.
    pub fn take(
        cluster: &mut Cluster,
        places: &[Place],
        keys: usize,
        history: &mut History,
    ) -> Result<Self, Violation> {
        let names: Vec<String> = (0..keys).map(key_name).collect();
        let mut waiting = Vec::new();
        history.hears(cluster.sim.elapsed(), cluster.sim.elapsed());
        for place in places {
            let gets = names.iter().map(|key| Query::Get { key });
            let list = Query::List { prefix: "", after: None };
            waiting.push((*place, cluster.ask(*place, gets.chain([list]))));
        }
        let mut replicas = BTreeMap::new();
        for (place, reply) in waiting {
            let Some(answers) = cluster.sim.run_until_answer(reply, PATIENCE) else { continue };
            let epoch = Epoch { place, state: answers.state };
            let mut replica = Replica { epoch, live: None, seen: BTreeMap::new() };
            for item in frame::answers(&answers.message) {
                let Ok(item) = item else { continue };
                let seen = match item.answer {
                    Answer::Found { stamp, value } => Seen { stamp, value: Some(value.to_owned()) },
                    Answer::Missing { deleted: Some(stamp) } => Seen { stamp, value: None },
                    Answer::Missing { deleted: None } => {
                        let key = usize::try_from(item.id.0).ok().and_then(|id| names.get(id));
                        key.map_or(Ok(()), |key| history.missing(epoch, key))?;
                        continue;
                    }
                    Answer::Page { entries, .. } => {
                        let entries = entries.into_iter();
                        let entry = |entry: kvcommon::Entry<'_>| {
                            (entry.key.to_owned(), (entry.stamp, entry.value.to_owned()))
                        };
                        replica.live = Some(entries.map(entry).collect());
                        continue;
                    }
                    _ => continue,
                };
                let key = usize::try_from(item.id.0).ok().and_then(|id| names.get(id));
                let Some(key) = key else { continue };
                history.check_seen(key, &seen)?;
                replica.seen.insert(key.clone(), seen);
            }
            replicas.insert(place, replica);
        }
        Ok(Self(replicas))
    }

    /// What keeps the actors at `places` from being equal and ready; nothing if they are.
    pub fn difference(&self, places: &[Place]) -> Option<Violation> {
        let mut first: Option<&Replica> = None;
        for place in places {
            let Some(replica) = self.0.get(place) else {
                let seen = format!("{place:?} does not answer");
                return Some(Violation::new(Invariant::Progress, seen));
            };
            let Some(live) = &replica.live else {
                let seen = format!("{place:?} is not ready");
                return Some(Violation::new(Invariant::Progress, seen));
            };
            let first = first.get_or_insert(replica);
            if first.live.as_ref() != Some(live) {
                let seen = format!(
                    "{:?} holds {:?}\n    and {place:?} holds {live:?}",
                    first.epoch.place, first.live
                );
                return Some(Violation::new(Invariant::Converges, seen));
            }
        }
        None
    }

    /// The newest stamp of every key that anyone holds.
    pub fn newest(&self) -> BTreeMap<String, Stamp> {
        let mut newest = BTreeMap::new();
        for (key, seen) in self.0.values().flat_map(|replica| &replica.seen) {
            let stamp = newest.entry(key.clone()).or_insert(seen.stamp);
            *stamp = seen.stamp.max(*stamp);
        }
        newest
    }
}
