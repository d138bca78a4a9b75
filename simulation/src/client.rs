//! Clients: each asks one actor at a time, checks what it is told, and now and then goes elsewhere.

use std::task::Poll;
use std::time::Duration;

use actor::Reply;
use actor::sim::Sim;
use kvcommon::{Answer, Query, frame};
use kvserver::query_actor::Answers;
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use crate::cluster::{Cluster, Place};
use crate::history::{ClientId, Epoch, History, Seen};
use crate::invariant::{Invariant, Violation};
use crate::plan::Plan;

/// A client that was not answered for so long asks elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client.
pub struct Client {
    id: ClientId,
    at: Place,
    /// The last question was not answered.
    is_lost: bool,
    pending: Option<Pending>,
    next: Duration,
    puts: u64,
}

struct Pending {
    reply: Reply<Answers>,
    asked: Vec<Asked>,
    since: Duration,
}

#[derive(Clone)]
enum Asked {
    Get { key: String },
    Put { key: String, value: String },
    Delete { key: String },
    List { prefix: String },
}

impl Asked {
    fn query(&self) -> Query<'_> {
        match self {
            Self::Get { key } => Query::Get { key },
            Self::Put { key, value } => Query::Put { key, value, floor: None },
            Self::Delete { key } => Query::Delete { key, floor: None },
            Self::List { prefix } => Query::List { prefix, after: None },
        }
    }
}

/// A write that was acknowledged.
pub struct Written {
    /// By whom.
    pub at: Place,
    /// The key.
    pub key: String,
    /// Its stamp.
    pub stamp: kvcommon::Stamp,
}

/// The name of a key, by its number.
pub fn key_name(key: usize) -> String {
    format!("key/{key}")
}

impl Client {
    /// A client that knows no actor yet.
    pub fn new(id: ClientId) -> Self {
        let at = Place { server: 0, actor: 0 };
        Self { id, at, is_lost: true, pending: None, next: Duration::ZERO, puts: 0 }
    }

    /// Whether it waits for an answer.
    pub fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// Asks something if it is time, and does not wait for an answer.
    pub fn ask(
        &mut self,
        plan: &Plan,
        places: &[Place],
        cluster: &mut Cluster,
        history: &mut History,
        dice: &mut Xoshiro256PlusPlus,
    ) {
        let now = cluster.sim.elapsed();
        if self.pending.is_some() || now < self.next {
            return;
        }
        self.next = now + plan.every.mul_f64(dice.random_range(0.0..2.0));
        if self.is_lost || dice.random_bool(plan.moves) || !places.contains(&self.at) {
            self.at = places[dice.random_range(0..places.len())];
            self.is_lost = false;
        }
        let count = dice.random_range(1..=plan.batch);
        let asked: Vec<Asked> = (0..count).map(|_| self.choose(plan, history, dice)).collect();
        let reply = cluster.ask(self.at, asked.iter().map(Asked::query));
        self.pending = Some(Pending { reply, asked, since: now });
    }

    fn choose(
        &mut self,
        plan: &Plan,
        history: &mut History,
        dice: &mut Xoshiro256PlusPlus,
    ) -> Asked {
        let key = key_name(dice.random_range(0..plan.keys));
        match dice.random_range(0..100) {
            0..50 => {
                let value = format!("{}.{}", self.id.0, self.puts);
                self.puts += 1;
                history.putting(&key, &value);
                Asked::Put { key, value }
            }
            50..62 => {
                history.deleting(&key);
                Asked::Delete { key }
            }
            62..70 => Asked::List { prefix: "key/".to_owned() },
            _ => Asked::Get { key },
        }
    }

    /// Takes the answers if they are there; gives the writes that were acknowledged.
    pub fn listen(
        &mut self,
        cluster: &Cluster,
        history: &mut History,
    ) -> Result<Vec<Written>, Violation> {
        let Some(pending) = &mut self.pending else { return Ok(Vec::new()) };
        let answers = match Sim::poll(&mut pending.reply) {
            Poll::Ready(answers) => answers,
            Poll::Pending if cluster.sim.elapsed() < pending.since + PATIENCE => {
                return Ok(Vec::new());
            }
            Poll::Pending => None,
        };
        history.hears(pending.since, cluster.sim.elapsed());
        let asked = self.pending.take().map(|pending| pending.asked).unwrap_or_default();
        match answers {
            Some(answers) => self.hear(&asked, &answers, history),
            None => {
                self.is_lost = true;
                Ok(Vec::new())
            }
        }
    }

    fn hear(
        &mut self,
        asked: &[Asked],
        answers: &Answers,
        history: &mut History,
    ) -> Result<Vec<Written>, Violation> {
        let epoch = Epoch { place: self.at, state: answers.state };
        let mut written = Vec::new();
        for item in frame::answers(&answers.message) {
            let item = item.map_err(|error| unfitting(&format!("{error:?}")))?;
            let asked = usize::try_from(item.id.0).ok().and_then(|id| asked.get(id));
            let asked = asked.ok_or_else(|| unfitting(&format!("{:?}", item.id)))?;
            match (asked, item.answer) {
                (_, Answer::Refused(_)) => {}
                (Asked::Get { key }, Answer::Found { stamp, value }) => {
                    let seen = Seen { stamp, value: Some(value.to_owned()) };
                    history.read(self.id, epoch, key, Some(&seen))?;
                }
                (Asked::Get { key }, Answer::Missing { deleted }) => {
                    let seen = deleted.map(|stamp| Seen { stamp, value: None });
                    history.read(self.id, epoch, key, seen.as_ref())?;
                }
                (Asked::Put { key, value }, Answer::Stored { stamp }) => {
                    history.stored(self.id, epoch, key, Some(value), stamp)?;
                    written.push(Written { at: self.at, key: key.clone(), stamp });
                }
                (Asked::Delete { key }, Answer::Stored { stamp }) => {
                    history.stored(self.id, epoch, key, None, stamp)?;
                    written.push(Written { at: self.at, key: key.clone(), stamp });
                }
                (Asked::List { prefix }, Answer::Page { entries, .. }) => {
                    if !entries.is_sorted_by(|a, b| a.key < b.key)
                        || entries.iter().any(|entry| !entry.key.starts_with(prefix))
                    {
                        return Err(unfitting(&format!("the page {entries:?}")));
                    }
                    for entry in entries {
                        let value = Some(entry.value.to_owned());
                        let seen = Seen { stamp: entry.stamp, value };
                        history.read(self.id, epoch, entry.key, Some(&seen))?;
                    }
                }
                (_, answer) => return Err(unfitting(&format!("{answer:?}"))),
            }
        }
        Ok(written)
    }
}

fn unfitting(answer: &str) -> Violation {
    Violation::new(Invariant::Session, format!("an answer that fits no question: {answer}"))
}
