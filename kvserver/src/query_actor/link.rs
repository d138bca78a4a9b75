//! All that passes between this actor and one actor of another server, at one pace.

use std::collections::VecDeque;
use std::time::Duration;

use actor::{ActorRef, Address};
use serde::{Deserialize, Serialize};

use super::Message;
use super::comparing::is_small;
use super::fetch::{Brought, Chunk, Fetch, Request, Slice};
use super::pace::Pace;
use super::pack::Pack;
use super::stream::{Ack, Came, Data, Incoming, Outgoing};
use crate::digest;

/// A frame of the stream has about so many bytes: with the last entry, which may be large, a frame
/// stays below 4 MiB.
const STREAM_BYTES: usize = 3584 * 1024;

/// With other things beside it, a frame of the stream has about so many bytes.
const STREAM_BYTES_BESIDE_OTHERS: usize = 1024 * 1024;

/// A round of comparing has no more messages under way; one that is dropped costs a round.
const MAX_DIGESTS: usize = 8;

/// A server of the store, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where its actor system is reached.
    pub address: Address,
    /// Drawn at random at its start.
    pub server: u64,
    /// How many query actors it has.
    pub actors: u16,
}

/// All that an actor has to say at one moment to an actor of another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The sender's server.
    pub server: u64,
    /// The sender's place among its siblings.
    pub from: u16,
    /// The sender's state.
    pub state: u64,
    /// The state of the receiver that the sender knows; all that follows up on earlier messages
    /// is meant for that one only.
    pub to_state: Option<u64>,
    /// Who the sender's server is, until the receiver has shown that it knows.
    pub introduce: Option<Member>,
    /// What the sender's clients have written.
    pub data: Option<Data>,
    /// What has come from the receiver.
    pub ack: Option<Ack>,
    /// A question for what the receiver holds.
    pub request: Option<Request>,
    /// An answer to such a question.
    pub chunk: Option<Chunk>,
    /// What is said in comparing stores.
    pub digest: Option<digest::Message>,
}

/// What came in a frame and is to be seen to by the actor.
#[derive(Default)]
pub struct Arrived {
    /// What the other actor's clients have written.
    pub news: Option<Pack>,
    /// A part of what was fetched.
    pub brought: Option<Brought>,
    /// What the other actor wants to know.
    pub request: Option<Request>,
    /// What the other actor says in comparing.
    pub digest: Option<digest::Message>,
    /// The other actor is in a new state, or was never heard: our stream has to begin anew.
    pub new_state: bool,
    /// The other actor has begun a stream that leaves out what its clients wrote before.
    pub not_whole: bool,
}

/// What has passed over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes of entries sent.
    pub bytes_sent: u64,
    /// Bytes of entries received.
    pub bytes_received: u64,
    /// Entries sent.
    pub entries_sent: u64,
    /// Entries received.
    pub entries_received: u64,
}

/// One other actor, as this one sees it.
pub struct Link {
    to: ActorRef<Message>,
    /// The actor's latest state that was heard of.
    their_state: Option<u64>,
    /// Whether the actor has shown that it knows this one.
    is_known: bool,
    pace: Pace,
    /// What this actor's clients write, if it is this pair's task to carry it.
    out: Option<Outgoing>,
    incoming: Incoming,
    ack_due: bool,
    fetch: Option<Fetch>,
    next_turn: u32,
    chunk: Option<Chunk>,
    digest: VecDeque<digest::Message>,
    round_trip: Option<Duration>,
    traffic: Traffic,
}

impl Link {
    /// A link on which nothing has passed.
    pub fn new(to: ActorRef<Message>, out: Option<Outgoing>) -> Self {
        Self {
            to,
            their_state: None,
            is_known: false,
            pace: Pace::default(),
            out,
            incoming: Incoming::default(),
            ack_due: false,
            fetch: None,
            next_turn: 0,
            chunk: None,
            digest: VecDeque::new(),
            round_trip: None,
            traffic: Traffic::default(),
        }
    }

    /// An earlier state or life of this pair may have sent a moment ago.
    pub fn was_used(&mut self, now: Duration) {
        self.pace.data_sent(now);
        self.pace.small_sent(now);
    }

    /// The other actor.
    pub fn to(&self) -> &ActorRef<Message> {
        &self.to
    }

    /// The stream to the other actor, if there is one.
    pub fn out(&mut self) -> Option<&mut Outgoing> {
        self.out.as_mut()
    }

    /// How many entries the other actor is not known to have.
    pub fn lag(&self) -> usize {
        self.out.as_ref().map_or(0, Outgoing::lag)
    }

    /// Entries that the other actor is not known to have.
    pub fn missing(&self) -> impl Iterator<Item = &crate::entry::Entry> {
        self.out.iter().flat_map(Outgoing::missing)
    }

    /// How long the last frame and the answer to it were under way.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What has passed.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Begins to fetch a slice of what the other actor holds.
    pub fn fetch(&mut self, slice: Slice) {
        self.leave_turns_behind();
        self.fetch = Some(Fetch::new(slice, self.next_turn));
    }

    /// Whether something is being fetched.
    pub fn is_fetching(&self) -> bool {
        self.fetch.is_some()
    }

    /// A chunk has been merged.
    pub fn merged(&mut self) {
        if let Some(fetch) = &mut self.fetch {
            fetch.merged();
        }
    }

    /// Gives the other actor what it has asked for.
    pub fn give(&mut self, chunk: Chunk) {
        self.chunk = Some(chunk);
    }

    /// Sends the other actor what is said in comparing. One that does not hear costs no memory.
    pub fn compare(&mut self, message: digest::Message) {
        if self.digest.len() < MAX_DIGESTS {
            self.digest.push_back(message);
        }
    }

    /// How long the next frame has to wait, if there is one: zero if it may go now.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        let data = self.data_wait(now).map(|wait| wait.max(self.pace.data_wait(now)));
        let small = self.small_wait(now).map(|wait| wait.max(self.pace.small_wait(now)));
        data.into_iter().chain(small).min()
    }

    /// How long a message with data has to wait for its occasion.
    fn data_wait(&self, now: Duration) -> Option<Duration> {
        let digest = self.digest.iter().any(|message| !is_small(message));
        let ready =
            digest || self.chunk.is_some() || self.out.as_ref().is_some_and(Outgoing::has_frame);
        let asks = self.fetch.as_ref().and_then(|fetch| fetch.wait(now));
        if ready { Some(Duration::ZERO) } else { asks }
    }

    /// How long a message without data has to wait for its occasion.
    fn small_wait(&self, now: Duration) -> Option<Duration> {
        let out = self.out.as_ref();
        if self.ack_due || self.has_small_digest() || out.is_some_and(Outgoing::is_new) {
            return Some(Duration::ZERO);
        }
        out.and_then(Outgoing::probe_at).map(|at| at.saturating_sub(now))
    }

    fn has_small_digest(&self) -> bool {
        self.digest.front().is_some_and(is_small)
    }

    /// The frame that may go now; `from` fills in who sends it.
    pub fn take(&mut self, now: Duration, from: impl FnOnce(bool) -> Frame) -> Option<Frame> {
        let due = |wait: Option<Duration>| wait.is_some_and(|wait| wait.is_zero());
        let with_data = due(self.data_wait(now)) && self.pace.data_wait(now).is_zero();
        let small = due(self.small_wait(now)) && self.pace.small_wait(now).is_zero();
        if !with_data && !small {
            return None;
        }
        let mut frame = from(!self.is_known);
        frame.to_state = self.their_state;
        frame.ack = self.incoming.ack().filter(|_| std::mem::take(&mut self.ack_due));
        if with_data {
            self.pace.data_sent(now);
            self.add_data(&mut frame, now);
        } else {
            self.pace.small_sent(now);
            let asks = due(self
                .out
                .as_ref()
                .and_then(Outgoing::probe_at)
                .map(|at| at.saturating_sub(now)));
            let out = self.out.as_mut().filter(|out| asks || out.is_new());
            frame.data = out.map(|out| out.probe(now));
            if self.has_small_digest() {
                frame.digest = self.digest.pop_front();
            }
        }
        Some(frame)
    }

    fn add_data(&mut self, frame: &mut Frame, now: Duration) {
        frame.chunk = self.chunk.take();
        let fetch = self.fetch.as_mut().filter(|fetch| fetch.wait(now) == Some(Duration::ZERO));
        frame.request = fetch.map(|fetch| fetch.ask(now));
        if frame.chunk.is_none() {
            frame.digest = self.digest.pop_front();
        }
        let budget = match (&frame.chunk, &frame.digest) {
            (None, None) => STREAM_BYTES,
            _ => STREAM_BYTES_BESIDE_OTHERS,
        };
        let out = self.out.as_mut().filter(|out| out.has_frame() || out.is_new());
        frame.data = out.map(|out| out.take(now, budget));
        let pack = frame.data.as_ref().and_then(|data| data.entries.as_ref());
        let packs = pack.into_iter().chain(frame.chunk.as_ref().map(|chunk| &chunk.pack));
        for pack in packs {
            self.traffic.bytes_sent += pack.len() as u64;
            self.traffic.entries_sent += u64::from(pack.entries());
        }
    }

    /// Takes in a frame for the actor whose state is `state`.
    pub fn take_in(&mut self, frame: Frame, state: u64, now: Duration) -> Arrived {
        let mut arrived = Arrived::default();
        if self.their_state != Some(frame.state) {
            arrived.new_state = self.their_state.is_some();
            self.their_state = Some(frame.state);
            self.incoming = Incoming::default();
        }
        if frame.to_state == Some(state) {
            self.is_known = true;
            let out = self.out.as_mut().filter(|_| !arrived.new_state);
            if let Some((out, ack)) = out.zip(frame.ack) {
                self.round_trip = out.take_in(&ack, now).or(self.round_trip);
            }
            let fetch = self.fetch.as_mut();
            arrived.brought =
                fetch.zip(frame.chunk).and_then(|(fetch, chunk)| fetch.take_in(chunk));
        }
        // A stream to an earlier life or state of ours has numbers that mean nothing here: a new one
        // begins as soon as the sender knows of us, and may have the same number.
        let is_ours = frame.to_state.is_none_or(|to| to == state);
        if let Some(data) = frame.data.filter(|_| is_ours) {
            self.ack_due = true;
            let came = self.incoming.take_in(&data);
            arrived.not_whole = came == Came::Begun && !data.whole;
            arrived.news = data.entries.filter(|_| came != Came::Nothing);
        }
        arrived.request = frame.request;
        arrived.digest = frame.digest;
        let brought = arrived.brought.as_ref().map(|brought| &brought.pack);
        let packs = arrived.news.iter().chain(brought);
        for pack in packs {
            self.traffic.bytes_received += pack.len() as u64;
            self.traffic.entries_received += u64::from(pack.entries());
        }
        if arrived.brought.as_ref().is_some_and(|brought| brought.last.is_some()) {
            self.leave_turns_behind();
        }
        arrived
    }

    /// Ends the fetch, so that nothing that still comes for it is taken for the next one's.
    fn leave_turns_behind(&mut self) {
        if let Some(fetch) = self.fetch.take() {
            self.next_turn = fetch.turn().wrapping_add(1);
        }
    }
}
