//! The two walks of a repair: one replica lists what it holds, the other compares its own with it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::VecDeque;

use super::message::{ENTRIES_BYTES, HELD_BYTES, Held, MAX_ENTRIES, Message, Round};
use super::sums::Bucket;
use crate::entry::Entry;
use crate::replica::Replica;

/// Some buckets, for a quick look.
#[derive(Clone, Default)]
pub struct Buckets(Vec<Bucket>);

impl Buckets {
    /// In order, each once.
    pub fn numbers(&self) -> &[Bucket] {
        &self.0
    }

    fn has(&self, bucket: Bucket) -> bool {
        self.0.binary_search(&bucket).is_ok()
    }
}

impl FromIterator<Bucket> for Buckets {
    fn from_iter<I: IntoIterator<Item = Bucket>>(buckets: I) -> Self {
        let mut buckets: Vec<Bucket> = buckets.into_iter().collect();
        buckets.sort_unstable();
        buckets.dedup();
        Self(buckets)
    }
}

/// The answer to an [`Message::Ask`] in the making.
pub struct Listing {
    round: Round,
    buckets: Buckets,
    after: Option<String>,
    reached: Option<String>,
    held: Vec<Held>,
    bytes: usize,
}

impl Listing {
    pub fn new(round: Round, buckets: Buckets, after: Option<String>) -> Self {
        Self { round, buckets, reached: after.clone(), after, held: Vec::new(), bytes: 0 }
    }

    /// Walks over at most `limit` entries; gives the answer when it is complete.
    pub fn work(&mut self, replica: &Replica, limit: usize) -> Option<Message> {
        let mut walked = 0;
        let mut last = None;
        for entry in replica.live_after(self.reached.as_deref()).take(limit) {
            walked += 1;
            last = Some(entry);
            if self.buckets.has(replica.bucket(entry.key())) {
                self.bytes += entry.key_bytes().len() + 32;
                self.held.push(entry.into());
                if self.bytes >= HELD_BYTES {
                    return Some(self.answer(Some(entry.key().to_owned())));
                }
            }
        }
        if walked < limit {
            return Some(self.answer(None));
        }
        self.reached = last.map(|entry| entry.key().to_owned());
        None
    }

    fn answer(&mut self, to: Option<String>) -> Message {
        let held = std::mem::take(&mut self.held);
        Message::Held { round: self.round, after: self.after.take(), to, held }
    }
}

/// The comparison of what we hold with what the peer has listed.
pub struct Settling {
    buckets: Buckets,
    reached: Option<String>,
    to: Option<String>,
    held: VecDeque<Held>,
    give: Vec<Entry>,
    give_bytes: usize,
    want: Vec<String>,
    want_bytes: usize,
}

/// What a stretch of a [`Settling`] has led to.
pub struct Settled {
    /// What to send.
    pub message: Option<Message>,
    /// The key from which to go on; without one, the repair is over.
    pub next: Option<String>,
}

impl Settling {
    pub fn new(
        buckets: Buckets,
        after: Option<String>,
        to: Option<String>,
        mut held: Vec<Held>,
    ) -> Self {
        held.retain(|held| Some(&held.key) > after.as_ref() && covers(to.as_deref(), &held.key));
        held.sort_by(|a, b| a.key.cmp(&b.key));
        Self {
            buckets,
            reached: after,
            to,
            held: held.into(),
            give: Vec::new(),
            give_bytes: 0,
            want: Vec::new(),
            want_bytes: 0,
        }
    }

    /// Walks over at most `limit` entries; gives a result when a message is full or all is compared.
    pub fn work(&mut self, replica: &Replica, limit: usize) -> Option<Settled> {
        let mut reached = None;
        let from = self.reached.take();
        let mut entries = replica.live_after(from.as_deref()).peekable();
        let mut over = false;
        for _ in 0..limit {
            if self.is_full() {
                break;
            }
            let mine = entries.peek().copied();
            let mine = mine.filter(|mine| covers(self.to.as_deref(), mine.key()));
            let theirs_first = match (mine, self.held.front()) {
                (Some(mine), Some(theirs)) => theirs.key.as_str() < mine.key(),
                (mine, _) => mine.is_none(),
            };
            if !theirs_first && let Some(mine) = mine {
                self.settle(mine, replica);
                entries.next();
                reached = Some(Cow::Borrowed(mine.key()));
            } else if let Some(theirs) = self.held.pop_front() {
                reached = Some(Cow::Owned(theirs.key.clone()));
                self.ask_for(theirs, replica);
            } else {
                over = true;
                break;
            }
        }
        let reached = reached.map(Cow::into_owned).or(from);
        if over {
            return Some(self.result(self.to.clone()));
        }
        if self.is_full() {
            return Some(self.result(reached));
        }
        self.reached = reached;
        None
    }

    fn settle(&mut self, mine: &Entry, replica: &Replica) {
        let both = self.held.front().is_some_and(|theirs| theirs.key == mine.key());
        let Some(theirs) = both.then(|| self.held.pop_front()).flatten() else {
            if self.buckets.has(replica.bucket(mine.key())) {
                self.give(mine.clone());
            }
            return;
        };
        let held = Held::from(mine);
        match theirs.stamp.cmp(&held.stamp) {
            Ordering::Greater => self.ask_for(theirs, replica),
            Ordering::Equal if theirs.print == held.print => {}
            Ordering::Equal | Ordering::Less => self.give(mine.clone()),
        }
    }

    /// Asks for what the peer holds, unless we know that the key was deleted after it.
    fn ask_for(&mut self, theirs: Held, replica: &Replica) {
        match replica.get(&theirs.key) {
            Some(mine) if mine.stamp() > theirs.stamp => self.give(mine.clone()),
            _ => {
                self.want_bytes += theirs.bytes as usize;
                self.want.push(theirs.key);
            }
        }
    }

    fn give(&mut self, entry: Entry) {
        self.give_bytes += entry.bytes().len();
        self.give.push(entry);
    }

    fn is_full(&self) -> bool {
        self.give_bytes.max(self.want_bytes) >= ENTRIES_BYTES
            || self.give.len().max(self.want.len()) >= MAX_ENTRIES
    }

    fn result(&mut self, next: Option<String>) -> Settled {
        let (entries, want) = (std::mem::take(&mut self.give), std::mem::take(&mut self.want));
        let silent = entries.is_empty() && want.is_empty();
        Settled { message: (!silent).then_some(Message::Settle { entries, want }), next }
    }
}

fn covers(to: Option<&str>, key: &str) -> bool {
    to.is_none_or(|to| key <= to)
}

/// What comes of what a peer gives.
pub struct Exchanged {
    /// What it gets in return.
    pub answer: Option<Message>,
    /// What was news to us.
    pub learned: Vec<Entry>,
    /// How many entries we held already.
    pub held: usize,
}

/// Takes what the peer gives, and finds what it wants.
pub fn exchange(replica: &mut Replica, entries: Vec<Entry>, want: &[String]) -> Exchanged {
    let mut learned = Vec::new();
    let mut back = Vec::new();
    let mut held_already = 0;
    for entry in entries.into_iter().take(MAX_ENTRIES) {
        if replica.merge(entry.clone()) {
            learned.push(entry);
        } else if let Some(held) = replica.get(entry.key()).filter(|held| held.beats(&entry)) {
            back.push(held.clone());
        } else {
            held_already += 1;
        }
    }
    let wanted = want.iter().take(MAX_ENTRIES).filter_map(|key| replica.get(key)).cloned();
    let mut bytes = 0;
    let entries: Vec<Entry> = back
        .into_iter()
        .chain(wanted)
        .take(MAX_ENTRIES)
        .take_while(|entry| {
            let fits = bytes < ENTRIES_BYTES;
            bytes += entry.bytes().len();
            fits
        })
        .collect();
    let answer = (!entries.is_empty()).then_some(Message::Settle { entries, want: Vec::new() });
    Exchanged { answer, learned, held: held_already }
}
