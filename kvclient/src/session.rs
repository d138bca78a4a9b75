//! What the client knows about one server: its queries, their deadlines, and the connection's life.
//!
//! A session is a state machine without sockets, clocks or tasks. Its driver tells it what happens
//! ([`ask`](Session::ask), [`opened`](Session::opened), [`received`](Session::received),
//! [`failed`](Session::failed), [`tick`](Session::tick)) and then does what it says: dial while
//! [`phase`](Session::phase) is `Dialing`, hold the connection only while it is `Live`, send
//! [`next_message`](Session::next_message), hand out [`replies`](Session::replies), and call `tick`
//! at [`next_wake`](Session::next_wake).
//!
//! - Every query gets exactly one reply, by its deadline at the latest.
//! - A query that was not sent before its deadline, or before its asker lost interest, never is.
//! - The first query dials. A failure fails every query that waits, and those that come before the
//!   next attempt at once, so that a router can turn elsewhere. Attempts go on by themselves, with
//!   backoff, as long as the session was asked something lately.
//! - A connection on which nothing comes back is given up, since a kernel would keep a dead one for
//!   many minutes.

mod backoff;
mod failure;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kvcommon::limits::MAX_MESSAGE_BYTES;
use kvcommon::{AnswerItem, Query, QueryId, Stamp, frame};

use crate::{Address, Error, Link};
use backoff::Backoff;
pub(crate) use failure::Failure;
use reply::Expected;
pub(crate) use reply::{Lookup, Page, Reply};

/// How long an attempt to connect may take, the handshake included: well under the default
/// deadline, so that a query still has time to be asked elsewhere.
const DIAL_LIMIT: Duration = Duration::from_secs(3);

/// A connection is given up when a query's deadline passes and it has been silent for this long
/// although something was asked: servers answer at once.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);

/// A session that was asked nothing for this long does not reconnect until it is asked again.
const RETRY_WHILE_ASKED: Duration = Duration::from_secs(30);

/// A query on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Get { key: String },
    Put { key: String, value: String, floor: Option<Stamp> },
    Delete { key: String, floor: Option<Stamp> },
    List { prefix: String, after: Option<After> },
    Status,
    Forget { member: String },
}

/// Where a List goes on: pages are one actor's only as long as they come over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) key: String,
    pub(crate) epoch: Epoch,
}

/// Counts a session's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epoch(pub(crate) u64);

/// What a session's connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is none, and nothing to ask.
    Idle,
    /// One is being opened.
    Dialing,
    /// It is open.
    Live,
    /// The last one failed; the next attempt comes by itself.
    Resting,
}

/// See the module. `T` stands for whoever waits for a reply.
#[derive(Debug)]
pub(crate) struct Session<T> {
    address: Address,
    state: State,
    epoch: Epoch,
    backoff: Backoff,
    last_asked: Duration,
    next_id: QueryId,
    pending: BTreeMap<QueryId, Pending<T>>,
    /// The pending queries that have not been sent, in the order in which they came.
    waiting: VecDeque<QueryId>,
    /// No pending query's deadline is earlier. Not kept exact, so that no index is needed: it is
    /// renewed when it passes, about once per deadline.
    next_deadline: Option<Duration>,
    /// Since when something is outstanding on this connection and nothing has come.
    silent_since: Option<Duration>,
    replies: Vec<(T, Result<Reply, Error>)>,
}

#[derive(Debug)]
enum State {
    Idle,
    Dialing { give_up: Duration },
    Live,
    Resting { until: Duration, failure: Failure },
}

#[derive(Debug)]
struct Pending<T> {
    token: T,
    deadline: Duration,
    limit: Duration,
    expected: Expected,
    /// What is to be sent; nothing once it has been.
    unsent: Option<Request>,
}

impl<T> Session<T> {
    pub(crate) fn new(address: Address, seed: u64) -> Self {
        Self {
            address,
            state: State::Idle,
            epoch: Epoch(0),
            backoff: Backoff::new(seed),
            last_asked: Duration::ZERO,
            next_id: QueryId(0),
            pending: BTreeMap::new(),
            waiting: VecDeque::new(),
            next_deadline: None,
            silent_since: None,
            replies: Vec::new(),
        }
    }

    /// Takes in a query that is to be answered within `limit`.
    pub(crate) fn ask(&mut self, now: Duration, limit: Duration, request: Request, token: T) {
        self.last_asked = now;
        if let Err(error) = self.admit(now, &request) {
            self.replies.push((token, Err(error)));
            return;
        }
        let id = self.next_id;
        self.next_id = QueryId(id.0 + 1);
        let deadline = now.saturating_add(limit);
        let expected = Expected::of(&request);
        let unsent = Some(request);
        self.pending.insert(id, Pending { token, deadline, limit, expected, unsent });
        self.waiting.push_back(id);
        self.next_deadline = Some(self.next_deadline.map_or(deadline, |next| next.min(deadline)));
    }

    /// The connection is open.
    pub(crate) fn opened(&mut self) {
        self.state = State::Live;
        self.epoch = Epoch(self.epoch.0 + 1);
        self.silent_since = None;
    }

    /// The connection could not be opened, or has ended.
    pub(crate) fn failed(&mut self, now: Duration, failure: Failure) {
        for (_, query) in std::mem::take(&mut self.pending) {
            let error = failure.error(&self.address, query.unsent.is_none());
            self.replies.push((query.token, Err(error)));
        }
        self.waiting.clear();
        self.next_deadline = None;
        let until = now + self.backoff.next_pause();
        self.state = State::Resting { until, failure };
    }

    /// A message came.
    pub(crate) fn received(&mut self, now: Duration, message: &[u8]) {
        if let Err(failure) = self.settle_all(message) {
            self.failed(now, failure);
            return;
        }
        self.backoff.reset();
        let all_answered = self.pending.len() == self.waiting.len();
        self.silent_since = if all_answered { None } else { Some(now) };
    }

    /// Carries out what is due.
    pub(crate) fn tick(&mut self, now: Duration) {
        if self.next_deadline.is_some_and(|deadline| deadline <= now) {
            self.expire(now);
        }
        match self.state {
            State::Dialing { give_up } if give_up <= now => {
                let cause = format!("no connection within {}", crate::error::seconds(&DIAL_LIMIT));
                self.failed(now, Failure::Unreachable(cause));
            }
            State::Resting { until, .. } if until <= now => {
                let in_use = now.saturating_sub(self.last_asked) < RETRY_WHILE_ASKED;
                self.state = if in_use { dialing(now) } else { State::Idle };
            }
            _ => {}
        }
    }

    /// When [`tick`](Self::tick) is to be called next, if nothing else happens before.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        let state_ends = match self.state {
            State::Dialing { give_up } => Some(give_up),
            State::Resting { until, .. } => Some(until),
            State::Idle | State::Live => None,
        };
        [self.next_deadline, state_ends].into_iter().flatten().min()
    }

    /// The next message to send: as many waiting queries as fit into one, leaving out those whose
    /// askers are no longer `interested`.
    pub(crate) fn next_message(
        &mut self,
        now: Duration,
        interested: impl Fn(&T) -> bool,
    ) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        while let Some(&id) = self.waiting.front() {
            let query = self.pending.get_mut(&id).expect("what waits is pending");
            if interested(&query.token) {
                let request = query.unsent.as_ref().expect("what waits has not been sent");
                let end = message.len();
                frame::encode_query(&mut message, id, &request.query());
                if message.len() > MAX_MESSAGE_BYTES && end > 0 {
                    message.truncate(end);
                    break;
                }
                query.unsent = None;
            } else {
                self.pending.remove(&id);
            }
            self.waiting.pop_front();
        }
        if message.is_empty() {
            return None;
        }
        self.silent_since.get_or_insert(now);
        Some(message)
    }

    /// The replies since the last call.
    pub(crate) fn replies(&mut self) -> impl Iterator<Item = (T, Result<Reply, Error>)> {
        self.replies.drain(..)
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Dialing { .. } => Phase::Dialing,
            State::Live => Phase::Live,
            State::Resting { .. } => Phase::Resting,
        }
    }

    /// Whether queries are outstanding.
    pub(crate) fn is_busy(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The phase as a program sees it.
    pub(crate) fn link(&self, now: Duration) -> Link {
        let addr = self.address.clone();
        match &self.state {
            State::Idle => Link::Idle,
            State::Dialing { .. } => Link::Connecting { addr },
            State::Live => Link::Live { addr },
            State::Resting { until, failure } => {
                let next_in = until.saturating_sub(now);
                Link::Retrying { addr, cause: failure.cause().to_owned(), next_in }
            }
        }
    }

    /// Whether the query may wait for the connection; dials if there is none.
    fn admit(&mut self, now: Duration, request: &Request) -> Result<(), Error> {
        if let Request::List { after: Some(after), .. } = request
            && (after.epoch != self.epoch || !matches!(self.state, State::Live))
        {
            let cause = "the connection was lost between two pages of the List".to_owned();
            return Err(Failure::Unreachable(cause).error(&self.address, false));
        }
        match &self.state {
            State::Idle => {
                self.state = dialing(now);
                Ok(())
            }
            State::Dialing { .. } | State::Live => Ok(()),
            State::Resting { failure, .. } => Err(failure.error(&self.address, false)),
        }
    }

    fn settle_all(&mut self, message: &[u8]) -> Result<(), Failure> {
        for item in frame::answers(message) {
            let item = item.map_err(|error| Failure::Protocol(error.to_string()))?;
            self.settle(item)?;
        }
        Ok(())
    }

    fn settle(&mut self, AnswerItem { id, answer }: AnswerItem<'_>) -> Result<(), Failure> {
        let never_sent = match self.pending.get(&id) {
            Some(query) => query.unsent.is_some(),
            None => id >= self.next_id,
        };
        if never_sent {
            let cause = format!("it answered query {}, which was never asked", id.0);
            return Err(Failure::Protocol(cause));
        }
        // An answer that comes after its query's deadline answers nobody.
        if let Some(query) = self.pending.remove(&id) {
            let reply = query.expected.reply(&self.address, self.epoch, answer);
            self.replies.push((query.token, reply));
        }
        Ok(())
    }

    fn expire(&mut self, now: Duration) {
        let is_due = |query: &Pending<T>| query.deadline <= now;
        let mut one_was_sent = false;
        for (_, query) in self.pending.extract_if(.., |_, query| is_due(query)) {
            let sent = query.unsent.is_none();
            one_was_sent |= sent;
            let error = Error::Timeout { address: self.address.clone(), after: query.limit, sent };
            self.replies.push((query.token, Err(error)));
        }
        self.waiting.retain(|id| self.pending.contains_key(id));
        self.next_deadline = self.pending.values().map(|query| query.deadline).min();

        let silence = self.silent_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        if one_was_sent && silence >= SILENCE_LIMIT && matches!(self.state, State::Live) {
            let cause = format!("it has been silent for {}", crate::error::seconds(&silence));
            self.failed(now, Failure::Unreachable(cause));
        }
    }
}

fn dialing(now: Duration) -> State {
    State::Dialing { give_up: now + DIAL_LIMIT }
}

impl Request {
    fn query(&self) -> Query<'_> {
        match self {
            Self::Get { key } => Query::Get { key },
            Self::Put { key, value, floor } => Query::Put { key, value, floor: *floor },
            Self::Delete { key, floor } => Query::Delete { key, floor: *floor },
            Self::List { prefix, after } => {
                Query::List { prefix, after: after.as_ref().map(|after| after.key.as_str()) }
            }
            Self::Status => Query::Status,
            Self::Forget { member } => Query::Forget { member },
        }
    }
}
