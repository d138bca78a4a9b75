//! What an actor's clients wrote lately.

use std::collections::VecDeque;
use std::time::Duration;

use crate::entry::Entry;
use crate::query_actor::tombstones::Tombstones;

/// A stream begins with what was written in this time before, since it may not have reached those
/// from whom the receiver has the rest.
const HISTORY: Duration = Duration::from_secs(5);

/// The history holds no more bytes than this.
const HISTORY_BYTES: usize = 8 << 20;

/// What is left of the history when it has grown beyond that.
const HISTORY_KEPT_BYTES: usize = HISTORY_BYTES - HISTORY_BYTES / 64;

/// Entries may be older than [`HISTORY`] by so much before a write has them forgotten.
const GRACE: Duration = Duration::from_millis(100);

/// What an entry of the history costs beside its bytes.
const HISTORY_OVERHEAD: usize = 64;

/// What an actor's clients wrote lately, in that order.
pub struct History {
    entries: VecDeque<(Duration, Entry)>,
    bytes: usize,
    /// Whether that is all they have ever written.
    whole: bool,
}

impl History {
    /// Nothing; whether nothing was written before says `whole`.
    pub fn new(whole: bool) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, whole }
    }

    /// Whether it is all that the actor's clients have ever written.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Its bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// A client has written.
    pub fn push(&mut self, entry: Entry, now: Duration) {
        self.bytes += entry.bytes().len() + HISTORY_OVERHEAD;
        self.entries.push_back((now, entry));
        let oldest = self.entries.front().map(|(at, _)| *at);
        if self.bytes > HISTORY_BYTES || oldest.is_some_and(|at| at + HISTORY + GRACE < now) {
            self.forget_old(now);
        }
    }

    /// Sees to it that nothing is told any more that these tombstones have made void.
    pub fn purge(&mut self, tombstones: &Tombstones, collected: bool) {
        for (_, entry) in &mut self.entries {
            if let Some(tombstone) = tombstones.voids(entry, false) {
                self.bytes = self.bytes + tombstone.bytes().len() - entry.bytes().len();
                *entry = tombstone.clone();
            }
        }
        if collected {
            let bytes = &mut self.bytes;
            self.entries.retain(|(_, entry)| {
                let stays = tombstones.voids(entry, true).is_none();
                *bytes -= if stays { 0 } else { entry.bytes().len() + HISTORY_OVERHEAD };
                stays
            });
        }
    }

    /// Forgets what is too old or, when there is too much, a little more than has to be: many
    /// entries at once take less time than one at every write, since memory is waited for once.
    pub fn forget_old(&mut self, now: Duration) {
        let keep = if self.bytes > HISTORY_BYTES { HISTORY_KEPT_BYTES } else { HISTORY_BYTES };
        let mut bytes = self.bytes;
        let old = self.entries.iter().take_while(|(at, entry)| {
            let is_old = *at + HISTORY < now || bytes > keep;
            bytes -= if is_old { entry.bytes().len() + HISTORY_OVERHEAD } else { 0 };
            is_old
        });
        let old = old.count();
        self.entries.drain(..old);
        self.bytes = bytes;
        self.whole &= old == 0;
    }
}
