//! What two replicas say to each other when they compare.

use kvcommon::Stamp;
use serde::{Deserialize, Serialize};

use super::sums::{Bucket, Group, Sum, entry_hash};
use crate::entry::Entry;

/// Groups whose buckets travel in one message: 128 KiB of sums.
pub const MAX_OPEN: usize = 32;

/// Buckets that are repaired in one go: named in at most 24 KiB.
pub const MAX_REPAIR: usize = 8192;

/// A list of what is held ends with the key that brings it to so many bytes.
pub const HELD_BYTES: usize = 128 * 1024;

/// Entries in one message end with the one that brings them to so many bytes, a quarter of a frame.
/// The largest value makes it a quarter more.
pub const ENTRIES_BYTES: usize = 1024 * 1024;

/// Entries in one message, about a millisecond's merging.
pub const MAX_ENTRIES: usize = 1000;

/// Which round of a replica's comparing a message belongs to; an answer to another one is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round(pub u32);

/// The messages. The one who begins asks; the other one only answers and remembers nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// The sum over all I hold. The answer is [`Same`](Self::Same) or [`Groups`](Self::Groups).
    Root(Round, Sum),
    /// It is mine as well.
    Same(Round),
    /// Mine differs; these are my groups' sums.
    Groups(Round, Vec<Sum>),
    /// Which sums have your buckets of these groups? At most [`MAX_OPEN`] groups.
    Open(Round, Vec<Group>),
    /// These.
    Opened(Round, Vec<(Group, Vec<Sum>)>),
    /// What do you hold in these buckets? At most [`MAX_REPAIR`] buckets.
    Ask {
        /// The asker's round.
        round: Round,
        /// The buckets.
        buckets: Vec<Bucket>,
        /// Only of the keys after this one.
        after: Option<String>,
    },
    /// This.
    Held {
        /// The asker's round.
        round: Round,
        /// The list begins after this key.
        after: Option<String>,
        /// It is complete to this key, this one included; without one, to the end.
        to: Option<String>,
        /// In the order of their keys.
        held: Vec<Held>,
    },
    /// Take these entries, and give me what you hold for these keys. Where what you hold is newer
    /// than what you are given, I get it as well. The answer, if there is one, is another of these.
    Settle {
        /// At most [`MAX_ENTRIES`], which together have about [`ENTRIES_BYTES`].
        entries: Vec<Entry>,
        /// As many at most.
        want: Vec<String>,
    },
}

impl Message {
    /// Whether it tells sums or asks for some.
    pub(super) fn is_of_sums(&self) -> bool {
        matches!(self, Self::Root(..) | Self::Groups(..) | Self::Open(..) | Self::Opened(..))
    }

    /// How many bytes it keeps, about.
    pub fn bytes(&self) -> usize {
        let keys = |keys: &[String]| keys.iter().map(String::len).sum::<usize>();
        match self {
            Self::Root(..) | Self::Same(_) => size_of::<Sum>(),
            Self::Groups(_, sums) => size_of_val(sums.as_slice()),
            Self::Open(_, groups) => groups.len(),
            Self::Opened(_, groups) => {
                groups.iter().map(|(_, sums)| size_of_val(sums.as_slice())).sum()
            }
            Self::Ask { buckets, .. } => size_of_val(buckets.as_slice()),
            Self::Held { held, .. } => {
                held.iter().map(|held| size_of::<Held>() + held.key.len()).sum()
            }
            Self::Settle { entries, want } => {
                entries.iter().map(|entry| entry.bytes().len()).sum::<usize>() + keys(want)
            }
        }
    }
}

/// An entry without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The key.
    pub key: String,
    /// The entry's stamp.
    pub stamp: Stamp,
    /// A part of the entry's hash, should two entries ever carry equal stamps.
    pub print: u32,
    /// The length of the entry, so that the asker knows how many it can ask for.
    pub bytes: u32,
}

impl From<&Entry> for Held {
    fn from(entry: &Entry) -> Self {
        let [a, b, c, d, ..] = <[u8; 16]>::from(entry_hash(entry));
        Self {
            key: entry.key().to_owned(),
            stamp: entry.stamp(),
            print: u32::from_le_bytes([a, b, c, d]),
            bytes: u32::try_from(entry.bytes().len()).expect("a value is at most 256 KiB"),
        }
    }
}
