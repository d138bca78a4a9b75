//! Work that takes long, a slice at a time, so that queries never wait for it.

use super::pack::Unpacker;
use super::peers::LinkId;
use super::{Ctx, Fetched, Given, Message, QueryActor, SLICE};
use crate::entry::Entry;
use crate::replica::Walk;

/// So many entries are merged together, so that what they will touch can be fetched from memory at
/// once. It fits a processor's nearest cache.
const GROUP: usize = 64;

/// Entries to be merged or collected, and what follows when they are.
pub(super) struct Work {
    pub(super) entries: Source,
    pub(super) then: Then,
}

pub(super) enum Source {
    Sibling(std::vec::IntoIter<Entry>),
    Server(Unpacker),
    /// All that is held, for a sibling.
    Own {
        to: usize,
        walk: Walk,
    },
}

pub(super) enum Then {
    Nothing,
    /// A sibling's message is merged.
    Heard {
        from: usize,
        given: Given,
        fetched: Vec<Fetched>,
    },
    /// A chunk is merged, perhaps the last of its slice.
    Brought {
        link: LinkId,
        last: Option<bool>,
    },
    /// A sibling has been given all.
    Gave {
        ready: bool,
        fetched: Vec<Fetched>,
    },
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
            left -= self.do_some(&mut work.entries, left);
            if work.entries.is_done() {
                self.finish(work, ctx);
            } else {
                self.work.push_front(work);
            }
        }
        if let Some((link, giving)) = self.giving.pop_front() {
            match giving.go_on(&self.replica, SLICE) {
                Ok(chunk) => self.peers.give(link, chunk),
                Err(unfinished) => self.giving.push_back((link, unfinished)),
            }
        }
        if let Some(turn) = self.comparing.work(&self.replica, SLICE) {
            self.compared(turn);
        }
        if !self.work.is_empty() || !self.giving.is_empty() || self.comparing.has_work() {
            self.work_is_due = true;
            // Behind the queries that wait; and the runtime sees to it that an actor that keeps
            // telling itself something lets its thread serve the sockets.
            let me = ctx.me();
            ctx.tell(&me, Message::Work);
        }
        self.send_when_due(ctx);
    }

    /// Merges or collects at most `limit` entries and returns how many it were.
    fn do_some(&mut self, entries: &mut Source, limit: usize) -> usize {
        let mut count = 0;
        match entries {
            Source::Sibling(entries) => {
                while count < limit && entries.len() > 0 {
                    let group = entries.as_slice().iter().take(GROUP.min(limit - count));
                    self.replica.warm_to_write(group.map(Entry::key_bytes));
                    for entry in entries.take(GROUP.min(limit - count)) {
                        self.replica.merge(entry);
                        count += 1;
                    }
                }
            }
            Source::Server(entries) => {
                while count < limit && !entries.is_done() {
                    let group: Vec<_> = entries.take(GROUP.min(limit - count)).collect();
                    self.replica.warm_to_write(group.iter().flatten().map(Entry::key_bytes));
                    count += group.len();
                    for entry in group {
                        match entry {
                            Ok(entry) => self.merge_from_server(entry),
                            Err(error) => tracing::error!("{error}"),
                        }
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

    /// Takes an entry that came to this actor alone and passes it on to the siblings.
    fn merge_from_server(&mut self, entry: Entry) {
        if self.replica.merge(entry.clone()) {
            self.outbox.tell_all(entry);
        }
    }

    fn finish(&mut self, work: Work, ctx: &mut Ctx<'_>) {
        match (work.then, work.entries) {
            (Then::Heard { from, given, fetched }, _) => {
                for slice in fetched {
                    self.note_fetched(slice, ctx);
                }
                self.merged(from, given, ctx);
            }
            (Then::Brought { link, last }, _) => {
                self.peers.merged(link);
                let task = self.fetching.filter(|(server, _)| *server == link.0);
                if let (Some(ready), Some((server, attempt))) = (last, task) {
                    let fetched = Fetched { server, attempt, slice: link.1, ready };
                    self.outbox.tell_fetched(fetched);
                    self.note_fetched(fetched, ctx);
                }
            }
            (Then::Gave { ready, fetched }, Source::Own { to, .. }) => {
                self.outbox.gave_all(to, ready, fetched);
            }
            (Then::Gave { .. } | Then::Nothing, _) => {}
        }
    }

    /// A slice that this server wanted is merged here.
    fn note_fetched(&mut self, fetched: Fetched, ctx: &mut Ctx<'_>) {
        if self.fetched.iter().any(|known| known.attempt > fetched.attempt) {
            return;
        }
        self.fetched.retain(|known| known.attempt == fetched.attempt);
        if !self.fetched.iter().any(|known| known.slice == fetched.slice) {
            self.fetched.push(fetched);
            self.report_fetched(ctx);
        }
    }
}

impl Source {
    fn is_done(&self) -> bool {
        match self {
            Self::Sibling(entries) => entries.len() == 0,
            Self::Server(entries) => entries.is_done(),
            Self::Own { walk, .. } => walk.is_done(),
        }
    }
}
