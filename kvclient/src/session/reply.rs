//! What an asker gets: an answer that owns its text and fits its query.

use std::time::Duration;

use kvcommon::{Answer, Stamp};

use super::{Epoch, Request};
use crate::{Address, Error, Versioned};

/// The answer to a [`Request`], and the connection that it came over where that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Value(Lookup, Epoch),
    Stored(Stamp, Epoch),
    Page(Page),
    Status { age: Duration, json: String },
    Forgotten,
}

/// What a replica holds for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Found(Versioned),
    Missing { deleted: Option<Stamp> },
}

/// A page of a List, and the connection that it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<(String, Versioned)>,
    pub(crate) more: bool,
    pub(crate) epoch: Epoch,
}

/// Which [`Reply`] a request calls for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Value,
    Stored,
    Page,
    Status,
    Forgotten,
}

impl Expected {
    pub(super) fn of(request: &Request) -> Self {
        match request {
            Request::Get { .. } => Self::Value,
            Request::Put { .. } | Request::Delete { .. } => Self::Stored,
            Request::List { .. } => Self::Page,
            Request::Status => Self::Status,
            Request::Forget { .. } => Self::Forgotten,
        }
    }

    pub(super) fn reply(
        self,
        address: &Address,
        epoch: Epoch,
        answer: Answer<'_>,
    ) -> Result<Reply, Error> {
        let versioned = |value: &str, stamp: Stamp| Versioned { value: value.to_owned(), stamp };
        match (self, answer) {
            (_, Answer::Refused(refusal)) => Err(Error::refused(address, &refusal)),
            (Self::Value, Answer::Found { stamp, value }) => {
                Ok(Reply::Value(Lookup::Found(versioned(value, stamp)), epoch))
            }
            (Self::Value, Answer::Missing { deleted }) => {
                Ok(Reply::Value(Lookup::Missing { deleted }, epoch))
            }
            (Self::Stored, Answer::Stored { stamp }) => Ok(Reply::Stored(stamp, epoch)),
            (Self::Page, Answer::Page { entries, more }) => {
                let own = |entry: kvcommon::Entry<'_>| {
                    (entry.key.to_owned(), versioned(entry.value, entry.stamp))
                };
                Ok(Reply::Page(Page {
                    entries: entries.into_iter().map(own).collect(),
                    more,
                    epoch,
                }))
            }
            (Self::Status, Answer::Status { age_millis, json }) => {
                let age = Duration::from_millis(age_millis);
                Ok(Reply::Status { age, json: json.to_owned() })
            }
            (Self::Forgotten, Answer::Forgotten) => Ok(Reply::Forgotten),
            _ => Err(Error::Protocol {
                address: address.clone(),
                cause: "its answer does not fit the query".to_owned(),
                sent: true,
            }),
        }
    }
}
