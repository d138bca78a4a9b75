//! What a server knows of the others, and how it becomes ready. Pure: time comes in, effects go out.
//!
//! # Becoming ready
//!
//! A server that was started to join others fetches the store from one member, preferably one that
//! is ready itself. When that one was, the server is ready, as soon as every address it has heard of
//! has answered, or has had [`REACH`] to answer: from those who answer it gets what is new from
//! then on. When no member is ready, as when all servers of a store start at the same moment, it
//! fetches what each of them has, and is ready when all of them, and every address it has heard of,
//! have been asked: then nobody has more. So a server whose addresses are all dead waits for one of
//! them: an empty replica must not claim that something does not exist.
//!
//! A server that was started without addresses begins a new store and is ready at once, unless a
//! ready member knows it from an earlier life: then it was restarted, and fetches the store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actor::{Address, Now};
use serde::{Deserialize, Serialize};

use crate::query_actor::{Member, Note};

/// How often members that have met say hello.
pub const BEAT: Duration = Duration::from_secs(2);

/// A member that has said nothing for so long is silent, and called more often.
pub const SILENT: Duration = Duration::from_secs(5);

/// How long a newcomer waits for an address to answer before it is ready without it.
pub const REACH: Duration = Duration::from_secs(3);

/// The pause after the first call without an answer; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two calls to an address that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// An address that has not answered for so long is reported, and then every so often.
const REPORT: Duration = Duration::from_secs(2);
const REPORT_AGAIN: Duration = Duration::from_secs(60);

/// A clock that differs by more is reported.
pub const MAX_SKEW_MILLIS: u64 = 500;

/// Addresses beyond so many are not believed.
const MAX_MEMBERS: usize = 256;

/// The version of what servers say to each other.
const VERSION: u32 = 1;

/// What one server says to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of what the sender speaks.
    pub version: u32,
    /// The sender.
    pub from: Member,
    /// The address that was called: by the sender, or in an answer, by the one who is answered.
    pub called: Address,
    /// Whether this is an answer.
    pub answers: bool,
    /// Whether an answer is wanted at once.
    pub asks: bool,
    /// Whether the sender is ready.
    pub ready: bool,
    /// The server that the sender knows at the receiver's address.
    pub knew: Option<u64>,
    /// All addresses that the sender knows; not in every hello.
    pub others: Vec<Address>,
    /// The sender's clock, in milliseconds since 1970.
    pub clock_millis: u64,
    /// When the sender sent this, in milliseconds of its own time.
    pub sent_millis: u64,
    /// The receiver's last `sent_millis`, and how long ago it came.
    pub echo: Option<(u64, u64)>,
}

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
    /// Whether the server was told to join others.
    joins: bool,
    contacts: BTreeMap<Address, Contact>,
    start: Start,
    /// Whether the first query actor was told that this server begins rounds of collecting.
    leads: Option<bool>,
}

/// How far the server is with becoming ready.
enum Start {
    Ready { fetched: bool },
    Fetching { attempt: u32, donor: Option<Donor>, tried: BTreeSet<u64>, fetched: bool },
}

/// From whom the store is being fetched.
struct Donor {
    server: u64,
    /// The query actors that have it all.
    done: BTreeMap<u16, bool>,
}

/// An address.
struct Contact {
    met: Option<Met>,
    since: Duration,
    next_call: Duration,
    pause: Duration,
    next_report: Option<Duration>,
    calls: u32,
    last_call: Option<Duration>,
}

/// A server that has answered.
struct Met {
    member: Member,
    ready: bool,
    heard: Duration,
    their_sent: u64,
    round_trip: Option<u64>,
    clock_offset: Option<i64>,
}

impl Contact {
    fn new(now: Duration) -> Self {
        Self {
            met: None,
            since: now,
            next_call: now,
            pause: FIRST_PAUSE,
            next_report: Some(now + REPORT),
            calls: 0,
            last_call: None,
        }
    }

    /// Whether it may be called, however often it asks.
    fn may_be_called(&self, now: Duration) -> bool {
        super::pace_allows(self.last_call, now)
    }

    /// The server there, if it answers.
    fn live(&self, now: Duration) -> Option<&Met> {
        self.met.as_ref().filter(|met| now < met.heard + SILENT)
    }
}

impl Roster {
    /// A server that knows nobody but these addresses.
    pub fn new(own: Member, joins: Vec<Address>, now: Duration) -> Self {
        let start = match joins.is_empty() {
            true => Start::Ready { fetched: false },
            false => Start::fetching(now),
        };
        let mut roster =
            Self { own, joins: !joins.is_empty(), contacts: BTreeMap::new(), start, leads: None };
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

    fn is_ready(&self) -> bool {
        matches!(self.start, Start::Ready { .. })
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = self.calls_due(now);
        self.go_on(now.elapsed, &mut effects);
        let leads = self.leads(now.elapsed);
        if self.leads.replace(leads) != Some(leads) {
            effects.push(Effect::Note(0, Note::Lead(leads)));
        }
        effects
    }

    /// Whether this server begins rounds of collecting: it has the smallest number, and everyone that
    /// it has ever heard of answers and is ready.
    fn leads(&self, now: Duration) -> bool {
        let follows = |contact: &Contact| {
            contact.live(now).is_some_and(|met| met.ready && met.member.server > self.own.server)
        };
        self.is_ready() && self.contacts.values().all(follows)
    }

    fn calls_due(&mut self, now: Now) -> Vec<Effect> {
        let mut due = Vec::new();
        for (address, contact) in &mut self.contacts {
            if now.elapsed < contact.next_call || !contact.may_be_called(now.elapsed) {
                continue;
            }
            let live = contact.live(now.elapsed).is_some();
            if live {
                contact.pause = FIRST_PAUSE;
                contact.next_report = Some(now.elapsed + REPORT);
                contact.next_call = now.elapsed + BEAT;
            } else {
                contact.next_call = now.elapsed + contact.pause;
                contact.pause = (contact.pause * 2).min(LONGEST_PAUSE);
                if contact.next_report.is_some_and(|at| at <= now.elapsed) {
                    contact.next_report = Some(now.elapsed + REPORT_AGAIN);
                    tracing::warn!(member = %address, "does not answer; it is called again");
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

    fn hello_to(
        &mut self,
        to: &Address,
        called: &Address,
        asks: bool,
        answers: bool,
        now: Now,
    ) -> Hello {
        /// Every so many hellos name all others, for those whom a partition has kept apart.
        const NAMES_EVERY: u32 = 16;
        let others = self.contacts.keys().filter(|address| *address != to).cloned().collect();
        let (own, ready) = (self.own.clone(), self.is_ready());
        let contact = self.contacts.get_mut(to);
        let (mut knew, mut echo, mut calls) = (None, None, 0);
        if let Some(contact) = contact {
            calls = contact.calls;
            contact.calls = contact.calls.wrapping_add(1);
            contact.last_call = Some(now.elapsed);
            knew = contact.met.as_ref().map(|met| met.member.server);
            echo = contact
                .met
                .as_ref()
                .map(|met| (met.their_sent, millis(now.elapsed.saturating_sub(met.heard))));
        }
        let names = asks || answers || calls.is_multiple_of(NAMES_EVERY);
        Hello {
            version: VERSION,
            from: own,
            called: called.clone(),
            answers,
            asks,
            ready,
            knew,
            others: if names { others } else { Vec::new() },
            clock_millis: now.wall_millis,
            sent_millis: millis(now.elapsed),
            echo,
        }
    }

    /// Another server has said hello.
    pub fn hello(&mut self, hello: Hello, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.is_acceptable(&hello) {
            return effects;
        }
        let from = hello.from.address.clone();
        if hello.answers && hello.called != from {
            // The address we were given is another name of the one it goes by.
            self.contacts.remove(&hello.called);
        }
        let was_restarted = hello.knew.is_some_and(|server| server != self.own.server);
        self.add(vec![from.clone()], now.elapsed);
        let known = self.contacts.get(&from).and_then(|contact| contact.met.as_ref());
        let is_new = known.is_none_or(|met| met.member != hello.from);
        self.note_heard(&hello, now);
        self.add(hello.others, now.elapsed);
        if is_new {
            tracing::info!(member = %from, actors = hello.from.actors, "a member of the store");
            effects.push(Effect::NoteAll(Note::Meet(hello.from)));
        }
        let contact = self.contacts.get_mut(&from).filter(|_| is_new || hello.asks);
        let may_answer = contact.is_some_and(|contact| {
            contact.next_call = now.elapsed + BEAT;
            contact.may_be_called(now.elapsed)
        });
        if hello.asks && may_answer {
            let answer = self.hello_to(&from, &hello.called, false, true, now);
            effects.push(Effect::Call(from, answer));
        }
        if was_restarted && hello.ready && !self.joins && self.never_fetched() {
            self.start = Start::fetching(now.elapsed);
        }
        effects.extend(self.calls_due(now));
        self.go_on(now.elapsed, &mut effects);
        effects
    }

    fn never_fetched(&self) -> bool {
        matches!(self.start, Start::Ready { fetched: false })
    }

    fn is_acceptable(&self, hello: &Hello) -> bool {
        let Hello { version, from, .. } = hello;
        if *version != VERSION {
            tracing::error!(
                member = %from.address,
                "speaks version {version}, this server speaks {VERSION}; they cannot share a store"
            );
            return false;
        }
        if from.server == self.own.server {
            return false;
        }
        if from.address == self.own.address {
            tracing::error!(
                address = %from.address,
                "another server says that it is reached at this server's address; each needs an \
                 address of its own (--advertise)"
            );
            return false;
        }
        from.actors > 0
    }

    fn note_heard(&mut self, hello: &Hello, now: Now) {
        let Some(contact) = self.contacts.get_mut(&hello.from.address) else { return };
        let before = contact.met.take().filter(|met| met.member == hello.from);
        let round_trip = hello.echo.and_then(|(sent, held)| {
            millis(now.elapsed).checked_sub(sent).and_then(|since| since.checked_sub(held))
        });
        let clock_offset = round_trip.map(|round_trip| {
            let theirs = hello.clock_millis.saturating_add(round_trip / 2);
            theirs.cast_signed().saturating_sub(now.wall_millis.cast_signed())
        });
        let skewed = |offset: &Option<i64>| {
            offset.is_some_and(|offset| offset.unsigned_abs() > MAX_SKEW_MILLIS)
        };
        let old_offset = before.as_ref().and_then(|met| met.clock_offset);
        if skewed(&clock_offset) && !skewed(&old_offset) {
            let offset = clock_offset.unwrap_or_default();
            tracing::warn!(
                member = %hello.from.address,
                "its clock is {offset} ms ahead of this server's; the later clock wins where both \
                 write a key"
            );
        }
        contact.met = Some(Met {
            member: hello.from.clone(),
            ready: hello.ready,
            heard: now.elapsed,
            their_sent: hello.sent_millis,
            round_trip: round_trip.or(before.and_then(|met| met.round_trip)),
            clock_offset: clock_offset.or(old_offset),
        });
    }

    /// A query actor has begun anew and has to be told what the others know.
    pub fn resumed(&self, place: u16) -> Vec<Effect> {
        let met = self.contacts.values().filter_map(|contact| contact.met.as_ref());
        let mut notes: Vec<Note> = met.map(|met| Note::Meet(met.member.clone())).collect();
        match &self.start {
            Start::Ready { .. } => notes.push(Note::Open),
            Start::Fetching { attempt, donor: Some(donor), .. } => {
                notes.push(Note::Fetch { server: donor.server, attempt: *attempt });
            }
            Start::Fetching { donor: None, .. } => {}
        }
        if place == 0 {
            notes.push(Note::Lead(self.leads == Some(true)));
        }
        notes.into_iter().map(|note| Effect::Note(place, note)).collect()
    }

    /// A query actor has all that was fetched.
    pub fn fetched(
        &mut self,
        place: u16,
        server: u64,
        of_attempt: u32,
        ready: bool,
        now: Now,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Start::Fetching { attempt, donor: Some(donor), .. } = &mut self.start
            && (*attempt, donor.server) == (of_attempt, server)
        {
            donor.done.insert(place, ready);
            self.go_on(now.elapsed, &mut effects);
        }
        effects
    }

    /// Takes the next steps towards being ready.
    fn go_on(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let live = || self.contacts.values().filter_map(|contact| contact.live(now));
        let everyone_reached = self.contacts.values().all(|contact| contact.live(now).is_some());
        let nobody_to_wait_for = self
            .contacts
            .values()
            .all(|contact| contact.live(now).is_some() || contact.since + REACH <= now);
        let Start::Fetching { attempt, donor, tried, fetched } = &mut self.start else { return };
        if let Some(Donor { server, done }) = donor {
            if done.len() == usize::from(self.own.actors) {
                *fetched |= done.values().all(|ready| *ready);
                tried.insert(*server);
                *donor = None;
            } else if !live().any(|met| met.member.server == *server) {
                *donor = None;
            } else {
                return;
            }
        }
        let nobody_has_more = || {
            everyone_reached
                && !self.contacts.is_empty()
                && live().all(|met| !met.ready && tried.contains(&met.member.server))
        };
        if *fetched && nobody_to_wait_for || nobody_has_more() {
            tracing::info!("ready");
            self.start = Start::Ready { fetched: true };
            effects.push(Effect::NoteAll(Note::Open));
            return;
        }
        if *fetched {
            return;
        }
        let untried = |met: &&Met| met.ready || !tried.contains(&met.member.server);
        if let Some(met) = live().filter(untried).max_by_key(|met| met.ready) {
            *attempt += 1;
            let server = met.member.server;
            *donor = Some(Donor { server, done: BTreeMap::new() });
            effects.push(Effect::NoteAll(Note::Fetch { server, attempt: *attempt }));
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

impl Start {
    /// Attempts are numbered from the time on, so that they grow across a panic of the actor too.
    fn fetching(now: Duration) -> Self {
        let attempt = now.as_millis() as u32;
        Self::Fetching { attempt, donor: None, tried: BTreeSet::new(), fetched: false }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
