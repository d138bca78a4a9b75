//! The actors of other servers that one actor deals with, and what its clients wrote lately.

mod history;
mod meeting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use actor::ActorRef;
use serde::{Deserialize, Serialize};

use super::Message;
use super::fetch::{Chunk, Slice};
use super::link::{Arrived, Frame, Link, Member, Traffic};
use super::stream::{Outgoing, Place};
use super::sweep::{Mark, Say};
use super::tombstones::Tombstones;
use crate::digest;
use crate::entry::Entry;
use crate::replica::{At, Replica};
use history::History;

pub use meeting::MAX_ACTORS;

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
    /// Those of them that only a frame of their own has told of.
    unmet: BTreeSet<u64>,
    links: BTreeMap<LinkId, Link>,
    /// The largest number of a stream that is over.
    last_stream: u32,
    history: History,
    /// The servers that were forgotten lately, which come back by their members actor only.
    forgotten: VecDeque<u64>,
    /// From whom to whom this server passes on what it hears.
    relays: Vec<(u64, u64)>,
}

/// How one actor stands with one other server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Entries that the other server is not known to have.
    pub lag: usize,
    /// How long the oldest of them has waited to be there, at the most.
    pub lag_age: Option<Duration>,
    /// Bytes that are held for the other server.
    pub held: usize,
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
        let history = History::new(first);
        Self {
            own,
            me,
            state,
            first,
            members: BTreeMap::new(),
            unmet: BTreeSet::new(),
            links: BTreeMap::new(),
            last_stream: 0,
            history,
            forgotten: VecDeque::new(),
            relays: Vec::new(),
        }
    }

    /// Whether these servers have all that this actor tells them.
    pub fn have_all(&self, servers: &[u64]) -> bool {
        self.links.iter().all(|((server, _), link)| !servers.contains(server) || link.lag() == 0)
    }

    /// What is not known to have come to those whom this actor tells.
    pub fn missing(&self) -> impl Iterator<Item = &Entry> {
        self.links.values().flat_map(Link::missing)
    }

    /// A client has written an entry, which is at this place of the replica.
    pub fn wrote(&mut self, entry: &Entry, at: At, now: Duration) {
        self.history.push(at, now);
        for link in self.links.values_mut() {
            if let Some(out) = link.out() {
                out.tell(entry.clone(), now);
            }
        }
    }

    /// Passes on, from now on, what comes from one server to another one, for each of these pairs.
    pub fn relay_between(&mut self, relays: Vec<(u64, u64)>) {
        self.relays = relays;
    }

    /// What came from one server is news: those who cannot hear it are told.
    pub fn relay(&mut self, from: u64, entry: &Entry, now: Duration) {
        for (_, to) in self.relays.iter().filter(|(of, _)| *of == from) {
            for (_, link) in self.links.range_mut((*to, 0)..=(*to, u16::MAX)) {
                if let Some(out) = link.out() {
                    out.tell(entry.clone(), now);
                }
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

    /// Takes in a frame. `None` if it is not for this actor. A stream that begins with it has what was
    /// written lately from the replica.
    pub fn take_in(
        &mut self,
        mut frame: Frame,
        replica: &Replica,
        now: Duration,
    ) -> Option<(LinkId, Arrived)> {
        let introduces = frame.introduce.is_some();
        if let Some(member) = frame.introduce.take()
            && !self.heard_of(member, frame.server, replica, now)
        {
            return None;
        }
        let id = (frame.server, frame.from);
        let link = self.links.get_mut(&id)?;
        if !link.believes(frame.state, introduces) {
            return None;
        }
        let arrived = link.take_in(frame, self.state, now);
        if arrived.new_state {
            let (lately, whole) = self.history.tell(replica, now);
            let begin: Vec<_> = link.missing().chain(lately).cloned().collect();
            if let Some(out) = link.out() {
                out.restart(whole, begin.into_iter(), now);
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

    /// The entries of a frame have been merged.
    pub fn merged_frame(&mut self, id: LinkId, place: Place) {
        if let Some(link) = self.links.get_mut(&id) {
            link.merged_frame(place);
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

    /// The link with the first actor of the server with the smallest number, if that is not this one.
    pub fn first_of_smallest_server(&self) -> Option<LinkId> {
        let own = self.own.as_ref().map_or(0, |own| own.server);
        let smallest = self.members.keys().next().filter(|server| **server < own);
        smallest.map(|server| (*server, 0)).filter(|id| self.has(*id))
    }

    /// Sends another actor what is said in comparing with it.
    pub fn compare(&mut self, id: LinkId, message: digest::Message) {
        if let Some(link) = self.links.get_mut(&id) {
            link.compare(message);
        }
    }

    /// Says something to another actor about rounds of collecting.
    pub fn say(&mut self, id: LinkId, say: Say) {
        if let Some(link) = self.links.get_mut(&id) {
            link.say(say);
        }
    }

    /// Tells another actor what this one has confirmed.
    pub fn announce(&mut self, to: LinkId) {
        if let Some(link) = self.links.get_mut(&to) {
            link.announce();
        }
    }

    /// Sees to it that nothing is sent any more that these tombstones have made void.
    pub fn purge(&mut self, tombstones: &Tombstones, collected: bool, now: Duration) {
        self.links.values_mut().for_each(|link| link.purge(tombstones, collected, now));
    }

    /// All servers that this actor has links with.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// All links.
    pub fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.keys().copied()
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
    pub fn take(&mut self, mark: Mark, now: Duration) -> Vec<(ActorRef<Message>, Frame)> {
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
                mark,
                sweep: None,
            };
            if let Some(frame) = link.take(now, frame) {
                frames.push((link.to().clone(), frame));
            }
        }
        frames
    }

    /// An entry that came over a link, perhaps asked for, changed nothing; it was held, or older.
    pub fn came_needlessly(&mut self, id: LinkId, asked: bool, held: bool) {
        if let Some(link) = self.links.get_mut(&id) {
            link.came_needlessly(asked, held);
        }
    }

    /// How many bytes of what its clients wrote lately are kept.
    pub fn history_bytes(&self) -> usize {
        self.history.bytes()
    }

    /// How this actor stands with each other server.
    pub fn standings(&self, now: Duration) -> BTreeMap<u64, Standing> {
        let mut all = BTreeMap::<u64, Standing>::new();
        for ((server, _), link) in &self.links {
            let standing = all.entry(*server).or_default();
            standing.lag += link.lag();
            let age = link.lag_since().map(|since| now.saturating_sub(since));
            standing.lag_age = standing.lag_age.max(age);
            standing.held += link.held();
            standing.round_trip = standing.round_trip.max(link.round_trip());
            standing.traffic += link.traffic();
        }
        all
    }
}

#[cfg(test)]
mod tests;
