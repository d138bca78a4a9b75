//! With whom an actor compares its store, and when.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::peers::{LinkId, Peers};
use super::tombstones::brings_entries;
use crate::digest::{Comparison, Message, Outcome, PEER_EVERY, SIBLING_EVERY, Tally};
use crate::replica::Replica;

/// Whom an actor compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    /// The sibling at this place.
    Sibling(usize),
    /// An actor of another server.
    Server(LinkId),
}

/// Whether a message is paced like what is small, however large it is: it brings no entries, and so
/// must not delay a message that does.
pub fn is_small(message: &Message) -> bool {
    !brings_entries(message)
}

/// All comparisons of one actor.
#[derive(Default)]
pub struct Comparing {
    with: BTreeMap<Other, Comparison>,
    /// Who had the last turn: they take turns.
    last: Option<Other>,
    next_with_servers: Duration,
}

/// What is to be done for one of those compared with.
pub type Turn = (Other, Outcome);

impl Comparing {
    /// Begins the rounds that are due; to be called every [`SIBLING_EVERY`]. The actor at place `me` asks
    /// its next sibling; the first actor of a server asks the first one of each other server, if its own
    /// server has the smaller number. There is something to go on with if sums have to be made first.
    pub fn begin(
        &mut self,
        (me, siblings): (usize, usize),
        peers: &Peers,
        replica: &mut Replica,
        now: Duration,
    ) -> Vec<(Other, Message)> {
        self.with.retain(|other, _| match other {
            Other::Sibling(_) => true,
            Other::Server(link) => peers.has(*link),
        });
        let mut others = Vec::new();
        if siblings > 1 {
            others.push(Other::Sibling((me + 1) % siblings));
        }
        if me == 0 && self.next_with_servers <= now {
            self.next_with_servers = now + PEER_EVERY;
            others.extend(peers.first_of_larger_servers().map(Other::Server));
        }
        let begun = others.into_iter().filter_map(|other| {
            let message = self.with.entry(other).or_default().begin(replica)?;
            Some((other, message))
        });
        begun.collect()
    }

    /// Servers are to be compared with in the next round.
    pub fn hasten(&mut self) {
        self.next_with_servers = Duration::ZERO;
    }

    /// Takes in what another actor says.
    pub fn take_in(
        &mut self,
        other: Other,
        message: Message,
        replica: &mut Replica,
        now: Duration,
    ) -> Turn {
        (other, self.with.entry(other).or_default().on_message(message, replica, now))
    }

    /// Drops what has been collected for others of entries.
    pub fn interrupt(&mut self) {
        self.with.values_mut().for_each(Comparison::interrupt);
    }

    /// Whether there is something to go on with.
    pub fn has_work(&self) -> bool {
        self.with.values().any(Comparison::has_work)
    }

    /// Goes on with one comparison, over at most `limit` entries.
    pub fn work(&mut self, replica: &mut Replica, limit: usize, now: Duration) -> Option<Turn> {
        let later = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.with.range((later, Bound::Unbounded)).chain(&self.with);
        let other = *behind.into_iter().find(|(_, one)| one.has_work())?.0;
        self.last = Some(other);
        let comparison = self.with.get_mut(&other)?;
        Some((other, comparison.work(replica, limit, now)))
    }

    /// The bytes that are kept for others, about.
    pub fn held(&self) -> usize {
        self.with.values().map(Comparison::waiting_bytes).sum()
    }

    /// What was done with each server.
    pub fn tallies(&self) -> impl Iterator<Item = (u64, Tally)> {
        self.with.iter().filter_map(|(other, comparison)| match other {
            Other::Server((server, _)) => Some((*server, comparison.tally())),
            Other::Sibling(_) => None,
        })
    }
}

/// How often [`Comparing::begin`] is to be called.
pub const TICK: Duration = SIBLING_EVERY;

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::*;
    use crate::digest::Round;
    use crate::entry::Entry;

    #[test]
    fn comparisons_with_work_take_turns() {
        let mut replica = Replica::default();
        for key in ["a", "b", "c", "d"] {
            replica.merge(Entry::new(Stamp { millis: 1, counter: 0, uid: 1 }, key, Some("v")));
        }
        let mut comparing = Comparing::default();
        let others = [Other::Sibling(1), Other::Server((7, 0)), Other::Server((9, 0))];
        for other in others {
            let ask = Message::Ask { round: Round::default(), buckets: vec![0], after: None };
            comparing.take_in(other, ask, &mut replica, Duration::ZERO);
        }
        let mut turn = || comparing.work(&mut replica, 1, Duration::ZERO).map(|(other, _)| other);
        let turns: Vec<Other> = (0..6).filter_map(|_| turn()).collect();
        assert_eq!(turns, [others, others].concat());
    }
}
