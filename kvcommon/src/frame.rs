//! The codec: runs of `(id, query)` and `(id, answer)` items, postcard-encoded one after the other.
//!
//! Decoding borrows from the message and never panics. A query that breaks a limit or is not UTF-8
//! becomes a [`Refusal`] of that query alone; bytes that are no item at all end the run with a
//! [`FrameError`], upon which a connection is closed.

use std::iter::FusedIterator;

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use crate::limits::{check_floor, check_key, check_member, check_prefix, check_value};
use crate::{Answer, Query, QueryId, Refusal, Stamp};

mod usual;

/// A query as it arrived, or why it cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryItem<'a> {
    /// The client's id for it.
    pub id: QueryId,
    /// The query, or the refusal to answer it with.
    pub query: Result<Query<'a>, Refusal>,
}

/// An answer as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerItem<'a> {
    /// The id of the query it answers.
    pub id: QueryId,
    /// The answer.
    pub answer: Answer<'a>,
}

/// The bytes are not a run of items.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not a run of {what}: {cause}")]
pub struct FrameError {
    what: &'static str,
    cause: postcard::Error,
}

/// Appends one query to a message.
pub fn encode_query(message: &mut Vec<u8>, id: QueryId, query: &Query<'_>) {
    let wire = match *query {
        Query::Get { key } => WireQuery::Get { key: key.as_bytes() },
        Query::Put { key, value, floor } => WireQuery::Put {
            key: key.as_bytes(),
            value: value.as_bytes(),
            floor: floor.map(WireFloor::from),
        },
        Query::Delete { key, floor } => {
            WireQuery::Delete { key: key.as_bytes(), floor: floor.map(WireFloor::from) }
        }
        Query::List { prefix, after } => WireQuery::List {
            prefix: prefix.as_bytes(),
            after: after.map(|key| serde_bytes::Bytes::new(key.as_bytes())),
        },
        Query::Status => WireQuery::Status,
        Query::Forget { member } => WireQuery::Forget { member: member.as_bytes() },
    };
    append(message, &(id, wire));
}

/// Appends one answer to a message.
pub fn encode_answer(message: &mut Vec<u8>, id: QueryId, answer: &Answer<'_>) {
    match *answer {
        Answer::Found { stamp, value } => usual::append_found(message, id, stamp, value),
        Answer::Stored { stamp } => usual::append_stored(message, id, stamp),
        _ => append(message, &(id, answer)),
    }
}

/// The queries of a message, one after the other; after an error there are no more.
pub fn queries(message: &[u8]) -> Queries<'_> {
    Queries { rest: message }
}

/// The answers of a message, one after the other; after an error there are no more.
pub fn answers(message: &[u8]) -> impl Iterator<Item = Result<AnswerItem<'_>, FrameError>> {
    let mut rest = message;
    std::iter::from_fn(move || take(&mut rest, "answers"))
        .map(|item| item.map(|(id, answer)| AnswerItem { id, answer }))
}

/// The queries of a message, from [`queries`].
#[derive(Clone, Debug)]
pub struct Queries<'a> {
    rest: &'a [u8],
}

impl<'a> Queries<'a> {
    /// The bytes that have not been decoded yet: a run of the queries that follow. Nothing after an
    /// error.
    ///
    /// Whoever stops in the middle of a message can go on from there later, without decoding what
    /// came before once more:
    ///
    /// ```
    /// use kvcommon::{Query, QueryId, frame};
    ///
    /// let mut message = Vec::new();
    /// frame::encode_query(&mut message, QueryId(1), &Query::Get { key: "first" });
    /// frame::encode_query(&mut message, QueryId(2), &Query::Get { key: "second" });
    ///
    /// let mut queries = frame::queries(&message);
    /// queries.next();
    /// let rest = queries.rest().to_vec();
    /// assert_eq!(frame::queries(&rest).next().unwrap().unwrap().id, QueryId(2));
    /// ```
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Queries<'a> {
    type Item = Result<QueryItem<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = usual::take(&mut self.rest) {
            return Some(Ok(item));
        }
        let item = take::<(QueryId, WireQuery<'a>)>(&mut self.rest, "queries")?;
        Some(item.map(|(id, query)| QueryItem { id, query: query.check() }))
    }
}

impl FusedIterator for Queries<'_> {}

/// Queries as they travel: text is bytes until it has been checked, so that one bad query does not
/// take the others of its message with it. The order of the variants is part of the wire format.
#[derive(Serialize, Deserialize)]
enum WireQuery<'a> {
    Get {
        #[serde(borrow, with = "serde_bytes")]
        key: &'a [u8],
    },
    Put {
        #[serde(borrow, with = "serde_bytes")]
        key: &'a [u8],
        #[serde(borrow, with = "serde_bytes")]
        value: &'a [u8],
        floor: Option<WireFloor>,
    },
    Delete {
        #[serde(borrow, with = "serde_bytes")]
        key: &'a [u8],
        floor: Option<WireFloor>,
    },
    List {
        #[serde(borrow, with = "serde_bytes")]
        prefix: &'a [u8],
        #[serde(borrow)]
        after: Option<&'a serde_bytes::Bytes>,
    },
    Status,
    Forget {
        #[serde(borrow, with = "serde_bytes")]
        member: &'a [u8],
    },
}

/// A stamp as it travels in a query, not yet checked: its millis, counter and uid.
#[derive(Serialize, Deserialize)]
struct WireFloor(u64, u32, u64);

impl WireFloor {
    fn check(self) -> Result<Stamp, Refusal> {
        let Self(millis, counter, uid) = self;
        check_floor(Stamp { millis, counter, uid })
    }
}

impl From<Stamp> for WireFloor {
    fn from(Stamp { millis, counter, uid }: Stamp) -> Self {
        Self(millis, counter, uid)
    }
}

impl<'a> WireQuery<'a> {
    fn check(self) -> Result<Query<'a>, Refusal> {
        Ok(match self {
            Self::Get { key } => Query::Get { key: check_key(key)? },
            Self::Put { key, value, floor } => Query::Put {
                key: check_key(key)?,
                value: check_value(value)?,
                floor: floor.map(WireFloor::check).transpose()?,
            },
            Self::Delete { key, floor } => Query::Delete {
                key: check_key(key)?,
                floor: floor.map(WireFloor::check).transpose()?,
            },
            Self::List { prefix, after } => Query::List {
                prefix: check_prefix(prefix)?,
                after: after.map(|key| check_key(key)).transpose()?,
            },
            Self::Status => Query::Status,
            Self::Forget { member } => Query::Forget { member: check_member(member)? },
        })
    }
}

fn append(message: &mut Vec<u8>, item: &impl Serialize) {
    postcard::serialize_with_flavor(item, Append(message)).expect("a Vec takes every item");
}

/// The most bytes that postcard needs for a number.
const LONGEST_VARINT: usize = 10;

struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() > LONGEST_VARINT {
            self.0.extend_from_slice(bytes);
            return Ok(());
        }
        // A number comes in bytes that were stored one by one a moment ago. To load several of them
        // at once, as a copy does, a processor waits until the stores are through.
        self.0.reserve(LONGEST_VARINT);
        bytes.iter().for_each(|byte| self.0.push(*byte));
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Takes an item off the front of a run. After an error there is no more run.
fn take<'a, T: Deserialize<'a>>(
    rest: &mut &'a [u8],
    what: &'static str,
) -> Option<Result<T, FrameError>> {
    if rest.is_empty() {
        return None;
    }
    let taken = postcard::take_from_bytes(rest);
    *rest = taken.as_ref().map_or(&[], |(_, after)| after);
    Some(taken.map(|(item, _)| item).map_err(|cause| FrameError { what, cause }))
}
