//! What a replica holds for a key, in one piece of shared immutable bytes.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

use actor::SharedBytes;
use kvcommon::Stamp;
use kvcommon::limits::{MAX_VALUE_BYTES, check_key, check_value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key, the stamp of its last write, and its value, or a tombstone where it was deleted.
///
/// An entry never changes, so all replicas of a process, and the messages between them, share one
/// copy of its bytes: a further replica of a key costs a pointer. The layout, little-endian:
///
/// ```text
/// millis u64 | uid u64 | counter u32 | key length u16 | kind u8 | key … | value …
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Entry(SharedBytes);

const KEY_LENGTH_AT: usize = 20;
const KIND_AT: usize = 22;
const KEY_AT: usize = 23;

const VALUE: u8 = 0;
const TOMBSTONE: u8 = 1;

impl Entry {
    /// The entry of a Put (`Some` value) or of a Delete (`None`).
    ///
    /// The key and the value keep to `kvcommon`'s limits; the codec has seen to that.
    pub fn new(stamp: Stamp, key: &str, value: Option<&str>) -> Self {
        let key_length = u16::try_from(key.len()).expect("a key is at most 1 KiB");
        let text = value.unwrap_or_default();
        let mut bytes = Vec::with_capacity(KEY_AT + key.len() + text.len());
        bytes.extend_from_slice(&stamp.millis.to_le_bytes());
        bytes.extend_from_slice(&stamp.uid.to_le_bytes());
        bytes.extend_from_slice(&stamp.counter.to_le_bytes());
        bytes.extend_from_slice(&key_length.to_le_bytes());
        bytes.push(if value.is_some() { VALUE } else { TOMBSTONE });
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes.into())
    }

    /// When it was written, and by whom.
    pub fn stamp(&self) -> Stamp {
        let (millis, rest) = self.0.split_first_chunk().expect(CHECKED);
        let (uid, rest) = rest.split_first_chunk().expect(CHECKED);
        let (counter, _) = rest.split_first_chunk().expect(CHECKED);
        Stamp {
            millis: u64::from_le_bytes(*millis),
            counter: u32::from_le_bytes(*counter),
            uid: u64::from_le_bytes(*uid),
        }
    }

    /// The key.
    pub fn key(&self) -> &str {
        std::str::from_utf8(self.key_bytes()).expect(CHECKED)
    }

    /// The key, by whose bytes a replica is ordered.
    pub fn key_bytes(&self) -> &[u8] {
        &self.0[KEY_AT..self.value_at()]
    }

    /// The value, or `None` if this is a tombstone.
    pub fn value(&self) -> Option<&str> {
        (!self.is_tombstone())
            .then(|| std::str::from_utf8(&self.0[self.value_at()..]).expect(CHECKED))
    }

    /// Whether the key was deleted.
    pub fn is_tombstone(&self) -> bool {
        self.0[KIND_AT] == TOMBSTONE
    }

    /// All of it in one piece: equal for equal entries only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this entry wins against another one for the same key.
    ///
    /// The larger stamp wins. Two writes never carry the same stamp; should it happen all the
    /// same, a tombstone wins, then the larger value, so that all replicas choose alike.
    pub fn beats(&self, other: &Self) -> bool {
        self.rank().cmp(&other.rank()) == Ordering::Greater
    }

    fn rank(&self) -> (Stamp, bool, &[u8]) {
        (self.stamp(), self.is_tombstone(), &self.0[self.value_at()..])
    }

    fn value_at(&self) -> usize {
        let length = [self.0[KEY_LENGTH_AT], self.0[KEY_LENGTH_AT + 1]];
        KEY_AT + usize::from(u16::from_le_bytes(length))
    }
}

const CHECKED: &str = "an entry is checked when it is made";

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} @ {} = {:?}", self.key(), self.stamp(), self.value())
    }
}

/// An entry in its place in the order of keys: equal to any other entry of the same key.
#[derive(Clone)]
pub struct ByKey(pub Entry);

impl Borrow<[u8]> for ByKey {
    fn borrow(&self) -> &[u8] {
        self.0.key_bytes()
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key_bytes() == other.0.key_bytes()
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key_bytes().cmp(other.0.key_bytes())
    }
}

/// The bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an entry: {0}")]
pub struct NotAnEntry(&'static str);

impl TryFrom<SharedBytes> for Entry {
    type Error = NotAnEntry;

    fn try_from(bytes: SharedBytes) -> Result<Self, NotAnEntry> {
        if bytes.len() < KEY_AT {
            return Err(NotAnEntry("too short"));
        }
        let entry = Self(bytes);
        if entry.stamp().millis >= Stamp::MILLIS_LIMIT {
            return Err(NotAnEntry("the stamp lies beyond the year 6429"));
        }
        let (key, value) = entry.0[KEY_AT..]
            .split_at_checked(entry.value_at() - KEY_AT)
            .ok_or(NotAnEntry("the key is cut off"))?;
        check_key(key).map_err(|_| NotAnEntry("the key breaks a rule"))?;
        match entry.0[KIND_AT] {
            VALUE if value.len() > MAX_VALUE_BYTES => Err(NotAnEntry("the value is too large")),
            VALUE => check_value(value).map_err(|_| NotAnEntry("the value is not UTF-8")),
            TOMBSTONE if value.is_empty() => Ok(""),
            TOMBSTONE => Err(NotAnEntry("a tombstone with a value")),
            _ => Err(NotAnEntry("of an unknown kind")),
        }?;
        Ok(entry)
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = SharedBytes::deserialize(deserializer)?;
        bytes.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(stamp: (u64, u32, u64), value: Option<&str>) -> Entry {
        let (millis, counter, uid) = stamp;
        Entry::new(Stamp { millis, counter, uid }, "key", value)
    }

    fn check_beats(winner: &Entry, loser: &Entry) {
        assert!(winner.beats(loser), "{winner:?} beats {loser:?}");
        assert!(!loser.beats(winner), "{loser:?} does not beat {winner:?}");
        assert!(!winner.beats(winner));
    }

    #[test]
    fn the_larger_stamp_wins_in_the_order_millis_counter_uid() {
        check_beats(&entry((2, 0, 0), Some("a")), &entry((1, 9, 9), Some("b")));
        check_beats(&entry((1, 1, 0), Some("a")), &entry((1, 0, 9), Some("b")));
        check_beats(&entry((1, 1, 1), Some("a")), &entry((1, 1, 0), None));
    }

    #[test]
    fn equal_stamps_are_settled_by_tombstone_then_value() {
        check_beats(&entry((1, 0, 0), None), &entry((1, 0, 0), Some("z")));
        check_beats(&entry((1, 0, 0), Some("b")), &entry((1, 0, 0), Some("a")));
    }

    #[test]
    fn an_empty_value_is_no_tombstone() {
        assert_eq!(entry((1, 0, 0), Some("")).value(), Some(""));
        assert_eq!(entry((1, 0, 0), None).value(), None);
    }

    #[test]
    fn bytes_that_break_a_rule_are_no_entry() {
        let good = entry((1, 0, 0), Some("v")).0.to_vec();
        let check = |change: fn(&mut Vec<u8>), cause| {
            let mut bytes = good.clone();
            change(&mut bytes);
            assert_eq!(Entry::try_from(SharedBytes::from(bytes)), Err(NotAnEntry(cause)));
        };
        check(|bytes| bytes.truncate(KEY_AT - 1), "too short");
        check(|bytes| bytes[7] = 0xff, "the stamp lies beyond the year 6429");
        check(|bytes| bytes[KEY_LENGTH_AT] = 5, "the key is cut off");
        check(|bytes| bytes[KEY_LENGTH_AT] = 0, "the key breaks a rule");
        check(|bytes| bytes[KEY_AT] = 0xff, "the key breaks a rule");
        check(|bytes| bytes[KIND_AT] = TOMBSTONE, "a tombstone with a value");
        check(|bytes| bytes[KIND_AT] = 2, "of an unknown kind");
        check(|bytes| bytes[KEY_AT + 3] = 0xff, "the value is not UTF-8");
        check(|bytes| bytes.resize(KEY_AT + 4 + MAX_VALUE_BYTES, b'v'), "the value is too large");
    }

    proptest! {
        #[test]
        fn an_entry_gives_back_what_it_was_made_of_and_travels(
            millis in 0..Stamp::MILLIS_LIMIT,
            counter: u32,
            uid: u64,
            key in ".{1,40}",
            value: Option<String>,
        ) {
            let stamp = Stamp { millis, counter, uid };
            let entry = Entry::new(stamp, &key, value.as_deref());
            prop_assert_eq!(entry.stamp(), stamp);
            prop_assert_eq!(entry.key(), &key);
            prop_assert_eq!(entry.value(), value.as_deref());
            let bytes = postcard::to_stdvec(&entry).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Entry>(&bytes), Ok(entry));
        }

        #[test]
        fn any_bytes_decode_to_an_entry_or_an_error(bytes: Vec<u8>) {
            if let Ok(entry) = Entry::try_from(SharedBytes::from(bytes)) {
                let again = Entry::new(entry.stamp(), entry.key(), entry.value());
                prop_assert_eq!(again, entry);
            }
        }
    }
}
