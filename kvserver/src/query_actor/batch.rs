//! Batches of queries, and how they are answered.

use actor::Now;
use kvcommon::frame::{self, FrameError, QueryItem};
use kvcommon::limits::MAX_MESSAGE_BYTES;
use kvcommon::{Answer, Query, Refusal, RefusalKind, Stamp};
use serde::{Deserialize, Serialize};

use super::QueryActor;
use crate::replica::Sought;

/// Queries of one connection that were read together, as the client encoded them: they are decoded
/// once, where they are answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The client's messages, each a run of queries, oldest first.
    pub messages: Vec<Vec<u8>>,
    /// So many bytes of the first message have been answered already.
    pub skip: usize,
}

/// The answers to a batch, or to the first part of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answers {
    /// A run of answers, at most [`MAX_MESSAGE_BYTES`] long.
    pub message: Vec<u8>,
    /// What is left of the batch, to be asked again: one turn was not enough.
    pub rest: Option<Batch>,
    /// Why the queries that follow cannot be read.
    pub fault: Option<String>,
    /// The actor's state that answered. A connection lasts no longer than that state, since the
    /// next one may have forgotten a write that this one has acknowledged.
    pub state: u64,
}

/// A turn answers at most so many queries, which takes about a millisecond.
pub const TURN_QUERIES: usize = 1024;

/// A turn ends with the answer that brings all of them to so many bytes: a few pages of Lists.
/// The answer to a write always fits into what is left of a message.
pub const TURN_BYTES: usize = 256 * 1024;

/// So many queries are decoded together, so that what they will touch can be fetched from memory at
/// once. It fits a processor's nearest cache.
const GROUP_QUERIES: usize = 64;
/// A client's floor may lie so far ahead of the clock. More than clocks differ where all is well, so
/// that a client can go on elsewhere; little enough that none can push a key into the future.
pub const MAX_FLOOR_LEAD_MILLIS: u64 = 500;

/// Room for a short value and its stamp, so that a message of many such answers seldom has to grow.
const USUAL_ANSWER_BYTES: usize = 80;

/// Whether a turn goes on.
enum Flow {
    Go,
    /// It has answered so many bytes of the message and is over.
    Stop {
        answered: usize,
    },
}

impl QueryActor {
    /// Answers as much of the batch as one turn allows, in the order of the queries.
    pub(super) fn answer(&mut self, batch: Batch, now: Now) -> Answers {
        let mut turn = Answers { message: Vec::new(), rest: None, fault: None, state: self.state };
        let mut left = TURN_QUERIES;
        let mut skip = batch.skip;
        let mut messages = batch.messages.into_iter();
        while let Some(message) = messages.next() {
            let flow = self.answer_message(&message, skip, now, &mut left, &mut turn);
            if let Flow::Stop { answered } = flow {
                let messages = std::iter::once(message).chain(messages).collect();
                turn.rest = Some(Batch { messages, skip: answered });
                break;
            }
            if turn.fault.is_some() {
                break;
            }
            skip = 0;
        }
        turn
    }

    fn answer_message(
        &mut self,
        message: &[u8],
        skip: usize,
        now: Now,
        left: &mut usize,
        turn: &mut Answers,
    ) -> Flow {
        let mut queries = frame::queries(message.get(skip..).unwrap_or_default());
        let mut group = Vec::with_capacity(GROUP_QUERIES);
        loop {
            group.clear();
            while group.len() < GROUP_QUERIES {
                let answered = message.len() - queries.rest().len();
                let Some(item) = queries.next() else { break };
                group.push((answered, item));
            }
            if group.is_empty() {
                return Flow::Go;
            }
            turn.message.reserve(group.len() * USUAL_ANSWER_BYTES);
            let sought = self.seek(&group);
            // Queries stay where they were decoded. To move one, the processor would have to read what
            // it has just written, in pieces of another size, and for that waits until all that was
            // written before is in its cache: also the entry that the query before has overwritten.
            for ((answered, item), sought) in group.iter().zip(&sought) {
                if *left == 0 || turn.message.len() >= TURN_BYTES {
                    return Flow::Stop { answered: *answered };
                }
                let item = match item {
                    Ok(item) => item,
                    Err(fault) => {
                        turn.fault = Some(fault.to_string());
                        return Flow::Go;
                    }
                };
                let answer = match &item.query {
                    Ok(query) => self.query(query, *sought, now),
                    Err(refusal) => Answer::Refused(refusal.clone()),
                };
                if let Answer::Page { entries, .. } = &answer {
                    turn.message.reserve(entries.len() * USUAL_ANSWER_BYTES);
                }
                let before = turn.message.len();
                frame::encode_answer(&mut turn.message, item.id, &answer);
                if turn.message.len() > MAX_MESSAGE_BYTES && before > 0 {
                    turn.message.truncate(before);
                    return Flow::Stop { answered: *answered };
                }
                *left -= 1;
            }
        }
    }

    /// Looks for the keys of a group of queries, an empty one where a query is not of one key.
    fn seek(&self, group: &[(usize, Result<QueryItem<'_>, FrameError>)]) -> Vec<Sought> {
        let queries = group.iter().map(|(_, item)| item.as_ref().ok()?.query.as_ref().ok());
        let keys = queries.map(|query| query.map_or((&[][..], false), one_key));
        if let [_] = group {
            return keys.map(|(key, _)| self.replica.seek(key)).collect();
        }
        let sought = self.replica.seek_all(keys.clone().map(|(key, _)| key));
        let writes = keys.zip(&sought).filter(|((_, writes), _)| *writes);
        self.replica.warm_sums(writes.map(|((key, _), sought)| (key, *sought)));
        sought
    }

    fn query(&mut self, query: &Query<'_>, sought: Sought, now: Now) -> Answer<'_> {
        match *query {
            Query::Get { key } => match self.replica.get_sought(key, sought) {
                Some(entry) => match entry.value() {
                    Some(value) => Answer::Found { stamp: entry.stamp(), value },
                    None => Answer::Missing { deleted: Some(entry.stamp()) },
                },
                None if self.is_ready() => Answer::Missing { deleted: None },
                None => not_ready(),
            },
            Query::Put { key, value, floor } => self.write((key, sought), Some(value), floor, now),
            Query::Delete { key, floor } => self.write((key, sought), None, floor, now),
            Query::List { .. } if !self.is_ready() => not_ready(),
            Query::List { prefix, after } => {
                let page = self.replica.list(prefix, after);
                Answer::Page { entries: page.entries, more: page.more }
            }
            Query::Status => self.answer_status(now.elapsed),
            Query::Forget { member } => self.answer_forget(member),
        }
    }

    pub(super) fn write(
        &mut self,
        (key, sought): (&str, Sought),
        value: Option<&str>,
        floor: Option<Stamp>,
        now: Now,
    ) -> Answer<'_> {
        let millis = now.wall_millis.max(self.sweep.floor_millis());
        if let Some(floor) = floor
            && floor.millis > millis.saturating_add(MAX_FLOOR_LEAD_MILLIS)
            && self.replica.get_sought(key, sought).is_none_or(|held| held.stamp() < floor)
        {
            return too_far_ahead(floor.millis.saturating_sub(millis));
        }
        let at = self.replica.write_above(&self.writer, millis, floor, (key, sought), value);
        match at.and_then(|at| Some((at, self.replica.at(at)?))) {
            Some((at, entry)) => {
                self.peers.wrote(entry, at, now.elapsed);
                self.outbox.wrote(at);
                Answer::Stored { stamp: entry.stamp() }
            }
            None => Answer::Refused(Refusal::new(
                RefusalKind::Invalid,
                "the key was written with the last stamp that there is and stays as it is",
            )),
        }
    }
}

/// The one key that a query is of, and whether it writes that.
fn one_key<'a>(query: &Query<'a>) -> (&'a [u8], bool) {
    match *query {
        Query::Get { key } => (key.as_bytes(), false),
        Query::Put { key, .. } | Query::Delete { key, .. } => (key.as_bytes(), true),
        Query::List { .. } | Query::Status | Query::Forget { .. } => (&[], false),
    }
}

fn too_far_ahead(millis: u64) -> Answer<'static> {
    let message = format!(
        "the floor lies {millis} ms ahead of this server's clock, and it holds nothing so new for \
         the key; the limit is {MAX_FLOOR_LEAD_MILLIS} ms"
    );
    Answer::Refused(Refusal::new(RefusalKind::Invalid, message))
}

fn not_ready() -> Answer<'static> {
    Answer::Refused(Refusal::new(
        RefusalKind::NotReady,
        "this replica is still fetching the store; ask another server, or again in a moment",
    ))
}

#[cfg(test)]
mod tests;
