//! What clients have asked and been answered, checked as it grows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use kvcommon::Stamp;

use crate::cluster::Place;
use crate::invariant::{Invariant, Violation};

#[cfg(test)]
mod tests;

/// One state of one query actor, from its start to its crash or panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch {
    /// The actor.
    pub place: Place,
    /// The number of the state.
    pub state: u64,
}

/// A client, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub usize);

/// What a replica has said of a key: when it was last written, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The stamp of the last write.
    pub stamp: Stamp,
    /// Its value; none if the key was deleted.
    pub value: Option<String>,
}

/// All of it.
#[derive(Default)]
pub struct History {
    /// By value, since no two Puts have the same one.
    puts: BTreeMap<String, Put>,
    /// Every write whose stamp is known, with its value if it was a Put. Stamps belong to a key.
    stamps: BTreeMap<(String, Stamp), Option<String>>,
    /// Deletes that were not answered, by key: their stamps are not known.
    silent_deletes: BTreeMap<String, usize>,
    sessions: BTreeMap<(ClientId, Epoch, String), Stamp>,
    /// The stamps of each key that a state has acknowledged or shown, and when they were heard: each is newer
    /// than the one before.
    shown: BTreeMap<(Epoch, String), Vec<(Stamp, Duration)>>,
    /// The newest stamp of each key that a state was seen to have dropped after a deletion.
    collected: BTreeMap<String, Stamp>,
    /// The newest stamp that a state has given a write to a key of a client.
    given: BTreeMap<(Epoch, String, ClientId), Stamp>,
    answers: u64,
    /// When what is being heard was asked for.
    asked: Duration,
    now: Duration,
}

/// Beyond every stamp.
const LAST: Stamp = Stamp { millis: u64::MAX, counter: u32::MAX, uid: u64::MAX };

struct Put {
    key: String,
    stamp: Option<Stamp>,
}

impl History {
    /// The answers that come next are heard now and were asked for at `asked`. Those of several clients may
    /// overtake each other.
    pub fn hears(&mut self, asked: Duration, now: Duration) {
        (self.asked, self.now) = (asked, now);
    }

    /// A Put is on its way.
    pub fn putting(&mut self, key: &str, value: &str) {
        let put = Put { key: key.to_owned(), stamp: None };
        let before = self.puts.insert(value.to_owned(), put);
        assert!(before.is_none(), "every Put has a value of its own");
    }

    /// A Delete is on its way.
    pub fn deleting(&mut self, key: &str) {
        *self.silent_deletes.entry(key.to_owned()).or_default() += 1;
    }

    /// A write was acknowledged: a Put of `value`, or a Delete.
    pub fn stored(
        &mut self,
        client: ClientId,
        epoch: Epoch,
        key: &str,
        value: Option<&str>,
        stamp: Stamp,
    ) -> Result<(), Violation> {
        self.answers += 1;
        match value {
            Some(value) => self.is_issued(key, value, stamp)?,
            None => {
                let silent = self.silent_deletes.get_mut(key).expect("it was noted");
                *silent -= 1;
                self.note_stamp(key, None, stamp)?;
            }
        }
        self.is_beyond_collected(key, stamp)?;
        if let Some(before) = self.given.insert((epoch, key.to_owned(), client), stamp)
            && before >= stamp
        {
            let seen = format!("{epoch:?} gave {key} {stamp} after {before}");
            return Err(Violation::new(Invariant::StampsGrow, seen));
        }
        self.in_session(client, epoch, key, stamp)
    }

    /// A client has read a key: what is there, or that nothing is known of it.
    pub fn read(
        &mut self,
        client: ClientId,
        epoch: Epoch,
        key: &str,
        seen: Option<&Seen>,
    ) -> Result<(), Violation> {
        self.answers += 1;
        match seen {
            Some(seen) => {
                self.check_seen(key, seen)?;
                self.in_session(client, epoch, key, seen.stamp)
            }
            None => self.missing(epoch, key),
        }
    }

    /// A state knows nothing of a key. If it has known something, then that the key was deleted.
    pub fn missing(&mut self, epoch: Epoch, key: &str) -> Result<(), Violation> {
        let shown = self.shown.get(&(epoch, key.to_owned())).into_iter().flatten().rev();
        let Some((stamp, _)) = shown.copied().find(|(_, heard)| *heard <= self.asked) else {
            return Ok(());
        };
        if !self.may_be_collected(key, stamp) {
            let seen = format!("{epoch:?} had {key} at {stamp} and knows nothing of it now");
            return Err(Violation::new(Invariant::Session, seen));
        }
        let collected = self.collected.entry(key.to_owned()).or_insert(stamp);
        *collected = stamp.max(*collected);
        Ok(())
    }

    /// Whether a key that was at `stamp` was deleted then or later, as far as is known.
    pub fn may_be_collected(&self, key: &str, stamp: Stamp) -> bool {
        let silent = self.silent_deletes.get(key).is_some_and(|count| *count > 0);
        let later = (key.to_owned(), stamp)..(key.to_owned(), LAST);
        silent || self.stamps.range(later).any(|(_, value)| value.is_none())
    }

    /// Checks that a value that is there, or was written, is later than all that was collected of its key.
    ///
    /// Where a deletion has not been heard of, what it has deleted may be read for a while, though others
    /// have already collected it; at the end it may not.
    pub fn is_beyond_collected(&self, key: &str, stamp: Stamp) -> Result<(), Violation> {
        match self.collected.get(key) {
            Some(collected) if *collected >= stamp => {
                let seen = format!("{key} is back at {stamp}, collected at {collected}");
                Err(Violation::new(Invariant::Collected, seen))
            }
            _ => Ok(()),
        }
    }

    /// Checks that what a replica holds was issued.
    pub fn check_seen(&mut self, key: &str, seen: &Seen) -> Result<(), Violation> {
        match &seen.value {
            Some(value) => self.is_issued(key, value, seen.stamp),
            None => self.is_deleted(key, seen.stamp),
        }
    }

    /// How many queries were answered with what was asked for.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// What each state has acknowledged or shown of each key at last.
    pub fn shown(&self) -> impl Iterator<Item = (Epoch, &str, Stamp)> {
        self.shown.iter().filter_map(|((epoch, key), shown)| {
            let (stamp, _) = shown.last()?;
            Some((*epoch, key.as_str(), *stamp))
        })
    }

    fn is_issued(&mut self, key: &str, value: &str, stamp: Stamp) -> Result<(), Violation> {
        let known = self.puts.get_mut(value).filter(|put| put.key == key);
        let Some(put) = known else {
            let seen = format!("nobody has put {value} under {key}");
            return Err(Violation::new(Invariant::Issued, seen));
        };
        match put.stamp.replace(stamp) {
            // A server that begins anew writes once more what nobody else has, with a later stamp.
            Some(before) if before > stamp => {
                let seen = format!("{value} under {key} had {before} and then {stamp}");
                Err(Violation::new(Invariant::Issued, seen))
            }
            _ => self.note_stamp(key, Some(value), stamp),
        }
    }

    fn is_deleted(&self, key: &str, stamp: Stamp) -> Result<(), Violation> {
        let silent = self.silent_deletes.get(key).is_some_and(|count| *count > 0);
        match self.stamps.get(&(key.to_owned(), stamp)) {
            Some(None) => Ok(()),
            None if silent => Ok(()),
            other => {
                let seen = format!("nobody has deleted {key} at {stamp}, which is {other:?}");
                Err(Violation::new(Invariant::Issued, seen))
            }
        }
    }

    fn note_stamp(
        &mut self,
        key: &str,
        value: Option<&str>,
        stamp: Stamp,
    ) -> Result<(), Violation> {
        let value = value.map(str::to_owned);
        match self.stamps.entry((key.to_owned(), stamp)) {
            Entry::Vacant(entry) => {
                entry.insert(value);
                Ok(())
            }
            Entry::Occupied(entry) if *entry.get() == value => Ok(()),
            Entry::Occupied(entry) => {
                let seen = format!("{stamp} of {key} is {:?} and {value:?}", entry.get());
                Err(Violation::new(Invariant::Issued, seen))
            }
        }
    }

    fn in_session(
        &mut self,
        client: ClientId,
        epoch: Epoch,
        key: &str,
        stamp: Stamp,
    ) -> Result<(), Violation> {
        let shown = self.shown.entry((epoch, key.to_owned())).or_default();
        if shown.last().is_none_or(|(last, _)| stamp > *last) {
            shown.push((stamp, self.now));
        }
        let last = self.sessions.entry((client, epoch, key.to_owned())).or_insert(stamp);
        if *last > stamp {
            let seen = format!("{client:?} at {epoch:?} saw {key} go from {last} to {stamp}");
            return Err(Violation::new(Invariant::Session, seen));
        }
        *last = stamp;
        Ok(())
    }
}
