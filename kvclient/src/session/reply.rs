//! What an asker gets: an answer that owns its text and fits its query.

use kvcommon::{Answer, Stamp};

use super::{Epoch, Request};
use crate::{Address, Error, Versioned};

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Value(Option<Versioned>),
    Stored(Stamp),
    Page(Page),
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
}

impl Expected {
    pub(super) fn of(request: &Request) -> Self {
        match request {
            Request::Get { .. } => Self::Value,
            Request::Put { .. } | Request::Delete { .. } => Self::Stored,
            Request::List { .. } => Self::Page,
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
                Ok(Reply::Value(Some(versioned(value, stamp))))
            }
            (Self::Value, Answer::Missing { .. }) => Ok(Reply::Value(None)),
            (Self::Stored, Answer::Stored { stamp }) => Ok(Reply::Stored(stamp)),
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
            _ => Err(Error::Protocol {
                address: address.clone(),
                cause: "its answer does not fit the query".to_owned(),
                sent: true,
            }),
        }
    }
}
