//! The tombstones of a round.

use std::collections::BTreeSet;

use super::pack::{Pack, Unpacker};
use crate::digest;
use crate::entry::{ByKey, Entry};

/// The tombstones of a round, by their keys.
pub struct Tombstones(BTreeSet<ByKey>);

impl Tombstones {
    /// Those of a pack. `None` if it holds anything else.
    pub fn read(pack: &Pack) -> Option<Self> {
        let mut all = BTreeSet::new();
        for entry in Unpacker::from(pack.clone()) {
            let entry = entry.ok().filter(Entry::is_tombstone)?;
            let newest = all.get(entry.key_bytes()).is_none_or(|ByKey(one)| entry.beats(one));
            if newest {
                all.replace(ByKey(entry));
            }
        }
        Some(Self(all))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().map(|ByKey(entry)| entry)
    }

    /// The latest of their stamps, in milliseconds.
    pub fn newest_millis(&self) -> u64 {
        self.iter().map(|entry| entry.stamp().millis).max().unwrap_or(0)
    }

    /// The tombstone that has made an entry void: it beats it, or, where they are `collected`, the
    /// entry is the tombstone itself.
    pub fn voids(&self, entry: &Entry, collected: bool) -> Option<&Entry> {
        let ByKey(tombstone) = self.0.get(entry.key_bytes())?;
        let void = if collected { !entry.beats(tombstone) } else { tombstone.beats(entry) };
        void.then_some(tombstone)
    }

    /// Puts tombstones in the place of entries that they have made void, or takes these away where the
    /// tombstones are collected.
    pub fn purge(&self, entries: &mut Vec<Entry>, collected: bool) {
        if collected {
            entries.retain(|entry| self.voids(entry, true).is_none());
            return;
        }
        for entry in entries {
            if let Some(tombstone) = self.voids(entry, false) {
                *entry = tombstone.clone();
            }
        }
    }
}

/// Whether a message that is said in comparing brings entries. To drop it costs a round of comparing.
pub fn brings_entries(message: &digest::Message) -> bool {
    matches!(message, digest::Message::Settle { .. })
}

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::super::pack::Packer;
    use super::*;

    fn entry(key: &str, millis: u64, value: Option<&str>) -> Entry {
        Entry::new(Stamp { millis, counter: 0, uid: 1 }, key, value)
    }

    fn pack(entries: &[Entry]) -> Pack {
        let mut packer = Packer::default();
        entries.iter().for_each(|entry| packer.push(entry));
        packer.finish()
    }

    #[test]
    fn what_is_older_becomes_the_tombstone_and_goes_with_it() {
        let (a, b) = (entry("a", 5, None), entry("b", 7, None));
        let tombstones = Tombstones::read(&pack(&[a.clone(), b])).unwrap();
        assert_eq!(tombstones.newest_millis(), 7);
        let (newer, other) = (entry("a", 6, Some("v")), entry("c", 1, Some("v")));
        let mut held = vec![entry("a", 4, Some("v")), newer.clone(), other.clone()];
        tombstones.purge(&mut held, false);
        assert_eq!(held, [a, newer.clone(), other.clone()]);
        tombstones.purge(&mut held, true);
        assert_eq!(held, [newer, other]);
    }

    #[test]
    fn of_two_tombstones_of_a_key_the_later_one_counts() {
        for (first, second) in [(5, 7), (7, 5)] {
            let both = [entry("a", first, None), entry("a", second, None)];
            let tombstones = Tombstones::read(&pack(&both)).unwrap();
            assert!(tombstones.voids(&entry("a", 6, Some("v")), false).is_some());
            assert_eq!(tombstones.iter().count(), 1);
        }
    }

    #[test]
    fn a_round_has_nothing_but_tombstones() {
        assert!(Tombstones::read(&pack(&[entry("a", 5, Some("v"))])).is_none());
        assert_eq!(Tombstones::read(&pack(&[])).unwrap().iter().count(), 0);
    }
}
