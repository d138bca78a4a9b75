//! What this server's own clients wrote, while the store is fetched anew.
//!
//! A server that was away for too long holds things that may have been deleted for good. So it lets go
//! of all it has and fetches the store as a newcomer does. What its own clients wrote while nobody else
//! heard it is set aside and offered afterwards:
//!
//! - where the store holds something older for the key, the write takes its place, as it would have if
//!   it had come in time;
//! - where it holds nothing, the same, if the write is later than all that was ever deleted for good;
//!   otherwise a value is put as a new write: whether the key was deleted meanwhile, nobody knows any
//!   more;
//! - where it holds something newer, the write is beaten. It is handed to the members actor, from there
//!   to the server, and written to a file, so that nothing that a client was told is stored goes
//!   without a trace.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::{Ctx, PACE, QueryActor};
use crate::entry::{ByKey, Entry};
use crate::members;
use crate::replica::{Merged, Remains, Replica};

/// So many bytes of entries go to the members actor at once.
const REPORT_BYTES: usize = 1 << 20;

/// What was set aside.
#[derive(Default)]
pub(super) struct Aside {
    /// The store that was let go of, as far as it has not been looked through.
    old: Remains,
    /// Whose writes are looked for, and from when on.
    writers: BTreeSet<u64>,
    since_millis: u64,
    found: BTreeSet<ByKey>,
    /// What was beaten and is to be reported.
    beaten: VecDeque<Entry>,
    last_report: Option<Duration>,
}

impl Aside {
    /// Looks for the writes of `writers` in `old`, beside those that are `missing` elsewhere. What was
    /// set aside before stays.
    pub(super) fn begin(
        &mut self,
        old: Replica,
        missing: Vec<Entry>,
        writers: BTreeSet<u64>,
        since_millis: u64,
    ) {
        // Should a search still be under way, it is finished: it was of the same server.
        while self.is_searching() {
            self.search(usize::MAX);
        }
        (self.old, self.writers, self.since_millis) = (old.let_go(), writers, since_millis);
        missing.into_iter().for_each(|entry| self.keep(entry));
    }

    fn keep(&mut self, entry: Entry) {
        let held = self.found.get(entry.key_bytes());
        if held.is_none_or(|ByKey(held)| entry.beats(held)) {
            self.found.replace(ByKey(entry));
        }
    }

    fn is_searching(&self) -> bool {
        !self.old.is_empty()
    }

    /// Whether anything may be left of it.
    pub(super) fn holds_some(&self) -> bool {
        self.is_searching() || !self.found.is_empty() || !self.beaten.is_empty()
    }

    /// All that is left of it; nothing is here any more.
    fn take_all(&mut self) -> Vec<Entry> {
        while self.is_searching() {
            self.search(usize::MAX);
        }
        let found = std::mem::take(&mut self.found).into_iter().map(|ByKey(entry)| entry);
        std::mem::take(&mut self.beaten).into_iter().chain(found).collect()
    }

    fn search(&mut self, limit: usize) {
        let mut old = std::mem::take(&mut self.old);
        for entry in old.take_some(limit) {
            let stamp = entry.stamp();
            if stamp.millis >= self.since_millis && self.writers.contains(&stamp.uid) {
                self.keep(entry);
            }
        }
        self.old = old;
    }
}

impl QueryActor {
    /// Whether there is something to do about what was set aside.
    pub(super) fn has_aside(&self) -> bool {
        let offers = self.is_ready() && !self.aside.found.is_empty();
        self.aside.is_searching() || offers || !self.aside.beaten.is_empty()
    }

    /// Looks through the old store, or offers what was found there, `limit` entries at most.
    pub(super) fn work_on_aside(&mut self, limit: usize, ctx: &mut Ctx<'_>) {
        if self.aside.is_searching() {
            self.aside.search(limit);
        } else if self.is_ready() {
            for _ in 0..limit {
                let Some(ByKey(entry)) = self.aside.found.pop_first() else { break };
                self.offer(entry, ctx);
            }
        }
        self.report_beaten(ctx);
    }

    /// The server ends: what was set aside, and the members actor has not been told.
    pub(super) fn hand_over(&mut self) -> Vec<Entry> {
        let mut rest = self.aside.take_all();
        self.reports.retain_mut(|report| match report {
            members::Message::SetAside { entries } => {
                rest.append(entries);
                false
            }
            _ => true,
        });
        rest
    }

    fn offer(&mut self, entry: Entry, ctx: &mut Ctx<'_>) {
        match self.replica.get(entry.key()) {
            None if entry.stamp().millis < self.sweep.floor_millis() => {
                if let Some(value) = entry.value() {
                    let sought = self.replica.seek(entry.key_bytes());
                    self.write((entry.key(), sought), Some(value), None, ctx.now());
                }
            }
            None => self.put_back(&entry, ctx),
            Some(held) if entry.beats(held) => self.put_back(&entry, ctx),
            Some(held) if *held == entry => {}
            Some(_) => self.aside.beaten.push_back(entry),
        }
    }

    /// A write takes its place, as if it had come from a client just now.
    fn put_back(&mut self, entry: &Entry, ctx: &mut Ctx<'_>) {
        let sought = self.replica.seek(entry.key_bytes());
        if let Merged::News(at) = self.replica.merge_sought(entry.clone(), sought) {
            self.peers.wrote(entry, at, ctx.now().elapsed);
            self.outbox.wrote(at);
        }
    }

    fn report_beaten(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now().elapsed;
        let may = self.aside.last_report.is_none_or(|last| last + PACE <= now);
        if !may {
            return;
        }
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while bytes < REPORT_BYTES
            && let Some(entry) = self.aside.beaten.pop_front()
        {
            bytes += entry.bytes().len();
            entries.push(entry);
        }
        if !entries.is_empty() {
            self.aside.last_report = Some(now);
            self.report(members::Message::SetAside { entries });
        }
    }
}

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::*;

    fn entry(key: &str, millis: u64, uid: u64) -> Entry {
        Entry::new(Stamp { millis, counter: 0, uid }, key, Some("v"))
    }

    fn replica(entries: &[Entry]) -> Replica {
        let mut replica = Replica::default();
        for entry in entries {
            replica.merge(entry.clone());
        }
        replica
    }

    #[test]
    fn what_was_being_looked_for_is_found_before_anything_else_is() {
        let mut aside = Aside::default();
        let (own, early, others) = (entry("own", 10, 1), entry("early", 9, 1), entry("o", 10, 2));
        let missing = entry("missing", 1, 3);
        let old = replica(&[own.clone(), early, others]);
        aside.begin(old, vec![missing.clone()], BTreeSet::from([1]), 10);
        let next = entry("next", 20, 2);
        aside.begin(replica(std::slice::from_ref(&next)), Vec::new(), BTreeSet::from([2]), 20);
        aside.beaten.push_back(entry("beaten", 1, 1));
        assert!(aside.holds_some());
        assert_eq!(aside.take_all(), [entry("beaten", 1, 1), missing, next, own]);
        assert!(!aside.holds_some());
    }

    #[test]
    fn of_two_writes_of_a_key_the_later_one_is_kept() {
        for (held, missing) in [(5, 6), (6, 5)] {
            let mut aside = Aside::default();
            let missing = vec![entry("key", missing, 1)];
            aside.begin(replica(&[entry("key", held, 1)]), missing, BTreeSet::from([1]), 0);
            assert_eq!(aside.take_all(), [entry("key", 6, 1)]);
        }
    }
}
