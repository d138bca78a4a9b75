//! What siblings are yet to be told.

use crate::entry::Entry;
use crate::replica::noted::NotedPlaces;
use crate::replica::{At, Replica};

/// So many entries are fetched from memory at once.
const GROUP: usize = 64;

/// Entries to be told. Of what is written or merged one by one only the places are kept: what is
/// there when it is told is the newest entry of the key, however often that was written, and needs no
/// search.
#[derive(Default)]
pub struct News {
    wrote: NotedPlaces,
    /// What was learned in comparing. A key that comes in several messages is here as often.
    others: Vec<Entry>,
}

impl News {
    /// Adds what was written at a place of the replica.
    pub fn wrote(&mut self, at: At) {
        self.wrote.add(at);
    }

    /// Adds an entry.
    pub fn add(&mut self, entry: Entry) {
        self.others.push(entry);
    }

    /// Those that were added as such.
    pub fn others(&mut self) -> &mut Vec<Entry> {
        &mut self.others
    }

    /// How many bytes wait, beside those of the replica itself.
    pub fn held(&self) -> usize {
        let others: usize = self.others.iter().map(|entry| entry.bytes().len()).sum();
        others + self.wrote.size() * size_of::<At>()
    }

    /// All of them, as they are now; none is left.
    pub fn take(&mut self, replica: &Replica) -> Vec<Entry> {
        // Where nothing is any more, the key has come to another place, which is noted as well or was
        // told by whoever wrote there, or a round has deleted it, which all get. Where another key is
        // now, that is told once more.
        let mut entries = std::mem::take(&mut self.others);
        let places: Vec<At> = self.wrote.take().collect();
        entries.reserve(places.len());
        for group in places.chunks(GROUP) {
            entries.extend(replica.all_at(group).cloned());
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Writer;

    fn write(replica: &mut Replica, news: &mut News, millis: u64, key: &str, value: Option<&str>) {
        let sought = replica.seek(key.as_bytes());
        let at = replica.write_above(&Writer::new(1), millis, None, (key, sought), value);
        news.wrote(at.unwrap());
    }

    #[test]
    fn the_newest_entry_of_each_key_is_told_once() {
        let (mut replica, mut news) = <(Replica, News)>::default();
        for millis in 1..=3 {
            for number in 0..1000 {
                write(&mut replica, &mut news, millis, &number.to_string(), Some("v"));
            }
        }
        let told = news.take(&replica);
        assert_eq!(told.len(), 1000);
        assert!(told.iter().all(|entry| entry.stamp().millis == 3));
        assert!(news.take(&replica).is_empty());
    }

    #[test]
    fn a_key_that_moves_is_told_where_it_is() {
        let (mut replica, mut news) = <(Replica, News)>::default();
        write(&mut replica, &mut news, 1, "deleted", Some("v"));
        write(&mut replica, &mut news, 1, "back", None);
        write(&mut replica, &mut news, 2, "deleted", None);
        write(&mut replica, &mut news, 2, "back", Some("v"));
        let mut told = news.take(&replica);
        told.sort_by(|a, b| a.key().cmp(b.key()));
        let held = |key| replica.get(key).unwrap().clone();
        assert_eq!(told, [held("back"), held("deleted")]);
    }
}
