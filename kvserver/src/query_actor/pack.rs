//! Many entries in few bytes, as they travel between servers.
//!
//! ```text
//! pack  = entry*
//! entry = head: varint, writer: varint, [uid: u64 LE], millis: zigzag varint, [counter: varint],
//!         key, [value length: varint, value]
//! head  = key length << 2 | counter follows << 1 | tombstone
//! ```
//!
//! `writer` is the place of the stamp's uid among those that the pack has named so far; a uid that
//! is new follows in full. `millis` is the difference to the entry before. So a write costs some
//! four to six bytes beyond its key and its value.

use actor::SharedBytes;
use kvcommon::Stamp;
use serde::{Deserialize, Serialize};

use crate::entry::Entry;

/// Entries on their way to another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    bytes: SharedBytes,
    entries: u32,
}

impl Pack {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many entries its sender has put in it.
    pub fn entries(&self) -> u32 {
        self.entries
    }
}

/// Makes a [`Pack`].
#[derive(Default)]
pub struct Packer {
    bytes: Vec<u8>,
    writers: Vec<u64>,
    millis: u64,
    entries: u32,
}

/// A stamp names one of at most so many writers by its place; a linear search finds it.
const MAX_WRITERS: usize = 64;

impl Packer {
    /// The bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many entries it has.
    pub fn entries(&self) -> usize {
        self.entries as usize
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &Entry) {
        self.entries += 1;
        let Stamp { millis, counter, uid } = entry.stamp();
        let key = entry.key_bytes();
        let value = entry.value();
        let flags = usize::from(counter != 0) << 1 | usize::from(value.is_none());
        self.varint((key.len() << 2 | flags) as u64);
        match self.writers.iter().position(|writer| *writer == uid) {
            Some(place) => self.varint(place as u64),
            None => {
                self.varint(self.writers.len() as u64);
                self.bytes.extend_from_slice(&uid.to_le_bytes());
                if self.writers.len() < MAX_WRITERS {
                    self.writers.push(uid);
                }
            }
        }
        let step = millis.wrapping_sub(self.millis).cast_signed();
        self.varint((step << 1 ^ step >> 63).cast_unsigned());
        self.millis = millis;
        if counter != 0 {
            self.varint(counter.into());
        }
        self.bytes.extend_from_slice(key);
        if let Some(value) = value {
            self.varint(value.len() as u64);
            self.bytes.extend_from_slice(value.as_bytes());
        }
    }

    /// All that was added.
    pub fn finish(self) -> Pack {
        Pack { bytes: self.bytes.into(), entries: self.entries }
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

/// The bytes of a pack break its format; what follows cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entries from another server cannot be read")]
pub struct BadPack;

/// Reads a [`Pack`], an entry at a time. It ends with the first error.
pub struct Unpacker {
    bytes: SharedBytes,
    at: usize,
    writers: Vec<u64>,
    millis: u64,
}

impl From<Pack> for Unpacker {
    fn from(Pack { bytes, .. }: Pack) -> Self {
        Self { bytes, at: 0, writers: Vec::new(), millis: 0 }
    }
}

impl Iterator for Unpacker {
    type Item = Result<Entry, BadPack>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            self.at = self.bytes.len();
        }
        Some(entry.ok_or(BadPack))
    }
}

impl Unpacker {
    /// How many bytes there are, those that were read included.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn entry(&mut self) -> Option<Entry> {
        let head = self.varint()?;
        let place = usize::try_from(self.varint()?).ok()?;
        let uid = match self.writers.get(place) {
            Some(uid) => *uid,
            None => self.new_writer(place)?,
        };
        let step = self.varint()?;
        let step = (step >> 1).cast_signed() ^ -(step & 1).cast_signed();
        let millis = self.millis.wrapping_add(step.cast_unsigned());
        self.millis = millis;
        let counter = if head & 2 == 0 { 0 } else { u32::try_from(self.varint()?).ok()? };
        let stamp = Stamp { millis, counter, uid };

        let key = self.take(head >> 2)?;
        let value = match head & 1 {
            0 => {
                let length = self.varint()?;
                Some(self.take(length)?)
            }
            _ => None,
        };
        Entry::checked(stamp, &self.bytes[key], value.map(|value| &self.bytes[value])).ok()
    }

    fn new_writer(&mut self, place: usize) -> Option<u64> {
        if place != self.writers.len() {
            return None;
        }
        let range = self.take(8)?;
        let uid = u64::from_le_bytes(self.bytes[range].try_into().ok()?);
        if self.writers.len() < MAX_WRITERS {
            self.writers.push(uid);
        }
        Some(uid)
    }

    fn take(&mut self, length: u64) -> Option<std::ops::Range<usize>> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        let range = self.at..end;
        (end <= self.bytes.len()).then(|| {
            self.at = end;
            range
        })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(entries: &[Entry]) -> Pack {
        let mut packer = Packer::default();
        entries.iter().for_each(|entry| packer.push(entry));
        packer.finish()
    }

    #[test]
    fn a_write_costs_few_bytes_beyond_key_and_value() {
        let entry = |number: u64| {
            let stamp = Stamp { millis: 1_700_000_000_000 + number * 7 % 125, counter: 0, uid: 9 };
            Entry::new(stamp, &format!("player/{number:03}"), Some("somewhere"))
        };
        let entries: Vec<_> = (0..100).map(entry).collect();
        let payload = 100 * ("player/000".len() + "somewhere".len());
        let overhead = packed(&entries).len() - payload;
        assert!(overhead <= 100 * 6, "{overhead} bytes for 100 writes");
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let stamp = (0..Stamp::MILLIS_LIMIT, prop_oneof![Just(0), any::<u32>()], 0..200_u64);
        let value = proptest::option::of("\\PC{0,20}");
        let entry = (stamp, "\\PC{1,8}", value).prop_map(|((millis, counter, uid), key, value)| {
            Entry::new(Stamp { millis, counter, uid }, &key, value.as_deref())
        });
        prop::collection::vec(entry, 0..100)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_is_unpacked(entries in entries()) {
            let unpacked: Result<Vec<_>, _> = Unpacker::from(packed(&entries)).collect();
            prop_assert_eq!(unpacked, Ok(entries));
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            let read = Unpacker::from(Pack { bytes: bytes.clone().into(), entries: 0 }).take(bytes.len() + 1).count();
            prop_assert!(read <= bytes.len());
        }

        #[test]
        fn a_pack_with_a_changed_byte_is_read_to_an_end(
            entries in entries(),
            at: prop::sample::Index,
            byte: u8,
        ) {
            let mut bytes = packed(&entries).bytes.to_vec();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            for entry in Unpacker::from(Pack { bytes: bytes.into(), entries: 0 }).flatten() {
                let bytes = SharedBytes::copy_from_slice(entry.bytes());
                prop_assert_eq!(Entry::try_from(bytes), Ok(entry));
            }
        }
    }
}
