//! The actors of other servers that one actor deals with, and what its clients wrote lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use actor::{ActorRef, WellKnown};
use serde::{Deserialize, Serialize};

use super::Message;
use super::fetch::{Chunk, Slice};
use super::link::{Arrived, Frame, Link, Member, Traffic};
use super::stream::Outgoing;
use crate::digest;
use crate::entry::Entry;

/// A stream begins with what was written in this time before, since it may not have reached those
/// from whom the receiver has the rest.
pub const HISTORY: Duration = Duration::from_secs(5);

/// The history holds no more bytes than this.
const HISTORY_BYTES: usize = 8 << 20;

/// What is left of the history when it has grown beyond that.
const HISTORY_KEPT_BYTES: usize = HISTORY_BYTES - HISTORY_BYTES / 64;

/// Entries may be older than [`HISTORY`] by so much before a write has them forgotten.
const GRACE: Duration = Duration::from_millis(100);

/// What an entry of the history costs beside its bytes.
const HISTORY_OVERHEAD: usize = 64;

/// A server has at most so many query actors; a description that claims more is not believed.
const MAX_ACTORS: u16 = 1024;

/// A link: the server and the place of the actor there.
pub type LinkId = (u64, u16);

/// All links of one actor.
pub struct Peers {
    /// The server that the actor belongs to.
    own: Option<Member>,
    me: u16,
    state: u64,
    /// Whether the actor has had no state before this one.
    first: bool,
    members: BTreeMap<u64, Member>,
    links: BTreeMap<LinkId, Link>,
    history: History,
}

/// How one actor stands with one other server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Entries that the other server is not known to have.
    pub lag: usize,
    /// How long a frame and its answer took.
    pub round_trip: Option<Duration>,
    /// What has passed.
    pub traffic: Traffic,
    /// Rounds of comparing that this server has begun with the other one.
    pub digest_rounds: u64,
    /// Entries given or learned in comparing.
    pub digest_repairs: u64,
}

impl Peers {
    /// The links of the actor at place `me`, whose clients have written nothing before if it is in
    /// its `first` state.
    pub fn new(own: Option<Member>, me: u16, state: u64, first: bool) -> Self {
        let history = History { entries: VecDeque::new(), bytes: 0, whole: first };
        Self { own, me, state, first, members: BTreeMap::new(), links: BTreeMap::new(), history }
    }

    /// Learns of another server.
    pub fn meet(&mut self, member: Member, now: Duration) {
        let Some(own) = &self.own else { return };
        let believable = (1..=MAX_ACTORS).contains(&member.actors) && member.server != own.server;
        if !believable || self.members.contains_key(&member.server) {
            return;
        }
        let mut quiet = self.first;
        let earlier = self.members.values().find(|known| known.address == member.address);
        if let Some(server) = earlier.map(|known| known.server) {
            self.members.remove(&server);
            self.links.retain(|(of, _), _| *of != server);
            quiet = false;
        }
        self.history.forget_old(now);
        for place in 0..member.actors {
            let carries = self.me % member.actors == place;
            if carries || place % own.actors == self.me {
                let id = WellKnown(u32::from(place) + 1);
                let to = ActorRef::<Message>::well_known(&member.address, id);
                let out = carries.then(|| {
                    let others = self.links.values().flat_map(Link::missing);
                    Outgoing::new(self.history.whole, others.chain(self.history.entries()).cloned())
                });
                let mut link = Link::new(to, out);
                if !quiet {
                    link.was_used(now);
                }
                self.links.insert((member.server, place), link);
            }
        }
        self.members.insert(member.server, member);
    }

    /// A client has written.
    pub fn wrote(&mut self, entry: &Entry, now: Duration) {
        self.history.push(entry.clone(), now);
        for link in self.links.values_mut() {
            if let Some(out) = link.out() {
                out.tell(entry.clone());
            }
        }
    }

    /// Fetches from a server the slices that are this actor's task.
    pub fn fetch(&mut self, server: u64) {
        let Some(of) = self.actors_of(server) else { return };
        for index in self.slices(of) {
            if let Some(link) = self.links.get_mut(&(server, index)) {
                link.fetch(Slice { index, of });
            }
        }
    }

    /// The slices of a server of `of` actors that are this actor's task: those of the actors who
    /// tell it their news.
    fn slices(&self, of: u16) -> impl Iterator<Item = u16> + use<> {
        let actors = self.own.as_ref().map_or(1, |own| own.actors);
        (self.me..of).step_by(actors.into())
    }

    /// Takes in a frame. `None` if it is not for this actor.
    pub fn take_in(&mut self, mut frame: Frame, now: Duration) -> Option<(LinkId, Arrived)> {
        if let Some(member) = frame.introduce.take()
            && member.server == frame.server
        {
            self.meet(member, now);
        }
        let id = (frame.server, frame.from);
        let link = self.links.get_mut(&id)?;
        let arrived = link.take_in(frame, self.state, now);
        if arrived.new_state {
            self.history.forget_old(now);
            let begin: Vec<_> = link.missing().chain(self.history.entries()).cloned().collect();
            if let Some(out) = link.out() {
                out.restart(self.history.whole, begin.into_iter());
            }
        }
        Some((id, arrived))
    }

    /// A stream has begun without what was written before: fetches the slice that the sender is
    /// there for, unless that is under way.
    pub fn catch_up(&mut self, id: LinkId) {
        let Some(of) = self.actors_of(id.0) else { return };
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.is_fetching()) {
            link.fetch(Slice { index: id.1, of });
        }
    }

    /// Gives another actor what it has asked for.
    pub fn give(&mut self, id: LinkId, chunk: Chunk) {
        if let Some(link) = self.links.get_mut(&id) {
            link.give(chunk);
        }
    }

    /// What came of a fetch has been merged.
    pub fn merged(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.merged();
        }
    }

    /// Whether there is such a link.
    pub fn has(&self, id: LinkId) -> bool {
        self.links.contains_key(&id)
    }

    /// The links with the first actors of those servers whose number is larger than this one's.
    pub fn first_of_larger_servers(&self) -> impl Iterator<Item = LinkId> {
        let own = self.own.as_ref().map_or(0, |own| own.server);
        self.links.keys().copied().filter(move |(server, place)| *server > own && *place == 0)
    }

    /// Sends another actor what is said in comparing with it.
    pub fn compare(&mut self, id: LinkId, message: digest::Message) {
        if let Some(link) = self.links.get_mut(&id) {
            link.compare(message);
        }
    }

    /// How many actors a server has, if it is known.
    pub fn actors_of(&self, server: u64) -> Option<u16> {
        self.members.get(&server).map(|member| member.actors)
    }

    /// How long the next frame has to wait, if there is one.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        self.links.values().filter_map(|link| link.wait(now)).min()
    }

    /// All frames that may go now.
    pub fn take(&mut self, now: Duration) -> Vec<(ActorRef<Message>, Frame)> {
        let Some(own) = &self.own else { return Vec::new() };
        let mut frames = Vec::new();
        for link in self.links.values_mut() {
            let frame = |introduce: bool| Frame {
                server: own.server,
                from: self.me,
                state: self.state,
                to_state: None,
                introduce: introduce.then(|| own.clone()),
                data: None,
                ack: None,
                request: None,
                chunk: None,
                digest: None,
            };
            if let Some(frame) = link.take(now, frame) {
                frames.push((link.to().clone(), frame));
            }
        }
        frames
    }

    /// How this actor stands with each other server.
    pub fn standings(&self) -> BTreeMap<u64, Standing> {
        let mut all = BTreeMap::<u64, Standing>::new();
        for ((server, _), link) in &self.links {
            let standing = all.entry(*server).or_default();
            let Traffic { bytes_sent, bytes_received, entries_sent, entries_received } =
                link.traffic();
            standing.lag += link.lag();
            standing.round_trip = standing.round_trip.max(link.round_trip());
            standing.traffic.bytes_sent += bytes_sent;
            standing.traffic.bytes_received += bytes_received;
            standing.traffic.entries_sent += entries_sent;
            standing.traffic.entries_received += entries_received;
        }
        all
    }
}

/// What an actor's clients wrote lately, in that order.
struct History {
    entries: VecDeque<(Duration, Entry)>,
    bytes: usize,
    /// Whether that is all they have ever written.
    whole: bool,
}

impl History {
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    fn push(&mut self, entry: Entry, now: Duration) {
        self.bytes += entry.bytes().len() + HISTORY_OVERHEAD;
        self.entries.push_back((now, entry));
        let oldest = self.entries.front().map(|(at, _)| *at);
        if self.bytes > HISTORY_BYTES || oldest.is_some_and(|at| at + HISTORY + GRACE < now) {
            self.forget_old(now);
        }
    }

    /// Forgets what is too old or, when there is too much, a little more than has to be: many
    /// entries at once take less time than one at every write, since memory is waited for once.
    fn forget_old(&mut self, now: Duration) {
        let keep = if self.bytes > HISTORY_BYTES { HISTORY_KEPT_BYTES } else { HISTORY_BYTES };
        let mut bytes = self.bytes;
        let old = self.entries.iter().take_while(|(at, entry)| {
            let is_old = *at + HISTORY < now || bytes > keep;
            bytes -= if is_old { entry.bytes().len() + HISTORY_OVERHEAD } else { 0 };
            is_old
        });
        let old = old.count();
        self.entries.drain(..old);
        self.bytes = bytes;
        self.whole &= old == 0;
    }
}

#[cfg(test)]
mod tests;
