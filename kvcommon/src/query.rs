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
        /// The newest stamp of this key that the client has seen, perhaps on another replica: the
        /// write gets a larger one.
        floor: Option<Stamp>,
    },
    /// Removes a key, whether it is there or not. Answered by [`Answer::Stored`].
    Delete {
        /// 1 byte to 1 KiB.
        key: &'a str,
        /// As in [`Query::Put`].
        floor: Option<Stamp>,
    },
    /// One page of the keys that start with `prefix`, in byte order. Answered by [`Answer::Page`].
    List {
        /// Up to 1 KiB; empty for every key.
        prefix: &'a str,
        /// The last key of the page before; only keys after it are listed.
        after: Option<&'a str>,
    },
    /// How the server and the others of its store are. Answered by [`Answer::Status`], also by a
    /// replica that is not ready.
    Status,
    /// Forgets a server of the store that is gone for good. Answered by [`Answer::Forgotten`].
    Forget {
        /// Its address, as [`Answer::Status`] names it; 1 byte to 1 KiB.
        member: &'a str,
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
    /// How the server and the others of its store are.
    Status {
        /// How long ago that was so.
        age_millis: u64,
        /// A JSON object; `docs/protocol.md` names its fields.
        json: &'a str,
    },
    /// The server is about to forget the member, and the others will hear of it.
    Forgotten,
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
