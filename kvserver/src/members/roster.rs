//! What a server knows of the others. Pure: time comes in, effects go out.
//!
//! It has a [`Contact`] for every address that it has heard of, and says hello to it (`hello`) until the
//! server there is forgotten (`forgotten`). How it becomes ready is told in `start`.

mod contact;
mod forgotten;
mod hello;
mod start;

use std::collections::BTreeMap;
use std::time::Duration;

use actor::{Address, Now};
use serde::{Deserialize, Serialize};

use crate::query_actor::{Keeping, Member, Note, Store};
use contact::{Complaints, Contact, Met, Word};
use forgotten::Forgotten;
pub use hello::Hello;
use start::Start;

/// How often members that have met say hello.
pub const BEAT: Duration = Duration::from_secs(2);

/// A member that has said nothing for so long is silent, and called more often.
pub const SILENT: Duration = Duration::from_secs(5);

/// The longest pause between two calls to an address that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// An address that has not answered for so long is reported, and then every so often.
const REPORT: Duration = Duration::from_secs(2);
const REPORT_AGAIN: Duration = Duration::from_secs(60);

/// An address where nobody was met for so long keeps nobody from collecting tombstones.
const UNMET: Duration = Duration::from_secs(10);

/// Addresses beyond so many are not believed.
const MAX_MEMBERS: usize = 256;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Say hello to the server at this address.
    Call(Address, Hello),
    /// Tell all query actors.
    NoteAll(Note),
    /// Tell the query actor at this place.
    Note(u16, Note),
}

/// How a member does, as seen from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Its address.
    pub address: Address,
    /// The number of its present life, once it has answered.
    pub server: Option<u64>,
    /// Whether it answers.
    pub state: MemberState,
    /// Whether it is ready.
    pub ready: bool,
    /// How long ago it was last heard.
    pub heard_ms_ago: Option<u64>,
    /// How far its clock is ahead of this server's.
    pub clock_offset_ms: Option<i64>,
    /// How long a hello and its answer take.
    pub round_trip_ms: Option<u64>,
}

/// Whether a member answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// It has never answered.
    Unmet,
    /// It answers.
    Live,
    /// It has answered, but not lately.
    Silent,
}

/// All that is known of the other servers.
pub struct Roster {
    own: Member,
    keeping: Keeping,
    /// Whether the server was told to join others.
    joins: bool,
    contacts: BTreeMap<Address, Contact>,
    forgotten: Forgotten,
    start: Start,
    /// The number of the last renewal.
    generation: u64,
    /// The writers that this server's query actors have been.
    writers: Vec<u64>,
    /// Whether the first query actor was told that this server begins rounds of collecting.
    leads: Option<bool>,
    /// What the query actors were last told to pass on, from whom to whom.
    relays: Vec<(u64, u64)>,
    complaints: Complaints,
}

impl Roster {
    /// A server that knows nobody but these addresses.
    pub fn new(own: Member, joins: Vec<Address>, keeping: Keeping, now: Duration) -> Self {
        let start = match joins.is_empty() {
            true => Start::Ready { fetched: false },
            false => Start::fetching(now),
        };
        let mut roster = Self {
            own,
            keeping,
            joins: !joins.is_empty(),
            contacts: BTreeMap::new(),
            forgotten: Forgotten::default(),
            start,
            generation: 0,
            writers: Vec::new(),
            leads: None,
            relays: Vec::new(),
            complaints: Complaints::default(),
        };
        roster.add(joins, now);
        roster
    }

    fn add(&mut self, addresses: Vec<Address>, now: Duration) {
        for address in addresses {
            if address != self.own.address && self.contacts.len() < MAX_MEMBERS {
                self.contacts.entry(address).or_insert_with(|| Contact::new(now));
            }
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = self.forget_silent(now);
        effects.extend(self.forget_gone(now));
        if self.is_ready() {
            self.contacts.retain(|_, contact| contact.is_seen() || contact.word == Word::Told);
        }
        effects.extend(self.calls_due(now));
        effects.extend(self.call_forgotten(now));
        self.go_on(now.elapsed, &mut effects);
        let leads = self.leads(now.elapsed);
        if self.leads.replace(leads) != Some(leads) {
            effects.push(Effect::Note(0, Note::Lead(leads)));
        }
        let relays = self.relays(now.elapsed);
        if relays != self.relays {
            self.relays.clone_from(&relays);
            effects.push(Effect::NoteAll(Note::Relay(relays)));
        }
        effects
    }

    /// Between whom this server passes on what it hears: both answer here, and at least one of them
    /// finds the other one silent. From whom to whom, both ways.
    fn relays(&self, now: Duration) -> Vec<(u64, u64)> {
        let live: Vec<&Met> = self.contacts.values().filter_map(|one| one.live(now)).collect();
        let cut = |one: &Met, other: &Met| {
            one.silent.contains(&other.member.server) || other.silent.contains(&one.member.server)
        };
        let pairs = live.iter().flat_map(|one| live.iter().map(move |other| (*one, *other)));
        let pairs = pairs.filter(|(one, other)| one.member != other.member && cut(one, other));
        pairs.map(|(one, other)| (one.member.server, other.member.server)).collect()
    }

    /// Whether this server begins rounds of collecting: it has the smallest number, and everyone that
    /// it has ever met answers and is ready, but for those that it has forgotten. It does not if
    /// more have gone silent than are left: then the others may go on without this part of the store,
    /// and it is this part that has to take over what they have deleted when they meet again.
    fn leads(&self, now: Duration) -> bool {
        let follows = |contact: &Contact| match (&contact.met, contact.live(now)) {
            (None, _) => contact.since + UNMET <= now,
            (Some(_), live) => {
                live.is_some_and(|met| met.ready && met.member.server > self.own.server)
            }
        };
        let left = self.contacts.len() + 1;
        let is_the_most = left >= self.forgotten.may_live(now, self.keeping.retention);
        is_the_most && self.is_ready() && self.contacts.values().all(follows)
    }

    fn calls_due(&mut self, now: Now) -> Vec<Effect> {
        let (mut due, waits) = (Vec::new(), !self.is_ready());
        for (address, contact) in &mut self.contacts {
            if now.elapsed < contact.next_call || !contact.may_be_called(now.elapsed) {
                continue;
            }
            let live = contact.live(now.elapsed).is_some();
            if live {
                contact.answers(now.elapsed);
            } else if contact.does_not_answer(now.elapsed) {
                match waits {
                    true => tracing::warn!(
                        member = %address,
                        "does not answer; it is called again. This server is not ready before it has \
                         the store from a member"
                    ),
                    false => {
                        tracing::warn!(member = %address, "does not answer; it is called again");
                    }
                }
            }
            due.push((address.clone(), live));
        }
        let call = |(address, live): (Address, bool)| {
            let hello = self.hello_to(&address, &address, !live, false, now);
            Effect::Call(address, hello)
        };
        due.into_iter().map(call).collect()
    }

    /// A query actor has begun anew and has to be told what the others know.
    pub fn resumed(&mut self, place: u16, now: Now) -> Vec<Effect> {
        let decided = self.says_of_store(place, Store::Unknown, now);
        let met = self.contacts.values().filter_map(|contact| contact.met.as_ref());
        let mut notes = vec![Note::Generation(self.generation)];
        notes.extend(met.map(|met| Note::Meet(met.member.clone())));
        notes.extend(self.start.note());
        notes.push(Note::Relay(self.relays.clone()));
        if place == 0 {
            notes.push(Note::Lead(self.leads == Some(true)));
        }
        let notes = notes.into_iter().map(|note| Effect::Note(place, note));
        notes.chain(decided).collect()
    }

    /// A query actor writes with this number from now on.
    pub fn writes(&mut self, writer: u64) {
        /// One that has panicked so often has other troubles.
        const MAX_WRITERS: usize = 4096;
        if self.writers.len() < MAX_WRITERS {
            self.writers.push(writer);
        }
    }

    /// How all others do.
    pub fn statuses(&self, now: Duration) -> Vec<MemberStatus> {
        let status = |(address, contact): (&Address, &Contact)| {
            let met = contact.met.as_ref();
            MemberStatus {
                address: address.clone(),
                server: met.map(|met| met.member.server),
                state: match (met, contact.live(now)) {
                    (None, _) => MemberState::Unmet,
                    (Some(_), Some(_)) => MemberState::Live,
                    (Some(_), None) => MemberState::Silent,
                },
                ready: met.is_some_and(|met| met.ready),
                heard_ms_ago: met.map(|met| millis(now.saturating_sub(met.heard))),
                clock_offset_ms: met.and_then(|met| met.clock_offset),
                round_trip_ms: met.and_then(|met| met.round_trip),
            }
        };
        self.contacts.iter().map(status).collect()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
