//! What a replica holds for a key, in one piece of bytes that never change while they are shared.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

use actor::SharedBytes;
use kvcommon::Stamp;
use kvcommon::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key, the stamp of its last write, and its value, or a tombstone where it was deleted.
///
/// An entry never changes while anybody else has a handle to it, so all replicas of a process, and the
/// messages between them, share one copy of its bytes: a further replica of a key costs a pointer. The
/// layout, little-endian:
///
/// ```text
/// head u64 | uid u64 | [counter u32] | key … | value …
/// head = millis << 13 | key length << 2 | counter follows << 1 | tombstone
/// ```
///
/// A counter follows unless it is zero, which most are.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry(SharedBytes);

/// The bytes of head and uid.
const FIXED: usize = 16;
const COUNTER: usize = 4;

const TOMBSTONE: u64 = 1;
const HAS_COUNTER: u64 = 2;
const KEY_LENGTH_AT: u32 = 2;
const MILLIS_AT: u32 = 13;

/// A key's length and a stamp's milliseconds fit into the head.
const _: () = assert!(
    MAX_KEY_BYTES < 1 << (MILLIS_AT - KEY_LENGTH_AT)
        && Stamp::MILLIS_LIMIT <= 1 << (u64::BITS - MILLIS_AT)
);

/// Smaller entries are put together without an allocation of their own.
const SMALL: usize = 256;

impl Entry {
    /// The entry of a Put (`Some` value) or of a Delete (`None`).
    ///
    /// The key and the value keep to `kvcommon`'s limits; the codec has seen to that.
    pub fn new(stamp: Stamp, key: &str, value: Option<&str>) -> Self {
        Self::of(stamp, key.as_bytes(), value.map(str::as_bytes))
    }

    /// As [`new`](Self::new), of what nobody has checked.
    ///
    /// # Errors
    /// [`NotAnEntry`] says what breaks a rule.
    pub fn checked(stamp: Stamp, key: &[u8], value: Option<&[u8]>) -> Result<Self, NotAnEntry> {
        check(stamp.millis, key, value)?;
        Ok(Self::of(stamp, key, value))
    }

    fn of(stamp: Stamp, key: &[u8], value: Option<&[u8]>) -> Self {
        let length = length(stamp, key, value.unwrap_or_default());
        let (mut small, mut large);
        let bytes = if length <= SMALL {
            small = [0; SMALL];
            &mut small[..length]
        } else {
            large = vec![0; length];
            large.as_mut_slice()
        };
        fill(bytes, stamp, key, value);
        Self(SharedBytes::copy_from_slice(bytes))
    }

    /// Has the entry of a Put take the place of this one: in the same memory, if it is as long and
    /// nobody else has a handle to this one.
    pub fn put(&mut self, stamp: Stamp, key: &str, value: &str) {
        let length = length(stamp, key.as_bytes(), value.as_bytes());
        let fill = |bytes: &mut [u8]| fill(bytes, stamp, key.as_bytes(), Some(value.as_bytes()));
        if self.0.len() != length || !self.0.change_if_alone(fill) {
            *self = Self::new(stamp, key, Some(value));
        }
    }

    /// When it was written, and by whom.
    pub fn stamp(&self) -> Stamp {
        let (uid, rest) = self.0[8..].split_first_chunk().expect(CHECKED);
        let counter = match self.head() & HAS_COUNTER {
            0 => 0,
            _ => u32::from_le_bytes(*rest.first_chunk().expect(CHECKED)),
        };
        Stamp { millis: self.head() >> MILLIS_AT, counter, uid: u64::from_le_bytes(*uid) }
    }

    /// The key.
    pub fn key(&self) -> &str {
        std::str::from_utf8(self.key_bytes()).expect(CHECKED)
    }

    /// The key, by whose bytes a replica is ordered.
    pub fn key_bytes(&self) -> &[u8] {
        let head = self.head();
        &self.0[key_at(head)..value_at(head)]
    }

    /// The value, or `None` if this is a tombstone.
    pub fn value(&self) -> Option<&str> {
        (!self.is_tombstone()).then(|| std::str::from_utf8(self.value_bytes()).expect(CHECKED))
    }

    /// Whether the key was deleted.
    pub fn is_tombstone(&self) -> bool {
        self.head() & TOMBSTONE != 0
    }

    /// All of it in one piece: equal for equal entries only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A look at both ends of it, which brings a small entry into a processor's nearest cache.
    pub fn first_and_last(&self) -> u8 {
        self.0[0] ^ self.0[self.0.len() - 1]
    }

    /// Whether this entry wins against another one for the same key.
    ///
    /// The larger stamp wins. Two writes never carry the same stamp; should it happen all the
    /// same, a tombstone wins, then the larger value, so that all replicas choose alike.
    pub fn beats(&self, other: &Self) -> bool {
        self.rank().cmp(&other.rank()) == Ordering::Greater
    }

    fn rank(&self) -> (Stamp, bool, &[u8]) {
        (self.stamp(), self.is_tombstone(), self.value_bytes())
    }

    fn value_bytes(&self) -> &[u8] {
        &self.0[value_at(self.head())..]
    }

    fn head(&self) -> u64 {
        u64::from_le_bytes(*self.0.first_chunk().expect(CHECKED))
    }
}

fn length(stamp: Stamp, key: &[u8], value: &[u8]) -> usize {
    FIXED + if stamp.counter == 0 { 0 } else { COUNTER } + key.len() + value.len()
}

/// Writes an entry into as many bytes as it takes.
fn fill(bytes: &mut [u8], stamp: Stamp, key: &[u8], value: Option<&[u8]>) {
    let counter = if stamp.counter == 0 { 0 } else { COUNTER };
    let flags = u64::from(value.is_none()) * TOMBSTONE + u64::from(counter > 0) * HAS_COUNTER;
    let head = stamp.millis << MILLIS_AT | (key.len() as u64) << KEY_LENGTH_AT | flags;
    bytes[..8].copy_from_slice(&head.to_le_bytes());
    bytes[8..FIXED].copy_from_slice(&stamp.uid.to_le_bytes());
    let (counter_bytes, rest) = bytes[FIXED..].split_at_mut(counter);
    counter_bytes.copy_from_slice(&stamp.counter.to_le_bytes()[..counter]);
    let (key_bytes, value_bytes) = rest.split_at_mut(key.len());
    key_bytes.copy_from_slice(key);
    value_bytes.copy_from_slice(value.unwrap_or_default());
}

fn key_at(head: u64) -> usize {
    FIXED + if head & HAS_COUNTER == 0 { 0 } else { COUNTER }
}

fn value_at(head: u64) -> usize {
    let key_length = head >> KEY_LENGTH_AT & ((1 << (MILLIS_AT - KEY_LENGTH_AT)) - 1);
    key_at(head) + key_length as usize
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
        if bytes.len() < FIXED {
            return Err(NotAnEntry("too short"));
        }
        let entry = Self(bytes);
        let head = entry.head();
        let (start, value) =
            entry.0.split_at_checked(value_at(head)).ok_or(NotAnEntry("the key is cut off"))?;
        if head & HAS_COUNTER != 0 && entry.stamp().counter == 0 {
            return Err(NotAnEntry("a counter of zero"));
        }
        if entry.is_tombstone() && !value.is_empty() {
            return Err(NotAnEntry("a tombstone with a value"));
        }
        check(head >> MILLIS_AT, &start[key_at(head)..], Some(value))?;
        Ok(entry)
    }
}

/// Checks what an entry is made of.
fn check(millis: u64, key: &[u8], value: Option<&[u8]>) -> Result<(), NotAnEntry> {
    let value = value.unwrap_or_default();
    Err(NotAnEntry(if millis >= Stamp::MILLIS_LIMIT {
        "the stamp lies beyond the year 6429"
    } else if key.is_empty() || key.len() > MAX_KEY_BYTES || !is_text(key) {
        "the key breaks a rule"
    } else if value.len() > MAX_VALUE_BYTES {
        "the value is too large"
    } else if !is_text(value) {
        "the value is not UTF-8"
    } else {
        return Ok(());
    }))
}

/// Whether bytes are UTF-8. Most are ASCII, which is seen in less time.
fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
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
        check(|bytes| bytes.truncate(FIXED - 1), "too short");
        check(|bytes| bytes[7] = 0xff, "the stamp lies beyond the year 6429");
        check(|bytes| bytes[0] = 5 << KEY_LENGTH_AT, "the key is cut off");
        check(|bytes| bytes[0] = 0, "the key breaks a rule");
        check(|bytes| bytes[FIXED] = 0xff, "the key breaks a rule");
        check(|bytes| bytes[0] |= TOMBSTONE as u8, "a tombstone with a value");
        check(|bytes| bytes[FIXED + 3] = 0xff, "the value is not UTF-8");
        check(|bytes| bytes.resize(FIXED + 4 + MAX_VALUE_BYTES, b'v'), "the value is too large");
        let without_counter = |bytes: &mut Vec<u8>| {
            bytes[0] |= HAS_COUNTER as u8;
            bytes.splice(FIXED..FIXED, [0; COUNTER]);
        };
        check(without_counter, "a counter of zero");
    }

    #[test]
    fn an_entry_is_made_of_all_that_keeps_to_the_limits_and_of_nothing_else() {
        let check = |millis, key: &[u8], value: &[u8], cause: Option<&str>| {
            let stamp = Stamp { millis, counter: 0, uid: 0 };
            let made = Entry::checked(stamp, key, Some(value));
            assert_eq!(made.map_err(|NotAnEntry(cause)| cause).err(), cause);
        };
        let (key, value) = ([b'k'; MAX_KEY_BYTES], vec![b'v'; MAX_VALUE_BYTES]);
        check(Stamp::MILLIS_LIMIT - 1, &key, &value, None);
        check(Stamp::MILLIS_LIMIT, b"k", b"v", Some("the stamp lies beyond the year 6429"));
        check(0, b"", b"v", Some("the key breaks a rule"));
        check(0, &[&key[..], b"k"].concat(), b"v", Some("the key breaks a rule"));
        check(0, b"\xff", b"v", Some("the key breaks a rule"));
        check(0, b"k", &[&value[..], b"v"].concat(), Some("the value is too large"));
        check(0, b"k", b"\xff", Some("the value is not UTF-8"));
        check(0, "ä".as_bytes(), "ö".as_bytes(), None);
    }

    proptest! {
        #[test]
        fn an_entry_gives_back_what_it_was_made_of_and_travels(
            millis in 0..Stamp::MILLIS_LIMIT,
            counter in prop_oneof![Just(0), any::<u32>()],
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
        fn a_put_takes_the_place_of_an_entry_and_no_other_handle_sees_it(
            counters in (0..2_u32, 0..2_u32),
            values in (proptest::option::of("[a-c]{0,5}"), "[a-c]{0,5}"),
            is_shared: bool,
        ) {
            let old = Stamp { millis: 1, counter: counters.0, uid: 1 };
            let new = Stamp { millis: 2, counter: counters.1, uid: u64::MAX };
            let before = Entry::new(old, "key", values.0.as_deref());
            let mut entry = Entry::new(old, "key", values.0.as_deref());
            let other = is_shared.then(|| entry.clone());
            let place = entry.bytes().as_ptr();
            entry.put(new, "key", &values.1);
            prop_assert_eq!(&entry, &Entry::new(new, "key", Some(&values.1)));
            prop_assert!(other.is_none_or(|other| other == before));
            let is_as_long = entry.bytes().len() == before.bytes().len();
            prop_assert_eq!(entry.bytes().as_ptr() == place, is_as_long && !is_shared);
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
