//! What a client has seen lately, so that it reads its own writes and never sees a key go back,
//! although each of its queries may go to another replica. Pure: time comes in as an argument.
//!
//! The overlay holds, for each key that the client has lately written or read, the newest stamp that
//! it has seen and what was there. An answer from a replica that is behind is replaced by that; a
//! write carries the stamp as its floor, so that it beats what was seen. Nothing waits for a replica
//! to catch up.
//!
//! A Get that finds nothing tells when the key was deleted, so an overlay knows which of the two is
//! newer. A page of a List tells nothing about keys that are not on it: these are *in doubt*, and the
//! client asks for each of them ([`Overlay::doubts`]) before it completes the List
//! ([`Overlay::complete`]).
//!
//! A replica that is behind must be told from one that has lost its state, and the whole store with
//! it: there is nothing left to catch up with. Who once knew a key and, on a later connection, has
//! never heard of it, was restarted, has fetched what there is, and is believed. So where another
//! replica has never heard of a key, whoever has spoken of it last is asked as well
//! ([`Overlay::witness`]), but not waited for.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use kvcommon::Stamp;

use crate::session::{Epoch, Lookup};
use crate::{Address, Versioned};

/// What an overlay holds takes no more memory than this.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// What no server has confirmed for so long is forgotten. Far longer than replicas are behind each
/// other, and far shorter than they remember deletions, without which a deleted key could come back
/// here.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// What was confirmed less than this ago need not be marked as confirmed again: a key that is read
/// thousands of times a second costs a look-up each time and no more.
const REFRESH: Duration = Duration::from_secs(1);

/// The memory that a key takes beside its bytes and its value's: its places in two trees, which are
/// seldom full.
const KEY_BYTES: usize = 224;

/// Witnesses are asked about no more keys at a time. One that cannot be reached takes seconds.
const MAX_ASKED: usize = 64;

/// A List that is larger than this is not kept: it would drive out all else.
const MAX_LIST_BYTES: usize = MAX_BYTES / 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct Overlay {
    seen: BTreeMap<Arc<str>, Seen>,
    /// The keys and when a server last confirmed them, those of longest ago first.
    by_age: BTreeMap<u64, (Arc<str>, Duration)>,
    bytes: usize,
    max_bytes: usize,
    next_turn: u64,
    /// The keys about which witnesses are being asked.
    asked: BTreeSet<String>,
}

/// Who has said something: a replica, on one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) address: Address,
    pub(crate) epoch: Epoch,
}

/// The newest that was seen of a key.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// Nothing if it was deleted.
    value: Option<String>,
    /// Who said so last, and its place among all by age.
    by: Source,
    turn: u64,
}

impl Default for Overlay {
    fn default() -> Self {
        Self::with_limit(MAX_BYTES)
    }
}

impl Overlay {
    /// An empty one that takes at most so much memory.
    fn with_limit(max_bytes: usize) -> Self {
        let (seen, by_age, asked) = Default::default();
        Self { seen, by_age, bytes: 0, max_bytes, next_turn: 0, asked }
    }

    /// The stamp that a write to `key` has to beat.
    pub(crate) fn floor(&mut self, now: Duration, key: &str) -> Option<Stamp> {
        self.forget_old(now);
        self.seen.get(key).map(|seen| seen.stamp)
    }

    /// The client's own write was carried out.
    pub(crate) fn wrote(
        &mut self,
        now: Duration,
        by: &Source,
        key: &str,
        stamp: Stamp,
        value: Option<&str>,
    ) {
        self.forget_old(now);
        if self.seen.get(key).is_none_or(|seen| seen.stamp <= stamp) {
            self.keep(now, by, key, stamp, value);
        }
    }

    /// What a Get of `key` has to show, given what a replica has answered.
    pub(crate) fn look(
        &mut self,
        now: Duration,
        by: &Source,
        key: &str,
        answer: Lookup,
    ) -> Option<Versioned> {
        self.forget_old(now);
        let stamp = match &answer {
            Lookup::Found(found) => Some(found.stamp),
            Lookup::Missing { deleted } => *deleted,
        };
        match (self.seen.get(key), stamp) {
            (Some(seen), None) if seen.was_lost(by) => {
                self.forget(key);
            }
            (Some(seen), stamp) if stamp < Some(seen.stamp) => return seen.versioned(),
            (Some(seen), Some(stamp)) if stamp == seen.stamp => self.confirm(now, by, key),
            (_, Some(stamp)) => {
                let value = match &answer {
                    Lookup::Found(found) => Some(found.value.as_str()),
                    Lookup::Missing { .. } => None,
                };
                self.keep(now, by, key, stamp, value);
            }
            (_, None) => {}
        }
        match answer {
            Lookup::Found(found) => Some(found),
            Lookup::Missing { .. } => None,
        }
    }

    /// Whom to ask about a key, given what a replica has answered: the one that has spoken of it last,
    /// if this one has never heard of it. Nobody if somebody is being asked already.
    /// [`heard`](Self::heard) is to be called with what comes of it.
    pub(crate) fn witness(&mut self, by: &Source, key: &str, answer: &Lookup) -> Option<Address> {
        let Lookup::Missing { deleted: None } = answer else { return None };
        let witness = &self.seen.get(key)?.by.address;
        if *witness == by.address || self.asked.len() >= MAX_ASKED || self.asked.contains(key) {
            return None;
        }
        self.asked.insert(key.to_owned());
        Some(witness.clone())
    }

    /// What a witness has answered, if it has.
    pub(crate) fn heard(&mut self, now: Duration, key: &str, answer: Option<(Source, Lookup)>) {
        self.asked.remove(key);
        if let Some((by, answer)) = answer {
            self.look(now, &by, key, answer);
        }
    }

    /// The keys that the List of `prefix` should show as far as this client knows, and that are not
    /// in `entries`, which a replica has answered: each of them was either deleted since, or is not
    /// there yet. A Get finds out.
    pub(crate) fn doubts(
        &mut self,
        now: Duration,
        prefix: &str,
        entries: &[(String, Versioned)],
    ) -> Vec<String> {
        self.forget_old(now);
        let live = self.with_prefix(prefix).filter(|(_, seen)| seen.value.is_some());
        let place = |key: &str| entries.binary_search_by(|(listed, _)| listed.as_str().cmp(key));
        live.filter(|(key, _)| place(key).is_err()).map(|(key, _)| key.to_owned()).collect()
    }

    /// What the List of `prefix` has to show, given what a replica has answered. All doubts have
    /// been looked up.
    pub(crate) fn complete(
        &mut self,
        now: Duration,
        by: &Source,
        prefix: &str,
        entries: Vec<(String, Versioned)>,
    ) -> Vec<(String, Versioned)> {
        self.forget_old(now);
        let mut known = self.with_prefix(prefix).peekable();
        let mut complete = Vec::with_capacity(entries.len());
        let mut news = Vec::new();
        let mut bytes = 0;
        for (key, listed) in entries {
            while let Some((missing, seen)) = known.next_if(|(known, _)| *known < key.as_str()) {
                complete.extend(seen.versioned().map(|seen| (missing.to_owned(), seen)));
            }
            match known.next_if(|(known, _)| *known == key) {
                Some((_, seen)) if seen.stamp > listed.stamp => {
                    complete.extend(seen.versioned().map(|seen| (key, seen)));
                    continue;
                }
                seen => {
                    if seen.is_none() {
                        bytes += cost(&key, Some(&listed.value));
                    }
                    news.push(complete.len());
                    complete.push((key, listed));
                }
            }
        }
        complete.extend(
            known.filter_map(|(key, seen)| seen.versioned().map(|seen| (key.to_owned(), seen))),
        );
        for (key, listed) in news.into_iter().map(|place| &complete[place]) {
            match self.seen.get(key.as_str()) {
                Some(seen) if seen.stamp == listed.stamp => self.confirm(now, by, key),
                None if bytes > MAX_LIST_BYTES => {}
                _ => self.keep(now, by, key, listed.stamp, Some(&listed.value)),
            }
        }
        complete
    }

    fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &Seen)> {
        self.seen
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, seen)| (&**key, seen))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// What is known of `key` was said again.
    fn confirm(&mut self, now: Duration, by: &Source, key: &str) {
        let turn = self.next_turn;
        let Some(seen) = self.seen.get_mut(key) else { return };
        if seen.by != *by {
            seen.by = by.clone();
        }
        let is_due = |(_, confirmed): &(Arc<str>, Duration)| *confirmed + REFRESH <= now;
        if self.by_age.get(&seen.turn).is_some_and(is_due)
            && let Some((name, _)) = self.by_age.remove(&seen.turn)
        {
            self.by_age.insert(turn, (name, now));
            seen.turn = turn;
            self.next_turn += 1;
        }
    }

    fn keep(&mut self, now: Duration, by: &Source, key: &str, stamp: Stamp, value: Option<&str>) {
        let name = self.forget(key).unwrap_or_else(|| Arc::from(key));
        let turn = self.next_turn;
        self.next_turn += 1;
        self.bytes += cost(key, value);
        self.by_age.insert(turn, (Arc::clone(&name), now));
        let value = value.map(str::to_owned);
        self.seen.insert(name, Seen { stamp, value, by: by.clone(), turn });
        while self.bytes > self.max_bytes && self.forget_oldest(|_| true) {}
    }

    fn forget_old(&mut self, now: Duration) {
        while self.forget_oldest(|confirmed| confirmed + MAX_AGE <= now) {}
    }

    /// Whether there was one to forget that was confirmed at such a time.
    fn forget_oldest(&mut self, is_so_old: impl Fn(Duration) -> bool) -> bool {
        let Some(oldest) = self.by_age.first_entry().filter(|oldest| is_so_old(oldest.get().1))
        else {
            return false;
        };
        let (key, _) = oldest.remove();
        if let Some(seen) = self.seen.remove(&key) {
            self.bytes -= cost(&key, seen.value.as_deref());
        }
        true
    }

    fn forget(&mut self, key: &str) -> Option<Arc<str>> {
        let seen = self.seen.remove(key)?;
        self.bytes -= cost(key, seen.value.as_deref());
        self.by_age.remove(&seen.turn).map(|(name, _)| name)
    }
}

impl Seen {
    /// Whether `by`, which has never heard of the key, has lost it.
    fn was_lost(&self, by: &Source) -> bool {
        self.by.address == by.address && self.by.epoch != by.epoch
    }

    fn versioned(&self) -> Option<Versioned> {
        let value = self.value.clone()?;
        Some(Versioned { value, stamp: self.stamp })
    }
}

fn cost(key: &str, value: Option<&str>) -> usize {
    KEY_BYTES + key.len() + value.map_or(0, str::len)
}
