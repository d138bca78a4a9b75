//! The sums themselves.

use std::fmt;
use std::hint::black_box;

use serde::{Deserialize, Serialize};
use twox_hash::{XxHash3_64, XxHash3_128};

use crate::entry::Entry;

/// So many groups, and so many buckets in each of them.
pub const FANOUT: usize = 256;

/// The seed of the hashes. It is the same in every server and no secret: it sets these hashes apart
/// from others, so that no data in use anywhere collides by habit.
const SEED: u64 = u64::from_le_bytes(*b"cmud-kv1");

/// The wrapping sum of the hashes of some entries: equal exactly when the entries are, but for a
/// chance of 2^-128. It travels as sixteen bytes: a varint would take nineteen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u8; 16]", from = "[u8; 16]")]
pub struct Sum(u128);

impl Sum {
    /// Whether it is the sum of nothing, or the difference of equals.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// What `self` has and `other` has not, less what `other` has and `self` has not.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<Sum> for [u8; 16] {
    fn from(sum: Sum) -> Self {
        sum.0.to_le_bytes()
    }
}

impl From<[u8; 16]> for Sum {
    fn from(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

/// One of the [`FANOUT`] parts of the keys: the first that is looked at when the roots differ.
pub type Group = u8;

/// A bucket's place among all of them: its group, then its place in there.
pub type Bucket = u16;

/// The sums of some live entries; each comes and goes in O(1).
///
/// It takes [`FANOUT`]² sums of 16 bytes, 1 MiB, and less while the store is so small that groups
/// are empty.
pub struct Digest {
    fanout: usize,
    root: Sum,
    groups: Vec<Sum>,
    /// By group; `None` while it never had an entry.
    buckets: Vec<Option<Box<[Sum]>>>,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new(FANOUT)
    }
}

impl Digest {
    /// The digest of an empty replica, with `fanout` groups of as many buckets: [`FANOUT`] but in
    /// tests, where few buckets make rare cases common. Replicas of different fanouts do not compare.
    pub(crate) fn new(fanout: usize) -> Self {
        assert!((1..=FANOUT).contains(&fanout), "a group is numbered by a byte");
        Self {
            fanout,
            root: Sum::default(),
            groups: vec![Sum::default(); fanout],
            buckets: vec![None; fanout],
        }
    }

    /// Counts an entry. Tombstones count as nothing.
    pub fn add(&mut self, entry: &Entry) {
        self.change(entry, entry_hash);
    }

    /// Takes an entry that is counted out of the sums.
    pub fn take_out(&mut self, entry: &Entry) {
        self.change(entry, |entry| Sum::default().minus(entry_hash(entry)));
    }

    fn change(&mut self, entry: &Entry, by: impl Fn(&Entry) -> Sum) {
        if entry.is_tombstone() {
            return;
        }
        self.change_at(self.place(entry.key_bytes()), by(entry));
    }

    /// As [`add`](Self::add), for entries that may lie anywhere in memory: what is needed of them is
    /// fetched in loops that do nothing else, so that the processor waits for all of it at once.
    pub fn add_all<'e>(&mut self, entries: impl Iterator<Item = &'e Entry> + Clone) {
        black_box(entries.clone().fold(0, |all, entry| all ^ entry.first_and_last()));
        let places: Vec<_> = entries.clone().map(|entry| self.place(entry.key_bytes())).collect();
        self.touch(&places);
        for (entry, place) in entries.zip(places).filter(|(entry, _)| !entry.is_tombstone()) {
            self.change_at(place, entry_hash(entry));
        }
    }

    fn change_at(&mut self, (group, place): (usize, usize), change: Sum) {
        let buckets = self.buckets[group]
            .get_or_insert_with(|| vec![Sum::default(); self.fanout].into_boxed_slice());
        buckets[place] = buckets[place].plus(change);
        self.groups[group] = self.groups[group].plus(change);
        self.root = self.root.plus(change);
    }

    /// Has the processor fetch what changes of these keys will look at, all at once.
    pub fn warm<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        self.touch(&keys.map(|key| self.place(key)).collect::<Vec<_>>());
    }

    /// Looks at sums that may lie anywhere, with nothing in between that the processor would wait for.
    fn touch(&self, places: &[(usize, usize)]) {
        black_box(places.iter().fold(0, |all, place| all ^ self.sum_at(*place)));
    }

    fn sum_at(&self, (group, place): (usize, usize)) -> u128 {
        self.buckets[group].as_ref().map_or(0, |buckets| buckets[place].0)
    }

    /// The sum over everything.
    pub fn root(&self) -> Sum {
        self.root
    }

    /// The sum of every group.
    pub fn groups(&self) -> &[Sum] {
        &self.groups
    }

    /// The sum of every bucket of a group; none if there is no such group.
    pub fn buckets(&self, group: Group) -> Vec<Sum> {
        match self.buckets.get(usize::from(group)) {
            Some(Some(buckets)) => buckets.to_vec(),
            Some(None) => vec![Sum::default(); self.fanout],
            None => Vec::new(),
        }
    }

    /// The bucket in which the entry of a key is counted.
    pub fn bucket(&self, key: &str) -> Bucket {
        let (group, place) = self.place(key.as_bytes());
        self.number(group, place)
    }

    /// The buckets of a group, in the order of [`buckets`](Self::buckets).
    pub(super) fn numbers(&self, group: Group) -> impl Iterator<Item = Bucket> + use<> {
        let first = usize::from(group) * self.fanout;
        (first..first + self.fanout).map(|number| u16::try_from(number).expect("65,536 at most"))
    }

    fn number(&self, group: usize, place: usize) -> Bucket {
        u16::try_from(group * self.fanout + place).expect("65,536 at most")
    }

    fn place(&self, key: &[u8]) -> (usize, usize) {
        let hash = XxHash3_64::oneshot_with_seed(SEED, key);
        let group = usize::from((hash >> 8).to_le_bytes()[0]);
        (group % self.fanout, usize::from(hash.to_le_bytes()[0]) % self.fanout)
    }
}

/// The hash of an entry: of its key, its stamp and its value.
pub(super) fn entry_hash(entry: &Entry) -> Sum {
    Sum(XxHash3_128::oneshot_with_seed(SEED, entry.bytes()))
}
