//! Entries to be told, the newest of each key.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use crate::entry::Entry;
use crate::replica::index::KeyHasher;

/// Entries in the order in which their keys first came.
#[derive(Default)]
pub struct News {
    /// With the hashes of their keys, so that a growing table need not look at the keys again.
    entries: Vec<(u64, Entry)>,
    places: HashTable<usize>,
    hasher: KeyHasher,
}

impl News {
    /// Adds an entry; an earlier one of the same key need not be told any more.
    pub fn add(&mut self, entry: Entry) {
        let hash = self.hasher.hash(entry.key_bytes()).number();
        let entries = &mut self.entries;
        let is_it = |place: &usize| {
            let (known, earlier) = &entries[*place];
            *known == hash && earlier.key_bytes() == entry.key_bytes()
        };
        match self.places.entry(hash, is_it, |place| entries[*place].0) {
            Place::Occupied(place) => entries[*place.get()].1 = entry,
            Place::Vacant(vacant) => {
                vacant.insert(entries.len());
                entries.push((hash, entry));
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// All of them; none is left.
    pub fn take(&mut self) -> Vec<Entry> {
        // What a burst has needed is given back when it is over.
        if self.places.capacity() > 4 * self.entries.len() {
            self.places = HashTable::new();
        } else {
            self.places.clear();
        }
        std::mem::take(&mut self.entries).into_iter().map(|(_, entry)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::*;

    fn entry(number: u64, millis: u64) -> Entry {
        Entry::new(Stamp { millis, counter: 0, uid: 1 }, &format!("key {number}"), Some("v"))
    }

    #[test]
    fn the_newest_entry_of_each_key_is_told_once() {
        let mut news = News::default();
        for millis in 1..=3 {
            (0..1000).for_each(|number| news.add(entry(number, millis)));
        }
        let expected: Vec<Entry> = (0..1000).map(|number| entry(number, 3)).collect();
        assert_eq!(news.take(), expected);
        assert!(news.take().is_empty());
    }

    #[test]
    fn a_burst_gives_its_memory_back() {
        let mut news = News::default();
        (0..10_000).for_each(|number| news.add(entry(number, 1)));
        news.take();
        news.add(entry(1, 1));
        news.take();
        assert_eq!((news.places.capacity(), news.entries.capacity()), (0, 0));
    }
}
