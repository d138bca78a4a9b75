//! All that passes between this actor and one actor of another server, at one pace.

mod frame;

use std::collections::VecDeque;
use std::time::Duration;

use actor::ActorRef;

use super::Message;
use super::comparing::is_small;
use super::fetch::{Brought, Chunk, Fetch, Request, Slice};
use super::pace::Pace;
use super::pack::Pack;
use super::stream::{Came, Incoming, Outgoing, Place};
use super::sweep::Say;
use super::tombstones::{Tombstones, brings_entries};
use crate::digest;
use crate::entry::Entry;
pub use frame::{Frame, Member, Traffic};

/// A frame of the stream has about so many bytes: with the last entry, which may be large, a frame
/// stays below 4 MiB.
const STREAM_BYTES: usize = 3584 * 1024;

/// With other things beside it, a frame of the stream has about so many bytes.
const STREAM_BYTES_BESIDE_OTHERS: usize = 1024 * 1024;

/// A round of comparing has no more messages under way; one that is dropped costs a round.
const MAX_DIGESTS: usize = 8;

/// What came in a frame and is to be seen to by the actor.
#[derive(Default)]
pub struct Arrived {
    /// What the other actor's clients have written, and in which frame it came.
    pub news: Option<(Pack, Place)>,
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

/// One other actor, as this one sees it.
pub struct Link {
    to: ActorRef<Message>,
    /// The actor's latest state that was heard of.
    their_state: Option<u64>,
    /// Its earlier ones. Messages of a pair keep their order, so what still comes from one of them is
    /// from another process with the same identity.
    former_states: Vec<u64>,
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
    /// What is to be said about rounds of collecting.
    sweep: Option<Say>,
    /// Whether the other actor has yet to be told what this one has confirmed.
    mark_due: bool,
    round_trip: Option<Duration>,
    traffic: Traffic,
}

impl Link {
    /// A link on which nothing has passed.
    pub fn new(to: ActorRef<Message>, out: Option<Outgoing>) -> Self {
        Self {
            to,
            their_state: None,
            former_states: Vec::new(),
            is_known: false,
            pace: Pace::default(),
            out,
            incoming: Incoming::default(),
            ack_due: false,
            fetch: None,
            next_turn: 0,
            chunk: None,
            digest: VecDeque::new(),
            sweep: None,
            mark_due: false,
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

    /// The number of the stream to the other actor; 0 without one.
    pub fn stream(&self) -> u32 {
        self.out.as_ref().map_or(0, Outgoing::number)
    }

    /// How many entries the other actor is not known to have.
    pub fn lag(&self) -> usize {
        self.out.as_ref().map_or(0, Outgoing::lag)
    }

    /// Entries that the other actor is not known to have.
    pub fn missing(&self) -> impl Iterator<Item = &Entry> {
        self.out.iter().flat_map(Outgoing::missing)
    }

    /// Since when the oldest of them was to be sent.
    pub fn lag_since(&self) -> Option<Duration> {
        self.out.as_ref().and_then(Outgoing::lag_since)
    }

    /// How many bytes are held for the other actor.
    pub fn held(&self) -> usize {
        let digest: usize = self.digest.iter().map(digest::Message::bytes).sum();
        let chunk = self.chunk.as_ref().map_or(0, Chunk::bytes);
        self.out.as_ref().map_or(0, Outgoing::held) + chunk + digest
    }

    /// An entry that came over this link changed nothing; it was held already, or older.
    pub fn came_needlessly(&mut self, asked: bool, held: bool) {
        let Traffic { needless, needless_asked, twice, twice_asked, .. } = &mut self.traffic;
        let (needless, twice) = match asked {
            true => (needless_asked, twice_asked),
            false => (needless, twice),
        };
        *needless += 1;
        *twice += u64::from(held);
    }

    /// How long the last frame and the answer to it were under way.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What has passed.
    pub fn traffic(&self) -> Traffic {
        let entries_again = self.out.as_ref().map_or(0, Outgoing::again);
        Traffic { entries_again, ..self.traffic }
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

    /// The entries of a frame have been merged.
    pub fn merged_frame(&mut self, Place { state, stream, frame }: Place) {
        if self.their_state == Some(state) {
            self.incoming.merged(stream, frame);
            self.ack_due = true;
        }
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

    /// Says something about rounds of collecting.
    pub fn say(&mut self, say: Say) {
        say.put(&mut self.sweep);
    }

    /// Tells the other actor what this one has confirmed.
    pub fn announce(&mut self) {
        self.mark_due = true;
    }

    /// Sees to it that nothing is sent any more that these tombstones have made void.
    pub fn purge(&mut self, tombstones: &Tombstones, collected: bool, now: Duration) {
        if let Some(out) = &mut self.out {
            out.purge(tombstones, collected, now);
        }
        // It is asked for again.
        self.chunk = None;
        self.digest.retain(|message| !brings_entries(message));
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
        let round = self.sweep.as_ref().is_some_and(|say| !say.is_small());
        let ready = digest
            || round
            || self.chunk.is_some()
            || self.out.as_ref().is_some_and(Outgoing::has_frame);
        let asks = self.fetch.as_ref().and_then(|fetch| fetch.wait(now));
        if ready { Some(Duration::ZERO) } else { asks }
    }

    /// How long a message without data has to wait for its occasion.
    fn small_wait(&self, now: Duration) -> Option<Duration> {
        let out = self.out.as_ref();
        let says = self.mark_due || self.sweep.as_ref().is_some_and(Say::is_small);
        if says || self.ack_due || self.has_small_digest() || out.is_some_and(Outgoing::is_new) {
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
        self.mark_due = false;
        let ack_due = std::mem::take(&mut self.ack_due);
        frame.ack = self.incoming.ack().filter(|_| ack_due);
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
            if self.sweep.as_ref().is_some_and(Say::is_small) {
                frame.sweep = self.sweep.take();
            }
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
        frame.sweep = self.sweep.take();
        let budget = match (&frame.chunk, &frame.digest, &frame.sweep) {
            (None, None, None) => STREAM_BYTES,
            _ => STREAM_BYTES_BESIDE_OTHERS,
        };
        let out = self.out.as_mut().filter(|out| out.has_frame() || out.is_new());
        frame.data = out.map(|out| out.take(now, budget));
        let pack = frame.data.as_ref().and_then(|data| data.entries.as_ref());
        let packs = pack.into_iter().chain(frame.chunk.iter().flat_map(|chunk| &chunk.parts));
        for pack in packs {
            self.traffic.bytes_sent += pack.len() as u64;
            self.traffic.entries_sent += u64::from(pack.entries());
        }
        if let Some(digest::Message::Settle { entries, .. }) = &frame.digest {
            self.traffic.bytes_sent += bytes_of(entries);
            self.traffic.entries_sent += entries.len() as u64;
        }
    }

    /// Whether a frame from this state may be the other actor's. A new state does not know that it is
    /// known, and introduces itself.
    pub fn believes(&self, state: u64, introduces: bool) -> bool {
        let is_new = self.their_state.is_some_and(|known| known != state);
        !self.former_states.contains(&state) && (introduces || !is_new)
    }

    /// Takes in a frame for the actor whose state is `state`.
    pub fn take_in(&mut self, frame: Frame, state: u64, now: Duration) -> Arrived {
        let mut arrived = Arrived::default();
        if self.their_state != Some(frame.state) {
            /// More of them than that are not told apart.
            const MAX_FORMER: usize = 16;
            arrived.new_state = self.their_state.is_some();
            self.former_states.extend(self.their_state.replace(frame.state));
            if self.former_states.len() > MAX_FORMER {
                self.former_states.remove(0);
            }
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
        if let Some(data) = frame.data {
            let came = self.incoming.take_in(&data);
            arrived.not_whole = came == Came::Begun && !data.whole;
            let place = Place { state: frame.state, stream: data.stream, frame: data.sent };
            let news = data.entries.filter(|_| came != Came::Nothing);
            arrived.news = news.map(|pack| (pack, place));
            self.ack_due |= arrived.news.is_none() && self.incoming.ack().is_some();
        }
        arrived.request = frame.request;
        arrived.digest = frame.digest;
        let brought = arrived.brought.iter().flat_map(|brought| &brought.parts);
        let packs = arrived.news.iter().map(|(pack, _)| pack).chain(brought);
        for pack in packs {
            self.traffic.bytes_received += pack.len() as u64;
            self.traffic.entries_received += u64::from(pack.entries());
        }
        if let Some(digest::Message::Settle { entries, .. }) = &arrived.digest {
            self.traffic.bytes_received += bytes_of(entries);
            self.traffic.entries_received += entries.len() as u64;
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

fn bytes_of(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.bytes().len() as u64).sum()
}
