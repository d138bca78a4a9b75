//! What has happened: a hash of everything, and the last lines of it for people.

use std::{collections::VecDeque, fmt};

/// A hash over every event of a world so far, with the content of its messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceHash(u64);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The kinds of events, as they stand in the hash.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Sent,
    Delivered,
    Lost,
    Held,
    Link,
    System,
    Actor,
    Clock,
    Report,
}

#[derive(Default)]
pub(super) struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    kept: usize,
}

impl Trace {
    /// Keeps the last `lines` events as text.
    pub(super) fn keep(&mut self, lines: usize) {
        self.kept = lines;
        self.lines.truncate(lines);
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    pub(super) fn hash(&self) -> TraceHash {
        TraceHash(fold(self.hash, 0))
    }

    /// Takes an event into the hash; its text is made only if it is kept.
    #[inline]
    pub(super) fn note(
        &mut self,
        now: u64,
        kind: Kind,
        words: [u64; 2],
        text: impl FnOnce() -> String,
    ) {
        // Each step is a bijection of the hash for a given word: one event that differs changes the end.
        for word in [now, kind as u64, words[0], words[1]] {
            self.hash = mix(self.hash, word);
        }
        if self.kept > 0 {
            self.write(now, &text());
        }
    }

    #[cold]
    fn write(&mut self, now: u64, text: &str) {
        if self.lines.len() >= self.kept {
            self.lines.pop_front();
        }
        self.lines.push_back(format!(
            "{:>6}.{:09} {text}",
            now / 1_000_000_000,
            now % 1_000_000_000
        ));
    }
}

fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// A hash of a message's bytes.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash, u64::from_le_bytes(last))
}

/// Spreads the high bits, where the mixing gathers its best, over all.
fn fold(hash: u64, word: u64) -> u64 {
    let hash = mix(hash, word);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[[u64; 2]]) -> TraceHash {
        let mut trace = Trace::default();
        for (time, event) in events.iter().enumerate() {
            trace.note(time as u64, Kind::Sent, *event, String::new);
        }
        trace.hash()
    }

    #[test]
    fn one_event_changes_the_hash() {
        let events: Vec<_> = (0..1000).map(|i| [i, i * i]).collect();
        let hash = after(&events);
        assert_eq!(hash, after(&events));
        for changed in 0..events.len() {
            let mut others = events.clone();
            others[changed][1] ^= 1;
            assert_ne!(hash, after(&others));
            others.remove(changed);
            assert_ne!(hash, after(&others));
        }
        let mut swapped = events;
        swapped.swap(3, 4);
        assert_ne!(hash, after(&swapped));
    }

    #[test]
    fn a_digest_sees_every_byte_and_the_length() {
        let bytes: Vec<u8> = (1..40).collect();
        for length in 0..bytes.len() {
            assert_ne!(digest(&bytes[..length]), digest(&bytes[..length + 1]));
            let mut changed = bytes.clone();
            changed[length] ^= 0x80;
            assert_ne!(digest(&bytes), digest(&changed));
        }
        assert_ne!(digest(&[0, 0]), digest(&[0, 0, 0]));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut trace = Trace::default();
        trace.note(0, Kind::Sent, [0; 2], || unreachable!("no text is wanted"));
        trace.keep(2);
        for number in 0..5 {
            trace.note(1_500_000_000, Kind::Sent, [0; 2], || format!("event {number}"));
        }
        let lines: Vec<_> = trace.lines().collect();
        assert_eq!(lines, ["     1.500000000 event 3", "     1.500000000 event 4"]);
    }
}
