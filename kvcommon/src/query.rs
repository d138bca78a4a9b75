//! Queries, answers and refusals, borrowing their text from whoever sends or received them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Stamp;

/// Matches an answer to its query. Chosen by the client, unique among its outstanding queries.
///
/// Ids from 2^63 on are left for messages that a server starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueryId(pub u64);

/// What a client asks of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// The value of a key. Answered by [`Answer::Found`] or [`Answer::Missing`].
    Get {
        /// 1 byte to 1 KiB.
        key: &'a str,
    },
    /// Writes a value. Answered by [`Answer::Stored`].
    Put {
        /// 1 byte to 1 KiB.
        key: &'a str,
        /// Up to 256 KiB.
        value: &'a str,
    },
    /// Removes a key, whether it is there or not. Answered by [`Answer::Stored`].
    Delete {
        /// 1 byte to 1 KiB.
        key: &'a str,
    },
    /// One page of the keys that start with `prefix`, in byte order. Answered by [`Answer::Page`].
    List {
        /// Up to 1 KiB; empty for every key.
        prefix: &'a str,
        /// The last key of the page before; only keys after it are listed.
        after: Option<&'a str>,
    },
}

/// What a replica answers to a [`Query`]. The order of the variants is part of the wire format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer<'a> {
    /// The key has this value.
    Found {
        /// When the value was written.
        stamp: Stamp,
        /// The value.
        value: &'a str,
    },
    /// The key has no value.
    Missing {
        /// When it was deleted, as long as the replica remembers.
        deleted: Option<Stamp>,
    },
    /// The Put or Delete was carried out on this replica, under this stamp.
    Stored {
        /// The stamp of the write.
        stamp: Stamp,
    },
    /// A page of a List, atomic in itself.
    Page {
        /// In the byte order of their keys.
        #[serde(borrow)]
        entries: Vec<Entry<'a>>,
        /// Whether keys follow; the next page is asked for with `after` the last key of this one.
        more: bool,
    },
    /// The query was not carried out; nothing has changed.
    Refused(Refusal),
}

/// One line of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// When its value was written.
    pub stamp: Stamp,
    /// The value.
    pub value: &'a str,
}

/// Why a query was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Refusal {
    /// The kind, for programs.
    pub kind: RefusalKind,
    /// What was wrong and what to do, for people.
    pub message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of this kind, explained by `message`.
    pub fn new(kind: RefusalKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The kinds of [`Refusal`]. The order of the variants is part of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalKind {
    /// The query breaks a rule; it will never be accepted.
    Invalid,
    /// A key, value or prefix is over its limit; it will never be accepted.
    TooLarge,
    /// This replica is still fetching the store; another server can answer now.
    NotReady,
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::NotReady => "not_ready",
        })
    }
}
