//! How a replica fetches what another server's actor holds: slice by slice, a chunk at a time.
//!
//! The one who fetches asks for each chunk and says where it begins, so the giver keeps nothing in
//! mind, and what is lost is asked for again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pack::{Pack, Packer};
use crate::replica::{Replica, Walk};

/// A chunk is full at so many bytes. With a frame of the stream it stays below 4 MiB.
pub const CHUNK_BYTES: usize = 2560 * 1024;

/// The parts of a chunk have so many bytes, and an entry. They come and go one by one as they are merged.
/// What is far larger, one thread allocates and another one lets go of, an allocator may keep for long:
/// with chunks in one piece, a new server of a million keys took 100 MiB more.
const PART_BYTES: usize = 64 * 1024;

/// A chunk with more parts than this does not come from a giver like this.
const MAX_PARTS: usize = CHUNK_BYTES / PART_BYTES + 2;

/// A chunk that was asked for and has not come within this time is asked for again.
pub const ASK_AGAIN: Duration = Duration::from_secs(3);

/// A part of all keys, by their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slice {
    /// Which part.
    pub index: u16,
    /// Of how many.
    pub of: u16,
}

impl Slice {
    /// Whether a key belongs to the slice. Every key belongs to exactly one of each number.
    pub fn has(self, key: &[u8]) -> bool {
        // FNV-1a, and a multiplication to spread what the last bytes differ in: the same on every
        // machine and in every version.
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        let hash = key.iter().fold(0xcbf2_9ce4_8422_2325, step);
        let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((hash >> 32) * u64::from(self.of)) >> 32 == u64::from(self.index)
    }
}

/// Asks for the next chunk of a slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The number of the question.
    pub turn: u32,
    /// The slice.
    pub slice: Slice,
    /// Where the chunk begins.
    pub from: Walk,
}

/// A part of a slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The question that this answers.
    pub turn: u32,
    /// What is in it, part by part.
    pub parts: Vec<Pack>,
    /// Where the next chunk begins; it is done where the slice is.
    pub next: Walk,
    /// Whether the giver was ready, so that what it holds is everything.
    pub ready: bool,
}

/// The side that asks.
pub struct Fetch {
    slice: Slice,
    walk: Walk,
    turn: u32,
    asked: Option<Duration>,
    ready: bool,
    unmerged: u32,
}

/// What a chunk brings.
pub struct Brought {
    /// The entries.
    pub parts: Vec<Pack>,
    /// Set with the last chunk: whether all of them came from a replica that was ready.
    pub last: Option<bool>,
}

impl Fetch {
    /// Begins to fetch a slice. No two fetches of one actor use the same turns.
    pub fn new(slice: Slice, turn: u32) -> Self {
        Self { slice, walk: Walk::default(), turn, asked: None, ready: true, unmerged: 0 }
    }

    /// How long the next question has to wait, if there is one.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        let may = !self.walk.is_done() && self.unmerged <= 1;
        may.then(|| self.asked.map_or(Duration::ZERO, |at| (at + ASK_AGAIN).saturating_sub(now)))
    }

    /// The next question.
    pub fn ask(&mut self, now: Duration) -> Request {
        self.asked = Some(now);
        Request { turn: self.turn, slice: self.slice, from: self.walk.clone() }
    }

    /// Takes a chunk, unless nobody has asked for it, or for another one.
    pub fn take_in(&mut self, chunk: Chunk) -> Option<Brought> {
        let asked_for = chunk.turn == self.turn && self.asked.is_some() && !self.walk.is_done();
        if !asked_for || chunk.parts.len() > MAX_PARTS {
            return None;
        }
        self.turn = self.turn.wrapping_add(1);
        self.asked = None;
        self.walk = chunk.next;
        self.ready &= chunk.ready;
        self.unmerged += 1;
        Some(Brought { parts: chunk.parts, last: self.walk.is_done().then_some(self.ready) })
    }

    /// Notes that what a chunk brought has been merged.
    pub fn merged(&mut self) {
        self.unmerged = self.unmerged.saturating_sub(1);
    }

    /// The turn that comes next.
    pub fn turn(&self) -> u32 {
        self.turn
    }
}

/// The side that gives, at work on one chunk.
pub struct Giving {
    turn: u32,
    slice: Slice,
    from: Walk,
    walk: Walk,
    parts: Vec<Pack>,
    packer: Packer,
    ready: bool,
}

impl Chunk {
    /// How many bytes its entries take.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Pack::len).sum()
    }
}

impl Giving {
    /// Begins to answer a question.
    pub fn new(Request { turn, slice, from }: Request, ready: bool) -> Self {
        let (walk, parts, packer) = (from.clone(), Vec::new(), Packer::default());
        Self { turn, slice, from, walk, parts, packer, ready }
    }

    /// Whether this is the question that is being answered.
    pub fn is_for(&self, request: &Request) -> bool {
        (self.turn, self.slice, &self.from) == (request.turn, request.slice, &request.from)
    }

    /// How many bytes there are so far.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Pack::len).sum::<usize>() + self.packer.len()
    }

    /// Begins anew: what was collected is void.
    pub fn restart(&mut self) {
        self.parts.clear();
        self.packer = Packer::default();
        self.walk = self.from.clone();
    }

    /// Looks at no more than `limit` further entries. Returns the chunk when it is complete.
    pub fn go_on(&mut self, replica: &Replica, limit: usize) -> Option<Chunk> {
        let start = self.walk.clone();
        for entry in replica.walk(&mut self.walk, limit) {
            if self.slice.has(entry.key_bytes()) {
                self.packer.push(&entry);
                if self.packer.len() >= PART_BYTES {
                    self.end_part();
                    if self.bytes() >= CHUNK_BYTES {
                        self.walk = start.at(&entry);
                        break;
                    }
                }
            }
        }
        if self.bytes() < CHUNK_BYTES && !self.walk.is_done() {
            return None;
        }
        self.end_part();
        let parts = std::mem::take(&mut self.parts);
        Some(Chunk { turn: self.turn, parts, next: self.walk.clone(), ready: self.ready })
    }

    fn end_part(&mut self) {
        if self.packer.len() > 0 {
            self.parts.push(std::mem::take(&mut self.packer).finish());
        }
    }
}

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::super::pack::Unpacker;
    use super::*;
    use crate::entry::Entry;

    fn replica(count: u32, value: &str) -> Replica {
        let mut replica = Replica::default();
        for number in 0..count {
            let stamp = Stamp { millis: number.into(), counter: 0, uid: 1 };
            let value = (number % 10 != 0).then_some(value);
            replica.merge(Entry::new(stamp, &format!("key/{number}"), value));
        }
        replica
    }

    /// Fetches all slices, and returns the copy and the number of chunks.
    fn copy(from: &Replica, of: u16) -> (Replica, usize) {
        let (mut to, mut chunks) = (Replica::default(), 0);
        for index in 0..of {
            let mut fetch = Fetch::new(Slice { index, of }, 7);
            while fetch.wait(Duration::ZERO).is_some() {
                let mut giving = Giving::new(fetch.ask(Duration::ZERO), true);
                let chunk = loop {
                    if let Some(chunk) = giving.go_on(from, 100) {
                        break chunk;
                    }
                };
                assert!(chunk.bytes() < CHUNK_BYTES + 300_000);
                assert!(chunk.parts.iter().all(|part| part.len() < PART_BYTES + 300_000));
                assert!(fetch.take_in(Chunk { turn: 3, ..chunk.clone() }).is_none());
                let parts = fetch.take_in(chunk).unwrap().parts;
                for entry in parts.into_iter().flat_map(Unpacker::from) {
                    assert!(to.merge(entry.unwrap()), "no entry comes twice");
                }
                fetch.merged();
                chunks += 1;
            }
        }
        (to, chunks)
    }

    fn check_copy(count: u32, value: &str, of: u16) -> usize {
        let from = replica(count, value);
        let (to, chunks) = copy(&from, of);
        let all = |replica: &Replica| replica.walk(&mut Walk::default(), usize::MAX);
        let tombstones = |replica: &Replica| {
            let mut walk = Walk::default();
            replica.walk(&mut walk, usize::MAX);
            replica.walk(&mut walk, usize::MAX)
        };
        assert_eq!(all(&from), all(&to));
        assert_eq!(tombstones(&from), tombstones(&to));
        chunks
    }

    #[test]
    fn all_slices_together_are_everything_once() {
        for of in [1, 2, 3, 8] {
            assert_eq!(check_copy(1000, "value", of), usize::from(of));
        }
        assert_eq!(check_copy(0, "", 2), 2);
    }

    #[test]
    fn a_large_slice_comes_in_chunks() {
        assert!(check_copy(500, &"v".repeat(20_000), 2) > 3);
    }

    #[test]
    fn slices_are_of_about_one_size() {
        for of in [2, 4, 7] {
            for index in 0..of {
                let has = |number: &u32| Slice { index, of }.has(format!("k{number}").as_bytes());
                let share = (0..10_000).filter(has).count() * usize::from(of);
                assert!((8_000..12_000).contains(&share), "{share}");
            }
        }
    }

    #[test]
    fn a_chunk_that_nobody_has_asked_for_is_not_taken() {
        let from = replica(100, "value");
        let mut fetch = Fetch::new(Slice { index: 0, of: 1 }, 7);
        let question = Fetch::new(Slice { index: 0, of: 1 }, 7).ask(Duration::ZERO);
        let mut giving = Giving::new(question, true);
        let chunk = std::iter::repeat_with(|| giving.go_on(&from, 1000)).flatten().next().unwrap();
        assert!(fetch.take_in(chunk.clone()).is_none());
        fetch.ask(Duration::ZERO);
        let parts = vec![Packer::default().finish(); MAX_PARTS + 1];
        assert!(fetch.take_in(Chunk { parts, ..chunk.clone() }).is_none(), "nobody gives so many");
        assert!(fetch.take_in(chunk).is_some());
    }

    #[test]
    fn a_slice_is_whole_if_all_its_givers_were_ready() {
        for (first, second) in [(true, true), (true, false), (false, true)] {
            let mut fetch = Fetch::new(Slice { index: 0, of: 1 }, 0);
            let from = replica(500, &"v".repeat(20_000));
            let mut last = None;
            for ready in std::iter::once(first).chain(std::iter::repeat(second)) {
                let mut giving = Giving::new(fetch.ask(Duration::ZERO), ready);
                let mut steps = std::iter::repeat_with(|| giving.go_on(&from, 1000));
                let chunk = steps.find_map(|chunk| chunk).unwrap();
                last = fetch.take_in(chunk).unwrap().last;
                if last.is_some() {
                    break;
                }
            }
            assert_eq!(last, Some(first && second));
        }
    }

    #[test]
    fn a_question_that_is_asked_again_is_the_same_and_the_next_one_is_not() {
        let from = replica(500, &"v".repeat(20_000));
        let mut fetch = Fetch::new(Slice { index: 0, of: 1 }, 0);
        let mut giving = Giving::new(fetch.ask(Duration::ZERO), true);
        assert!(giving.is_for(&fetch.ask(ASK_AGAIN)));
        let chunk = std::iter::repeat_with(|| giving.go_on(&from, 1000)).flatten().next().unwrap();
        fetch.take_in(chunk).unwrap();
        assert!(!giving.is_for(&fetch.ask(ASK_AGAIN)));
        assert!(!giving.is_for(&Fetch::new(Slice { index: 0, of: 2 }, 0).ask(ASK_AGAIN)));
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again() {
        let mut fetch = Fetch::new(Slice { index: 0, of: 1 }, 0);
        let first = fetch.ask(Duration::ZERO);
        assert_eq!(fetch.wait(Duration::from_secs(1)), Some(Duration::from_secs(2)));
        assert_eq!(fetch.wait(ASK_AGAIN), Some(Duration::ZERO));
        assert_eq!(fetch.ask(ASK_AGAIN), first);
    }
}
