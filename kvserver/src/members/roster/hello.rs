//! What servers say to each other, and what is believed of it.

use std::time::Duration;

use actor::{Address, Now};
use serde::{Deserialize, Serialize};

use super::contact::{Contact, Met, Word};
use super::forgotten::Gone;
use super::{BEAT, Effect, MAX_MEMBERS, Roster, SILENT, millis};
use crate::query_actor::{MAX_ACTORS, Member, Note};

/// A clock that differs by more is reported.
pub const MAX_SKEW_MILLIS: u64 = 500;

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
    /// Whether the sender ends and will not be heard again.
    pub leaves: bool,
    /// The server that the sender knows at the receiver's address.
    pub knew: Option<u64>,
    /// All others whom the sender or another server has met, and if it is not ready also those whom nobody
    /// has; not in every hello.
    pub others: Vec<Known>,
    /// Whom the sender has forgotten lately; with `others`.
    pub forgotten: Vec<Gone>,
    /// Whom the sender knows and finds silent.
    pub silent: Vec<u64>,
    /// The sender's clock, in milliseconds since 1970.
    pub clock_millis: u64,
    /// When the sender sent this, in milliseconds of its own time.
    pub sent_millis: u64,
    /// The receiver's last `sent_millis`, and how long ago it came.
    pub echo: Option<(u64, u64)>,
}

/// Another server, as a hello names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Where it is.
    pub address: Address,
    /// The number of its life and how many query actors it has, if the sender hears it.
    pub life: Option<(u64, u16)>,
}

/// Whether a server can have so many query actors.
fn is_possible(actors: u16) -> bool {
    (1..=MAX_ACTORS).contains(&actors)
}

/// Whether a clock that seems to be so far ahead, or behind, is. A hello may have waited long for a link to
/// be opened, and nobody knows which way: what that can explain is no skew.
pub(super) fn is_skewed(offset: Option<i64>, round_trip: Option<u64>) -> bool {
    let unknown = round_trip.unwrap_or(0) / 2;
    offset.is_some_and(|offset| offset.unsigned_abs() > MAX_SKEW_MILLIS.saturating_add(unknown))
}

impl Roster {
    pub(super) fn hello_to(
        &mut self,
        to: &Address,
        called: &Address,
        asks: bool,
        answers: bool,
        now: Now,
    ) -> Hello {
        /// Every so many hellos name all others, for those whom a partition has kept apart. So do the
        /// first ones to a server, less and less: the answer that should have named them may be lost.
        const NAMES_EVERY: u32 = 16;
        // Whom nobody has met concerns those who may have to wait for it. Whoever is ready has the store, and
        // tries it alone if it was told to.
        let ready = self.is_ready();
        let is_named = |contact: &Contact| contact.is_seen() || !ready;
        let others = self.contacts.iter();
        let others = others.filter(|(address, contact)| *address != to && is_named(contact));
        let known = |(address, contact): (&Address, &Contact)| Known {
            address: address.clone(),
            life: contact.live(now.elapsed).map(|met| (met.member.server, met.member.actors)),
        };
        let others = others.map(known).collect();
        let silent = self.contacts.values().filter(|contact| contact.live(now.elapsed).is_none());
        let silent = silent.filter_map(|contact| contact.met.as_ref()).map(|met| met.member.server);
        let silent = silent.collect();
        let forgotten = self.forgotten.all(now.elapsed, self.keeping.retention);
        let own = self.own.clone();
        let contact = self.contacts.get_mut(to);
        let (mut knew, mut echo, mut calls) = (self.forgotten.server(to), None, 0);
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
        let is_time = calls.is_power_of_two() || calls.is_multiple_of(NAMES_EVERY);
        let names = asks || answers || is_time;
        Hello {
            version: VERSION,
            from: own,
            called: called.clone(),
            answers,
            asks,
            ready,
            leaves: false,
            knew,
            others: if names { others } else { Vec::new() },
            forgotten: if names { forgotten } else { Vec::new() },
            silent,
            clock_millis: now.wall_millis,
            sent_millis: millis(now.elapsed),
            echo,
        }
    }

    /// Another server has said hello.
    pub fn hello(&mut self, hello: Hello, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.is_acceptable(&hello, now.elapsed) {
            return effects;
        }
        let from = hello.from.address.clone();
        if hello.leaves {
            return self.has_left(&hello, now);
        }
        if hello.answers && hello.called != from {
            // The address we were given is another name of the one it goes by.
            self.contacts.remove(&hello.called);
        }
        let was_restarted = hello.knew.is_some_and(|server| server != self.own.server);
        self.add(vec![from.clone()], now.elapsed);
        if !self.contacts.contains_key(&from) {
            if self.complaints.may_say("one too many", hello.from.server, now.elapsed) {
                tracing::error!(member = %from, "a store has at most {MAX_MEMBERS} others; ignored");
            }
            return effects;
        }
        let known = self.contacts.get(&from).and_then(|contact| contact.met.as_ref());
        let is_new = known.is_none_or(|met| met.member != hello.from);
        self.note_heard(&hello, now);
        effects.extend(self.hear_of_forgotten(hello.forgotten, now));
        let named = self.hear_of(hello.others, hello.ready, now.elapsed);
        if is_new {
            tracing::info!(member = %from, actors = hello.from.actors, "a member of the store");
            effects.push(Effect::NoteAll(Note::Meet(hello.from)));
        }
        effects.extend(named);
        let contact = self.contacts.get_mut(&from).filter(|_| is_new || hello.asks);
        let may_answer = contact.is_some_and(|contact| {
            contact.next_call = now.elapsed + BEAT;
            contact.may_be_called(now.elapsed)
        });
        if hello.asks && may_answer {
            let answer = self.hello_to(&from, &hello.called, false, true, now);
            effects.push(Effect::Call(from.clone(), answer));
        }
        if was_restarted && hello.ready && !self.joins && self.never_fetched() {
            tracing::warn!(
                member = %from,
                "a member knows this server from before it was restarted: the store is not a new one, and \
                 is fetched. For a new one, take another port"
            );
            self.fetch_anew(now.elapsed);
        }
        effects.extend(self.calls_due(now));
        self.go_on(now.elapsed, &mut effects);
        effects
    }

    /// Another server names others. The query actors meet those that are new at once: to wait until they
    /// have said hello themselves would take a write to them another round trip longer.
    fn hear_of(&mut self, others: Vec<Known>, by_ready: bool, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        for Known { address, life } in others.into_iter().take(MAX_MEMBERS) {
            let is_seen = life.is_some() || by_ready;
            if let Some(contact) = self.contacts.get_mut(&address) {
                if is_seen {
                    contact.word = Word::Seen;
                }
                continue;
            }
            if self.forgotten.has(&address) || !is_seen && self.is_ready() {
                continue;
            }
            self.add(vec![address.clone()], now);
            if let Some(contact) = self.contacts.get_mut(&address) {
                contact.word = if is_seen { Word::Seen } else { Word::Rumour };
            }
            let Some((server, actors)) = life else { continue };
            let met = self.contacts.values().filter_map(|contact| contact.met.as_ref());
            let is_known = met.map(|met| met.member.server).any(|known| known == server);
            let can_be = is_possible(actors) && server != self.own.server;
            if self.contacts.contains_key(&address) && can_be && !is_known {
                effects.push(Effect::NoteAll(Note::Meet(Member { address, server, actors })));
            }
        }
        effects
    }

    fn is_acceptable(&mut self, hello: &Hello, now: Duration) -> bool {
        let Hello { version, from, .. } = hello;
        if *version != VERSION {
            if self.complaints.may_say("version", from.server, now) {
                tracing::error!(
                    member = %from.address,
                    "speaks version {version}, this server speaks {VERSION}; they cannot share a store"
                );
            }
            return false;
        }
        if *from == self.own {
            return false;
        }
        if from.server == self.own.server {
            if self.complaints.may_say("own number", from.server, now) {
                tracing::error!(
                    address = %from.address,
                    "another process has this server's identity; it was copied while it ran. It is \
                     not listened to: end one of the two, and start it again to join the other"
                );
            }
            return false;
        }
        if from.address == self.own.address {
            if self.complaints.may_say("own address", from.server, now) {
                tracing::error!(
                    address = %from.address,
                    "another server says that it is reached at this server's address; each needs an \
                     address of its own (--advertise)"
                );
            }
            return false;
        }
        is_possible(from.actors) && self.is_who_it_was(from, now)
    }

    /// Whether no other process has this one's number, and none has taken its address over. Whoever
    /// was there first is listened to.
    fn is_who_it_was(&mut self, from: &Member, now: Duration) -> bool {
        let elsewhere = self.contacts.iter().find(|(address, contact)| {
            let live = contact.live(now);
            **address != from.address && live.is_some_and(|met| met.member.server == from.server)
        });
        let elsewhere = elsewhere.map(|(address, _)| address.clone());
        if let Some(first) = elsewhere {
            if self.complaints.may_say("two with a number", from.server, now) {
                tracing::error!(
                    %first, second = %from.address,
                    "two processes have one identity; the second is not listened to. It was copied \
                     from the first while that ran: end it, and start it anew"
                );
            }
            return false;
        }
        let former = self.contacts.get(&from.address).map(|contact| contact.former.as_slice());
        if former.is_some_and(|former| former.contains(&from.server)) {
            if self.complaints.may_say("two at an address", from.server, now) {
                tracing::error!(
                    address = %from.address,
                    "two processes say that they are reached at this address; the one that came \
                     last is listened to. Each needs an address of its own (--advertise)"
                );
            }
            return false;
        }
        true
    }

    fn note_heard(&mut self, hello: &Hello, now: Now) {
        let gone = self.forgotten.remove(&hello.from.address);
        let Some(contact) = self.contacts.get_mut(&hello.from.address) else { return };
        contact.gone = None;
        let before = contact.met.take();
        if let Some(met) = before.as_ref().filter(|met| met.member.server != hello.from.server) {
            contact.supersede(met.member.server);
        }
        let before = before.filter(|met| met.member == hello.from);
        if before.is_none() {
            contact.calls = 0;
        }
        if before.as_ref().is_some_and(|met| hello.sent_millis < met.their_sent)
            && self.complaints.may_say("two in one", hello.from.server, now.elapsed)
        {
            tracing::error!(
                member = %hello.from.address,
                "two processes have one identity and one address; one was copied from the other while \
                 it ran. End one of them"
            );
        }
        let round_trip = hello.echo.and_then(|(sent, held)| {
            millis(now.elapsed).checked_sub(sent).and_then(|since| since.checked_sub(held))
        });
        let clock_offset = round_trip.map(|round_trip| {
            let theirs = hello.clock_millis.saturating_add(round_trip / 2);
            theirs.cast_signed().saturating_sub(now.wall_millis.cast_signed())
        });
        let old_offset = before.as_ref().and_then(|met| met.clock_offset);
        let old_round_trip = before.as_ref().and_then(|met| met.round_trip);
        if is_skewed(clock_offset, round_trip)
            && !is_skewed(old_offset, old_round_trip)
            && self.complaints.may_say("skewed", hello.from.server, now.elapsed)
        {
            let offset = clock_offset.unwrap_or_default();
            tracing::warn!(
                member = %hello.from.address,
                "its clock is {offset} ms ahead of this server's; the later clock wins where both \
                 write a key"
            );
        }
        let away_from = match &before {
            Some(met) if met.heard + SILENT <= now.elapsed => Some(met.heard_wall),
            Some(met) => met.away_from,
            None => gone,
        };
        contact.met = Some(Met {
            member: hello.from.clone(),
            ready: hello.ready,
            silent: hello.silent.iter().copied().take(MAX_MEMBERS).collect(),
            heard: now.elapsed,
            heard_wall: now.wall_millis,
            away_from,
            their_sent: hello.sent_millis,
            round_trip: round_trip.or(old_round_trip),
            clock_offset: clock_offset.or(old_offset),
        });
    }
}
