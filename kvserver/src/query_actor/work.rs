//! Work that takes long, a slice at a time, so that queries never wait for it.

use std::time::Duration;

use super::pack::Unpacker;
use super::peers::LinkId;
use super::stream::Place;
use super::sweep::Begin;
use super::{Ctx, Fetched, Given, Message, QueryActor, SLICE};
use crate::entry::Entry;
use crate::members;
use crate::replica::{Merged, Sought, Walk};

/// So many entries are merged together, so that what they will touch can be fetched from memory at
/// once. It fits a processor's nearest cache.
const GROUP: usize = 64;

/// The pause between two looks at what was set aside, which may have to wait for others.
const BREATH: Duration = Duration::from_millis(1);

/// Entries to be merged or collected, and what follows when they are.
pub(super) struct Work {
    pub(super) entries: Source,
    pub(super) then: Then,
}

impl Work {
    /// What is to follow all work that was there before.
    pub(super) fn none(then: Then) -> Self {
        Self { entries: Source::Sibling(Vec::new().into_iter()), then }
    }
}

pub(super) enum Source {
    Sibling(std::vec::IntoIter<Entry>),
    /// From another server; perhaps it was asked for.
    Server {
        entries: Unpacker,
        link: LinkId,
        asked: bool,
    },
    /// All that is held, for a sibling.
    Own {
        to: usize,
        walk: Walk,
    },
}

pub(super) enum Then {
    /// The entries of another server's frame are merged.
    Came { link: LinkId, place: Place },
    /// A sibling's message is merged.
    Heard { from: usize, given: Given, fetched: Vec<Fetched> },
    /// All parts of a chunk are merged, perhaps of the last one of its slice.
    Brought { link: LinkId, last: Option<bool> },
    /// A part of a chunk is merged.
    Nothing,
    /// A round of tombstones may be dropped.
    Collect(Begin),
    /// A sibling has been given all.
    Gave { ready: bool, fetched: Vec<Fetched> },
}

impl QueryActor {
    /// Work begins at once if nothing waits before it; messages to oneself see to the rest.
    pub(super) fn begin_work(&mut self, ctx: &mut Ctx<'_>) {
        if self.work_is_due {
            self.send_when_due(ctx);
        } else {
            self.work_on(ctx);
        }
    }

    /// Does one slice of the work in hand, oldest first.
    pub(super) fn work_on(&mut self, ctx: &mut Ctx<'_>) {
        let mut left = SLICE;
        while left > 0
            && let Some(mut work) = self.work.pop_front()
        {
            left -= self.do_some(&mut work.entries, left, ctx.now().elapsed);
            if work.entries.is_done() {
                self.finish(work, ctx);
            } else {
                self.work.push_front(work);
            }
        }
        if let Some((link, mut giving)) = self.giving.pop_front() {
            match giving.go_on(&self.replica, SLICE) {
                Some(chunk) => self.peers.give(link, chunk),
                None => self.giving.push_back((link, giving)),
            }
        }
        let now = ctx.now().elapsed;
        if let Some(turn) = self.comparing.work(&mut self.replica, SLICE, now) {
            self.compared(turn);
        }
        if self.has_aside() {
            self.work_on_aside(SLICE, ctx);
        }
        if !self.work.is_empty() || !self.giving.is_empty() || self.comparing.has_work() {
            self.work_is_due = true;
            // Behind the queries that wait; and the runtime sees to it that an actor that keeps
            // telling itself something lets its thread serve the sockets.
            let me = ctx.me();
            ctx.tell(&me, Message::Work);
        } else if self.has_aside() {
            self.work_is_due = true;
            ctx.tell_after(BREATH, Message::Work);
        }
        self.send_when_due(ctx);
    }

    /// Merges or collects at most `limit` entries and returns how many it were.
    fn do_some(&mut self, entries: &mut Source, limit: usize, now: Duration) -> usize {
        let mut count = 0;
        match entries {
            Source::Sibling(entries) => {
                while count < limit && entries.len() > 0 {
                    let keys = entries.as_slice().iter().map(Entry::key_bytes);
                    let sought = self.seek_to_merge(keys.take(GROUP.min(limit - count)));
                    count += sought.len();
                    for (sought, entry) in sought.into_iter().zip(entries.by_ref()) {
                        self.replica.merge_sought(entry, sought);
                    }
                }
            }
            Source::Server { entries, link, asked } => {
                while count < limit && !entries.is_done() {
                    let group = entries.take(GROUP.min(limit - count)).inspect(|_| count += 1);
                    let told = |entry: Result<Entry, _>| {
                        entry.inspect_err(|error| tracing::error!("{error}")).ok()
                    };
                    let group: Vec<Entry> = group.filter_map(told).collect();
                    let sought = self.seek_to_merge(group.iter().map(Entry::key_bytes));
                    for (entry, sought) in group.into_iter().zip(sought) {
                        self.take_from_server(entry, sought, *link, *asked, now);
                    }
                }
            }
            Source::Own { to, walk } => {
                let entries = self.replica.walk(walk, limit);
                count = entries.len();
                self.outbox.give(*to, entries);
            }
        }
        count
    }

    /// Looks for the keys of a group of entries that will be merged.
    fn seek_to_merge<'k>(&self, keys: impl Iterator<Item = &'k [u8]> + Clone) -> Vec<Sought> {
        let sought = self.replica.seek_all(keys.clone());
        self.replica.warm_sums(keys.zip(sought.iter().copied()));
        sought
    }

    /// Takes an entry that came to this actor alone and passes on what is new: to the siblings, and to
    /// servers that cannot hear it from where it came.
    fn take_from_server(
        &mut self,
        entry: Entry,
        sought: Sought,
        link: LinkId,
        asked: bool,
        now: Duration,
    ) {
        match self.replica.merge_sought(entry, sought) {
            Merged::News(at) => {
                if let Some(entry) = self.replica.at(at).filter(|_| !asked) {
                    self.peers.relay(link.0, entry, now);
                }
                self.outbox.wrote(at);
            }
            Merged::Held => self.peers.came_needlessly(link, asked, true),
            Merged::Older => self.peers.came_needlessly(link, asked, false),
        }
    }

    /// How many bytes wait to be merged or handed over.
    pub(super) fn work_bytes(&self) -> usize {
        let giving = self.giving.iter().map(|(_, giving)| giving.bytes());
        self.work.iter().map(|work| work.entries.bytes()).chain(giving).sum()
    }

    fn finish(&mut self, work: Work, ctx: &mut Ctx<'_>) {
        match (work.then, work.entries) {
            (Then::Heard { from, given, fetched }, _) => {
                for slice in fetched {
                    self.note_fetched(slice);
                }
                self.merged(from, given, ctx);
            }
            (Then::Brought { link, last }, _) => {
                self.peers.merged(link);
                let task = self.fetching.filter(|(server, _)| *server == link.0);
                if let Some((server, attempt)) = task {
                    self.report_fetching(server, attempt, ctx.now().elapsed);
                }
                if let (Some(ready), Some((server, attempt))) = (last, task) {
                    let fetched = Fetched { server, attempt, slice: link.1, ready };
                    self.outbox.tell_fetched(fetched);
                    self.note_fetched(fetched);
                }
            }
            (Then::Collect(begin), _) => self.collect(&begin, ctx.now().elapsed),
            (Then::Gave { ready, fetched }, Source::Own { to, .. }) => {
                self.outbox.gave_all(to, ready, fetched);
            }
            (Then::Came { link, place }, _) => self.peers.merged_frame(link, place),
            (Then::Nothing | Then::Gave { .. }, _) => {}
        }
    }

    /// Tells the members actor that the other server gives, now and then.
    fn report_fetching(&mut self, server: u64, attempt: u32, now: Duration) {
        /// Far more often than a silent one is given up.
        const EVERY: Duration = Duration::from_secs(3);
        if self.told_fetching.is_none_or(|(of, at)| of != attempt || at + EVERY <= now) {
            self.told_fetching = Some((attempt, now));
            self.report(members::Message::Fetching { server, attempt });
        }
    }

    /// A slice that this server wanted is merged here.
    fn note_fetched(&mut self, fetched: Fetched) {
        if self.fetched.iter().any(|known| known.attempt > fetched.attempt) {
            return;
        }
        self.fetched.retain(|known| known.attempt == fetched.attempt);
        if !self.fetched.iter().any(|known| known.slice == fetched.slice) {
            self.fetched.push(fetched);
            self.report_fetched();
        }
    }
}

impl Source {
    fn is_done(&self) -> bool {
        match self {
            Self::Sibling(entries) => entries.len() == 0,
            Self::Server { entries, .. } => entries.is_done(),
            Self::Own { walk, .. } => walk.is_done(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Sibling(entries) => entries.as_slice().iter().map(|e| e.bytes().len()).sum(),
            Self::Server { entries, .. } => entries.bytes(),
            Self::Own { .. } => 0,
        }
    }
}
