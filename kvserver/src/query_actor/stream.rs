//! One actor's writes on their way to one actor of another server, across whatever gets lost.
//!
//! The sender numbers its frames and remembers for each key in which frame it went out last. The
//! receiver says which frames have come. Messages between two actors arrive in their order or not at
//! all, so a frame that has not come when something later has is lost; then the keys whose last
//! frame it was wait to be sent again, with their newest entry, and nothing else is. When answers
//! fail to come, a probe, which is a position without entries, asks for one.
//!
//! A stream belongs to one state of each actor. When either begins anew, so does the stream.

mod incoming;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pack::{Pack, Packer};
use super::tombstones::Tombstones;
use crate::entry::{ByKey, Entry};
pub use incoming::{Came, Incoming, Place};

/// At most so many frames are unanswered: as many as an [`Ack`] can tell apart.
pub const WINDOW: u64 = 64;

/// At most so many bytes are unanswered: eight frames a second of the largest size, for a second.
const WINDOW_BYTES: usize = 32 << 20;

/// At most so many bytes are kept for a receiver that does not answer. Beyond that the stream lets
/// go of all of them, and the receiver has to compare stores when it is back.
pub const MAX_HELD_BYTES: usize = 64 << 20;

/// What a held entry costs beside its bytes, about.
const HELD_OVERHEAD: usize = 100;

/// An answer that takes longer is asked for: a round trip of half a second, and half a second in
/// which it waits for company.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(1000);

/// Where a stream is, and what it brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// Which stream of the sender's state it is; a later one has a larger number.
    pub stream: u32,
    /// Whether the stream began with everything that the sender's clients have ever written.
    pub whole: bool,
    /// The number of the last frame that was sent, this one included. The first is 1.
    pub sent: u64,
    /// The first frame that the sender still wants an answer for.
    pub oldest: u64,
    /// The entries of frame `sent`; without them this is a probe.
    pub entries: Option<Pack>,
}

/// What has come of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The stream.
    pub stream: u32,
    /// Every frame up to this one has come, or is wanted no more.
    pub through: u64,
    /// Bit n: frame `through + 1 + n` has come.
    pub beyond: u64,
    /// Frames up to this one have come or never will.
    pub heard: u64,
}

impl Ack {
    fn has(&self, frame: u64) -> bool {
        frame
            .checked_sub(self.through)
            .and_then(|place| place.checked_sub(1))
            .is_none_or(|place| place < WINDOW && self.beyond >> place & 1 == 1)
    }
}

/// The sender's end.
pub struct Outgoing {
    stream: u32,
    whole: bool,
    /// Whether the receiver has answered this stream.
    answered: bool,
    /// What is to be sent, the newest entry of each key.
    waiting: BTreeSet<ByKey>,
    /// The last key taken from `waiting`: the next frame goes on behind it, so that busy keys at
    /// the front do not starve the others.
    last_taken: Option<ByKey>,
    /// The entry of each key that is under way, and the last frame it went in.
    under_way: BTreeMap<ByKey, u64>,
    frames: BTreeMap<u64, InFlight>,
    sent: u64,
    bytes_in_flight: usize,
    held: usize,
    /// Since when something has waited to be sent, at the most.
    waiting_from: Option<Duration>,
    /// How many entries were lost and had to wait again.
    again: u64,
    /// When an answer was last due to be waited for.
    waiting_since: Option<Duration>,
}

struct InFlight {
    keys: Vec<ByKey>,
    bytes: usize,
    at: Duration,
    /// Since when the oldest entry has waited, at the most.
    from: Duration,
}

fn cost(entry: &ByKey) -> usize {
    entry.0.bytes().len() + HELD_OVERHEAD
}

impl Outgoing {
    /// A stream with this number that begins with `entries`.
    pub fn new(
        stream: u32,
        whole: bool,
        entries: impl Iterator<Item = Entry>,
        now: Duration,
    ) -> Self {
        let mut stream = Self {
            stream,
            whole,
            answered: false,
            waiting: BTreeSet::new(),
            last_taken: None,
            under_way: BTreeMap::new(),
            frames: BTreeMap::new(),
            sent: 0,
            bytes_in_flight: 0,
            held: 0,
            waiting_from: None,
            again: 0,
            waiting_since: None,
        };
        entries.for_each(|entry| stream.tell(entry, now));
        stream
    }

    /// Begins anew, with `entries`: the receiver is not who it was.
    pub fn restart(&mut self, whole: bool, entries: impl Iterator<Item = Entry>, now: Duration) {
        let (stream, again) = (self.stream + 1, self.again);
        *self = Self { again, ..Self::new(stream, whole, entries, now) };
    }

    /// The stream's number.
    pub fn number(&self) -> u32 {
        self.stream
    }

    /// Takes on an entry; an earlier one of the same key need not be sent any more.
    pub fn tell(&mut self, entry: Entry, now: Duration) {
        let held = self.waiting.get(entry.key_bytes());
        if held.is_some_and(|ByKey(held)| !entry.beats(held)) {
            return;
        }
        let entry = ByKey(entry);
        self.held += cost(&entry);
        if let Some(old) = self.waiting.replace(entry) {
            self.held -= cost(&old);
        }
        self.waiting_from.get_or_insert(now);
        if self.held > MAX_HELD_BYTES {
            self.restart(false, std::iter::empty(), now);
        }
    }

    /// Whether a frame with entries may be sent.
    pub fn has_frame(&self) -> bool {
        !self.waiting.is_empty()
            && self.sent + 1 - self.oldest() < WINDOW
            && self.bytes_in_flight < WINDOW_BYTES
    }

    /// Whether a new stream has yet to be announced.
    pub fn is_new(&self) -> bool {
        !self.answered && self.waiting_since.is_none()
    }

    /// When the receiver is to be asked what has come, if nothing comes from it before.
    pub fn probe_at(&self) -> Option<Duration> {
        self.waiting_since.map(|since| since + ANSWER_WITHIN)
    }

    /// The next position to send: with about `budget` bytes of entries, if there may be any.
    pub fn take(&mut self, now: Duration, budget: usize) -> Data {
        let entries = self.has_frame().then(|| self.take_entries(now, budget));
        Data { entries, ..self.probe(now) }
    }

    /// The position without entries, which asks for an answer.
    pub fn probe(&mut self, now: Duration) -> Data {
        self.waiting_since = Some(now);
        let Self { stream, whole, sent, .. } = *self;
        Data { stream, whole, sent, oldest: self.oldest(), entries: None }
    }

    fn take_entries(&mut self, now: Duration, budget: usize) -> Pack {
        self.sent += 1;
        let mut packer = Packer::default();
        let mut keys = Vec::new();
        while packer.len() < budget
            && let Some(entry) = self.next_waiting()
        {
            packer.push(&entry.0);
            // An older one stays with the frame that it is in.
            self.under_way.remove(entry.0.key_bytes());
            self.under_way.insert(entry.clone(), self.sent);
            self.last_taken = Some(entry.clone());
            keys.push(entry);
        }
        let pack = packer.finish();
        self.bytes_in_flight += pack.len();
        let from = self.waiting_from.take().unwrap_or(now);
        self.waiting_from = (!self.waiting.is_empty()).then_some(from);
        self.frames.insert(self.sent, InFlight { keys, bytes: pack.len(), at: now, from });
        pack
    }

    fn next_waiting(&mut self) -> Option<ByKey> {
        let behind = self.last_taken.as_ref().and_then(|last| {
            let from = (Bound::Excluded(last), Bound::Unbounded);
            self.waiting.range::<ByKey, _>(from).next().cloned()
        });
        match behind {
            Some(entry) => self.waiting.take(entry.0.key_bytes()),
            None => self.waiting.pop_first(),
        }
    }

    /// Learns what has come. Returns the time that the newest frame among it was under way and back.
    pub fn take_in(&mut self, ack: &Ack, now: Duration) -> Option<Duration> {
        if ack.stream != self.stream || ack.heard > self.sent {
            return None;
        }
        self.answered = true;
        let mut round_trip = None;
        let settled: Vec<u64> = self.frames.range(..=ack.heard).map(|(frame, _)| *frame).collect();
        for frame in settled {
            let Some(InFlight { keys, bytes, at, from }) = self.frames.remove(&frame) else {
                continue;
            };
            self.bytes_in_flight -= bytes;
            let has_come = ack.has(frame);
            if has_come {
                round_trip = Some(now.saturating_sub(at));
            }
            for key in keys {
                self.settle(&key, frame, has_come, from);
            }
        }
        self.waiting_since = (!self.frames.is_empty()).then_some(now);
        round_trip
    }

    /// A key of a frame that has come, or is lost.
    fn settle(&mut self, key: &ByKey, frame: u64, has_come: bool, from: Duration) {
        if self.under_way.get(key.0.key_bytes()) != Some(&frame) {
            self.held -= cost(key);
            return;
        }
        let Some((entry, _)) = self.under_way.remove_entry(key.0.key_bytes()) else { return };
        if has_come || self.waiting.contains(&entry) {
            self.held -= cost(&entry);
        } else {
            self.waiting.insert(entry);
            self.waiting_from = Some(self.waiting_from.map_or(from, |before| before.min(from)));
            self.again += 1;
        }
    }

    /// Sees to it that nothing is sent any more that these tombstones have made void: one of them
    /// goes in its place or, where they are `collected`, nothing.
    pub fn purge(&mut self, tombstones: &Tombstones, collected: bool, now: Duration) {
        let void = |ByKey(entry): &ByKey| tombstones.voids(entry, collected).cloned();
        let sent: Vec<Entry> = self.under_way.keys().filter_map(void).collect();
        for tombstone in &sent {
            // The frame still counts what was in it.
            self.under_way.remove(tombstone.key_bytes());
        }
        let waiting: Vec<Entry> = self.waiting.iter().filter_map(void).collect();
        for tombstone in &waiting {
            if let Some(held) = self.waiting.take(tombstone.key_bytes()) {
                self.held -= cost(&held);
            }
        }
        if !collected {
            sent.into_iter().chain(waiting).for_each(|tombstone| self.tell(tombstone, now));
        }
    }

    /// What the receiver is not known to have.
    pub fn missing(&self) -> impl Iterator<Item = &Entry> {
        self.under_way.keys().chain(&self.waiting).map(|ByKey(entry)| entry)
    }

    /// How many entries the receiver is not known to have.
    pub fn lag(&self) -> usize {
        self.under_way.len() + self.waiting.len()
    }

    /// Since when the oldest entry that the receiver is not known to have was to be sent to it, at
    /// the most; an entry that has overwritten it meanwhile may be younger.
    pub fn lag_since(&self) -> Option<Duration> {
        let frames = self.frames.values().map(|frame| frame.from);
        frames.chain(self.waiting_from).min()
    }

    /// How many bytes are held for the receiver, at most [`MAX_HELD_BYTES`].
    pub fn held(&self) -> usize {
        self.held
    }

    /// How many entries were sent again, or will be, since what they went in was lost.
    pub fn again(&self) -> u64 {
        self.again
    }

    /// The first frame that is neither known to have come nor lost.
    fn oldest(&self) -> u64 {
        self.frames.first_key_value().map_or(self.sent + 1, |(frame, _)| *frame)
    }
}

#[cfg(test)]
mod tests;
