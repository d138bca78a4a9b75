//! Entries by number, each in a place that it keeps.

use crate::entry::Entry;

/// The number of an entry's place; never the largest there is.
pub type Slot = u32;

/// Entries in places that stay where they are: an entry that takes another one's place leaves
/// whatever refers to the place as it is.
///
/// It grows by one chunk at a time, so nothing is ever moved, however many entries there are.
#[derive(Default)]
pub struct Slab {
    chunks: Vec<Vec<Option<Entry>>>,
    free: Vec<Slot>,
}

const CHUNK: usize = 4096;

const TAKEN: &str = "the slot is in use";

impl Slab {
    /// Puts an entry into a free place.
    pub fn insert(&mut self, entry: Entry) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.chunks[slot as usize / CHUNK][slot as usize % CHUNK] = Some(entry);
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = self.chunks.len() - 1;
        let last = &mut self.chunks[full];
        last.push(Some(entry));
        let slots = Slot::try_from(full * CHUNK + last.len()).expect("fewer than 2^32 keys");
        slots - 1
    }

    /// The entry at a place.
    pub fn get(&self, slot: Slot) -> &Entry {
        self.chunks[slot as usize / CHUNK][slot as usize % CHUNK].as_ref().expect(TAKEN)
    }

    /// The entry at a place, to be changed.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Entry {
        self.chunks[slot as usize / CHUNK][slot as usize % CHUNK].as_mut().expect(TAKEN)
    }

    /// The entry at a place, if there is one.
    pub fn try_get(&self, slot: Slot) -> Option<&Entry> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)?.as_ref()
    }

    /// The key of the entry at a place.
    pub fn key(&self, slot: Slot) -> &[u8] {
        self.get(slot).key_bytes()
    }

    /// Puts an entry into the place of another one, and returns that.
    pub fn replace(&mut self, slot: Slot, entry: Entry) -> Entry {
        let place = &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK];
        place.replace(entry).expect(TAKEN)
    }

    /// Empties a place.
    pub fn remove(&mut self, slot: Slot) -> Entry {
        let place = &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK];
        let entry = place.take().expect(TAKEN);
        self.free.push(slot);
        entry
    }

    /// Takes any entry out of a slab that is used for nothing else any more.
    pub fn pop(&mut self) -> Option<Entry> {
        while let Some(chunk) = self.chunks.last_mut() {
            match chunk.pop() {
                Some(Some(entry)) => return Some(entry),
                Some(None) => {}
                None => drop(self.chunks.pop()),
            }
        }
        None
    }

    /// Whether it has no places.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}
