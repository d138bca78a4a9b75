//! What an actor's clients wrote lately.

use std::collections::VecDeque;
use std::time::Duration;

use crate::entry::Entry;
use crate::replica::noted::NotedPlaces;
use crate::replica::{At, Replica};

/// A stream begins with what was written in this time before, since it may not have reached those
/// from whom the receiver has the rest.
const HISTORY: Duration = Duration::from_secs(5);

/// It goes back over so many writes at most.
const MAX_WRITES: usize = 1 << 16;

/// A stream begins with no more bytes of it than this, what is told and what it costs to tell it.
const MAX_BYTES: usize = 8 << 20;

/// What an entry costs that is told, beside its bytes.
const OVERHEAD: usize = 64;

/// Where an actor's clients wrote lately, in that order.
///
/// Only places of the replica are kept, so that a write costs next to nothing and lets what it
/// overwrites go. What is told is what is there then: if that is somebody else's write, it beats the one
/// that was noted, which nobody needs any more.
pub struct History {
    writes: VecDeque<(Duration, At)>,
    /// Whether that is all they have ever written.
    whole: bool,
}

impl History {
    /// Nothing; whether nothing was written before says `whole`.
    pub fn new(whole: bool) -> Self {
        Self { writes: VecDeque::new(), whole }
    }

    /// Its bytes.
    pub fn bytes(&self) -> usize {
        self.writes.len() * size_of::<(Duration, At)>()
    }

    /// A client has written.
    pub fn push(&mut self, at: At, now: Duration) {
        if self.writes.len() == MAX_WRITES {
            self.writes.pop_front();
            self.whole = false;
        }
        self.writes.push_back((now, at));
    }

    /// What is to be told of it to one who knows nothing, the newest entry of each key, and whether
    /// that is all that the actor's clients have ever written.
    pub fn tell<'r>(&mut self, replica: &'r Replica, now: Duration) -> (Vec<&'r Entry>, bool) {
        let old = self.writes.partition_point(|(at, _)| *at + HISTORY < now);
        self.writes.drain(..old);
        self.whole &= old == 0;
        let mut seen = NotedPlaces::default();
        let mut left = MAX_BYTES;
        let mut told = Vec::new();
        for (_, at) in self.writes.iter().rev() {
            // Where nothing is any more, whoever has deleted the key tells of it.
            let entry = replica.at(*at).filter(|_| seen.add(*at));
            let Some(entry) = entry else { continue };
            let Some(rest) = left.checked_sub(entry.bytes().len() + OVERHEAD) else {
                return (told, false);
            };
            left = rest;
            told.push(entry);
        }
        (told, self.whole)
    }
}

#[cfg(test)]
mod tests {
    use kvcommon::limits::MAX_VALUE_BYTES;

    use super::*;
    use crate::stamp::Writer;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    struct Written {
        replica: Replica,
        history: History,
    }

    impl Written {
        fn new() -> Self {
            Self { replica: Replica::default(), history: History::new(true) }
        }

        fn write(&mut self, at: u64, key: &str, value: Option<&str>) {
            let sought = self.replica.seek(key.as_bytes());
            let writer = Writer::new(1);
            let place = self.replica.write_above(&writer, at, None, (key, sought), value);
            self.history.push(place.unwrap(), ms(at));
        }

        fn tell(&mut self, at: u64) -> (Vec<&str>, bool) {
            let (told, whole) = self.history.tell(&self.replica, ms(at));
            (told.into_iter().map(Entry::key).collect(), whole)
        }
    }

    #[test]
    fn the_writes_of_five_seconds_are_told_each_key_once() {
        let mut written = Written::new();
        for (at, key) in [(0, "a"), (1000, "b"), (2000, "c"), (3000, "b")] {
            written.write(at, key, Some("v"));
        }
        assert_eq!(written.tell(5000), (vec!["b", "c", "a"], true));
        assert_eq!(written.tell(5001), (vec!["b", "c"], false));
        assert_eq!(written.tell(8001), (vec![], false));
    }

    #[test]
    fn a_deletion_is_told_and_what_is_no_more_is_not() {
        let mut written = Written::new();
        written.write(0, "a", Some("v"));
        written.write(1, "b", Some("v"));
        written.write(2, "a", None);
        assert_eq!(written.tell(2), (vec!["a", "b"], true));
        let tombstone = written.replica.get("a").unwrap().clone();
        written.replica.collect(&tombstone);
        assert_eq!(written.tell(2), (vec!["b"], true));
    }

    #[test]
    fn it_goes_back_over_so_many_writes_and_bytes_only() {
        let mut written = Written::new();
        written.write(0, "first", Some("v"));
        for _ in 1..MAX_WRITES {
            written.write(1, "a", Some("v"));
        }
        assert_eq!(written.tell(2), (vec!["a", "first"], true));
        written.write(1, "a", Some("v"));
        assert_eq!(written.tell(2), (vec!["a"], false));
        let large = "v".repeat(MAX_VALUE_BYTES);
        for number in 0..MAX_BYTES / MAX_VALUE_BYTES {
            written.write(2, &number.to_string(), Some(&large));
        }
        let (told, whole) = written.tell(3);
        assert_eq!((told.len(), whole), (MAX_BYTES / MAX_VALUE_BYTES - 1, false), "the newest");
    }
}
