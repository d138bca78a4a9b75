//! How a server becomes ready.
//!
//! A server that was started to join others fetches the store from one member, preferably one that
//! is ready itself. When that one was, the server is ready, as soon as every address it has heard of
//! has answered, or has had [`REACH`] to answer: from those who answer it gets what is new from
//! then on. When no member is ready, as when all servers of a store start at the same moment, it
//! fetches what each of them has, and is ready when all of them, and every address it has heard of,
//! have been asked: then nobody has more. So a server whose addresses are all dead waits for one of
//! them, or to be told to forget them: an empty replica must not claim that something does not exist.
//!
//! A server that was started without addresses begins a new store and is ready at once, unless a
//! ready member knows it from an earlier life: then it was restarted, and fetches the store. So does one
//! whose query actors find that they have missed what the others have deleted for good (`stale`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actor::Now;

use super::contact::Met;
use super::{Effect, Roster, millis};
use crate::query_actor::{Note, Renewal, Store};

/// How long a newcomer waits for an address to answer before it is ready without it.
pub const REACH: Duration = Duration::from_secs(3);

/// What was written so long before a member was last heard may not have reached it.
const BEFORE_SILENCE_MILLIS: u64 = 10_000;

/// A member that is fetched from and has given nothing for so long is given up, if another one is ready:
/// far longer than a chunk takes on a slow line.
const STUCK: Duration = Duration::from_secs(30);

/// How far the server is with becoming ready.
pub(super) enum Start {
    /// The members actor has lost its state: the query actors know more.
    Asking {
        /// Those that have yet to answer.
        asked: BTreeSet<u16>,
        /// What the others know, all in all.
        store: Store,
    },
    Ready {
        fetched: bool,
    },
    Fetching {
        attempt: u32,
        donor: Option<Donor>,
        tried: BTreeSet<u64>,
        /// When members were last given up that were stuck.
        given_up: BTreeMap<u64, Duration>,
        fetched: bool,
    },
}

/// From whom the store is being fetched.
pub(super) struct Donor {
    server: u64,
    /// The query actors that have it all.
    done: BTreeMap<u16, bool>,
    /// When something last came from it.
    gave: Duration,
}

impl Start {
    /// Attempts are numbered from the time on, so that they grow across a panic of the actor too.
    pub(super) fn fetching(now: Duration) -> Self {
        let attempt = now.as_millis() as u32;
        let (tried, given_up) = (BTreeSet::new(), BTreeMap::new());
        Self::Fetching { attempt, donor: None, tried, given_up, fetched: false }
    }

    /// What a query actor has to be told that knows nothing.
    pub(super) fn note(&self) -> Option<Note> {
        match self {
            Self::Ready { .. } => Some(Note::Open),
            Self::Fetching { attempt, donor: Some(donor), .. } => {
                Some(Note::Fetch { server: donor.server, attempt: *attempt })
            }
            Self::Fetching { donor: None, .. } | Self::Asking { .. } => None,
        }
    }
}

impl Roster {
    /// Whether the server has the store.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.start, Start::Ready { .. })
    }

    pub(super) fn never_fetched(&self) -> bool {
        matches!(self.start, Start::Ready { fetched: false } | Start::Asking { .. })
    }

    /// The members actor has lost its state in a panic. Until the query actors have said how it was, nobody
    /// can tell whether the server has the store.
    pub fn introduce(&mut self) -> Effect {
        let asked = (0..self.own.actors).collect();
        self.start = Start::Asking { asked, store: Store::Unknown };
        Effect::NoteAll(Note::Introduce)
    }

    /// A query actor says whether the server has the store. One that has not heard that it has does not
    /// answer like one that has, so all that counts is the least that any of them says.
    pub fn says_of_store(&mut self, place: u16, says: Store, now: Now) -> Vec<Effect> {
        let Start::Asking { asked, store } = &mut self.start else { return Vec::new() };
        asked.remove(&place);
        if says != Store::Unknown && *store != Store::Wanted {
            *store = says;
        }
        if !asked.is_empty() {
            return Vec::new();
        }
        let here = match store {
            Store::Here => true,
            Store::Wanted => false,
            // All have lost their states; it is as when the server was started.
            Store::Unknown => !self.joins,
        };
        self.start = match here {
            true => Start::Ready { fetched: self.joins },
            false => Start::fetching(now.elapsed),
        };
        let mut effects: Vec<Effect> = self.start.note().map(Effect::NoteAll).into_iter().collect();
        self.go_on(now.elapsed, &mut effects);
        effects
    }

    pub(super) fn fetch_anew(&mut self, now: Duration) {
        let before = match self.start {
            Start::Fetching { attempt, .. } => attempt,
            Start::Ready { .. } | Start::Asking { .. } => 0,
        };
        self.start = Start::fetching(now);
        if let Start::Fetching { attempt, .. } = &mut self.start {
            *attempt = before.max(*attempt);
        }
    }

    /// A query actor, since this renewal, has found that it missed what a member has deleted for good,
    /// or (without a member) that this server's actors have lost the store.
    pub fn stale(
        &mut self,
        place: u16,
        server: Option<u64>,
        generation: u64,
        now: Now,
    ) -> Vec<Effect> {
        if server.is_some() && generation < self.generation {
            return Vec::new();
        }
        self.generation = self.generation.max(generation);
        let live = self.contacts.values().filter_map(|contact| contact.live(now.elapsed));
        let mut live = live.filter(|met| server.is_none_or(|server| met.member.server == server));
        let Some(told_by) = live.next() else {
            return self.start.note().map(|note| Effect::Note(place, note)).into_iter().collect();
        };
        let last_contact = told_by.away_from.unwrap_or(now.wall_millis);
        tracing::warn!(
            member = %told_by.member.address,
            "this server was away for too long or has lost the store: it fetches the store anew"
        );
        self.generation = millis(now.elapsed).max(self.generation + 1);
        self.fetch_anew(now.elapsed);
        let renewal = Renewal {
            generation: self.generation,
            since_millis: last_contact.saturating_sub(BEFORE_SILENCE_MILLIS),
            writers: self.writers.clone(),
        };
        let mut effects = vec![Effect::NoteAll(Note::Renew(renewal))];
        self.go_on(now.elapsed, &mut effects);
        effects
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
            donor.gave = now.elapsed;
            self.go_on(now.elapsed, &mut effects);
        }
        effects
    }

    /// A query actor has got a part of what is being fetched.
    pub fn fetching(&mut self, server: u64, of_attempt: u32, now: Now) {
        if let Start::Fetching { attempt, donor: Some(donor), .. } = &mut self.start
            && (*attempt, donor.server) == (of_attempt, server)
        {
            donor.gave = now.elapsed;
        }
    }

    /// Takes the next steps towards being ready.
    pub(super) fn go_on(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let live = || self.contacts.values().filter_map(|contact| contact.live(now));
        let everyone_reached = self.contacts.values().all(|contact| contact.live(now).is_some());
        let nobody_to_wait_for = self
            .contacts
            .values()
            .all(|contact| contact.live(now).is_some() || contact.since + REACH <= now);
        let Start::Fetching { attempt, donor, tried, given_up, fetched } = &mut self.start else {
            return;
        };
        if let Some(Donor { server, done, gave }) = donor {
            if done.len() == usize::from(self.own.actors) {
                *fetched |= done.values().all(|ready| *ready);
                tried.insert(*server);
                *donor = None;
            } else if !live().any(|met| met.member.server == *server) {
                *donor = None;
            } else if *gave + STUCK <= now
                && live().any(|met| met.ready && met.member.server != *server)
            {
                tracing::warn!(
                    "a member has given nothing for long: the store is fetched from another"
                );
                given_up.insert(*server, now);
                *donor = None;
            } else {
                return;
            }
        }
        let somebody_known = !self.contacts.is_empty() || !self.forgotten.is_empty();
        let nobody_has_more = || {
            everyone_reached
                && somebody_known
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
        // Rather one that was never given up, or longest ago.
        let hope = |met: &&Met| (met.ready, Reverse(given_up.get(&met.member.server).copied()));
        if let Some(met) = live().filter(untried).max_by_key(hope) {
            *attempt += 1;
            let server = met.member.server;
            *donor = Some(Donor { server, done: BTreeMap::new(), gave: now });
            effects.push(Effect::NoteAll(Note::Fetch { server, attempt: *attempt }));
        }
    }
}
