//! Members that the store goes on without.
//!
//! A member is forgotten when it has been silent for longer than the retention, when somebody says so
//! by name, and at once when it has said goodbye. Whoever forgets it tells the others, and does not
//! hear of it from them any more; only a hello of its own brings it back.

use std::collections::BTreeMap;
use std::time::Duration;

use actor::{Address, Now};
use serde::{Deserialize, Serialize};

use super::contact::Word;
use super::{Effect, Hello, Roster, SILENT};
use crate::query_actor::{Member, Note};

/// One that was silent may live behind a broken network: it is still called so often.
const CALL_SILENT: Duration = Duration::from_secs(30);

/// One that has ended may be started again at its address, and not be told whom to join.
const CALL_LEFT: Duration = Duration::from_secs(4);

/// After so many retentions nobody is waited for.
const GIVEN_UP: u32 = 6;

/// No more of them are kept in mind.
const MAX_GONE: usize = 256;

/// A member that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Where it was.
    pub address: Address,
    /// The number of its last life, if it was ever met.
    pub server: Option<u64>,
    /// Why it was forgotten.
    pub why: Why,
}

/// Why a member was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It was silent for too long.
    Silent,
    /// It has said goodbye.
    Left,
    /// Somebody has said so.
    Named,
}

/// Those that were forgotten.
#[derive(Default)]
pub(super) struct Forgotten(BTreeMap<Address, Mark>);

struct Mark {
    server: Option<u64>,
    /// Whether anybody has met it.
    seen: bool,
    why: Why,
    at: Duration,
    called: Duration,
    /// The wall clock when it was last heard.
    heard_wall: Option<u64>,
}

impl Forgotten {
    pub(super) fn has(&self, address: &Address) -> bool {
        self.0.contains_key(address)
    }

    /// It will not come back. Returns whether that was not known, if it is one of them.
    fn forget_for_good(&mut self, address: &Address) -> Option<bool> {
        let mark = self.0.get_mut(address)?;
        Some(std::mem::replace(&mut mark.why, Why::Named) != Why::Named)
    }

    /// The number of its last life.
    pub(super) fn server(&self, address: &Address) -> Option<u64> {
        self.0.get(address).and_then(|mark| mark.server)
    }

    /// Those that are to be called now.
    fn due(&mut self, now: Duration, retention: Duration) -> Vec<Address> {
        let due = self.0.iter_mut().filter(|(_, mark)| {
            let (every, until) = match mark.why {
                Why::Silent => (CALL_SILENT, retention.saturating_mul(GIVEN_UP)),
                Why::Left => (CALL_LEFT, retention),
                Why::Named => return false,
            };
            mark.called + every <= now && now < mark.at.saturating_add(until)
        });
        due.map(|(address, mark)| {
            mark.called = now;
            address.clone()
        })
        .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that the others should be told of: they were forgotten not too long ago.
    pub(super) fn all(&self, now: Duration, retention: Duration) -> Vec<Gone> {
        let lately = self.0.iter().filter(|(_, mark)| now < mark.at.saturating_add(retention));
        let gone = |(address, mark): (&Address, &Mark)| Gone {
            address: address.clone(),
            server: mark.server,
            why: mark.why,
        };
        lately.map(gone).collect()
    }

    /// How many may still be going on somewhere: they were silent, and that is not long ago.
    pub(super) fn may_live(&self, now: Duration, retention: Duration) -> usize {
        let until = |mark: &Mark| mark.at.saturating_add(retention.saturating_mul(GIVEN_UP));
        let may_live = |mark: &&Mark| mark.seen && mark.why == Why::Silent && now < until(mark);
        self.0.values().filter(may_live).count()
    }

    fn add(&mut self, address: Address, mark: Mark) {
        self.0.insert(address, mark);
        if self.0.len() > MAX_GONE
            && let Some(oldest) = self.0.iter().min_by_key(|(_, mark)| mark.at)
        {
            let oldest = oldest.0.clone();
            self.0.remove(&oldest);
        }
    }

    /// It is back. Gives the wall clock when it was last heard.
    pub(super) fn remove(&mut self, address: &Address) -> Option<u64> {
        self.0.remove(address).and_then(|mark| mark.heard_wall)
    }
}

impl Roster {
    /// Forgets a member by its name.
    ///
    /// # Errors
    /// Why it cannot be forgotten, for people.
    pub fn forget(&mut self, address: &Address, now: Now) -> Result<Vec<Effect>, String> {
        if *address == self.own.address {
            return Err(format!("{address} is this server itself, which cannot forget itself"));
        }
        let Some(contact) = self.contacts.get(address) else {
            match self.forgotten.forget_for_good(address) {
                Some(true) => return Ok(self.tell_all(now, false)),
                Some(false) => return Err(format!("{address} is forgotten already")),
                None => {}
            }
            let known: Vec<&str> = self.contacts.keys().map(Address::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("no member is known at {address}; known are: {known}"));
        };
        if contact.live(now.elapsed).is_some() {
            return Err(format!(
                "{address} still answers, or did a moment ago: end it, wait for {} s, and try again",
                SILENT.as_secs()
            ));
        }
        let mut effects = self.let_go(address, Why::Named, now.elapsed);
        effects.extend(self.tell_all(now, false));
        Ok(effects)
    }

    /// Whether the store goes on without whoever was there, or soon will.
    pub fn is_forgotten(&self, address: &Address) -> bool {
        let is_gone = self.contacts.get(address).is_some_and(|contact| contact.gone.is_some());
        is_gone || self.forgotten.has(address)
    }

    /// Forgets whoever has been silent for too long. One that is not ready waits for all that it has
    /// heard of.
    pub(super) fn forget_silent(&mut self, now: Now) -> Vec<Effect> {
        if !self.is_ready() {
            return Vec::new();
        }
        let retention = self.keeping.retention;
        let over = |last: Duration| last.saturating_add(retention) <= now.elapsed;
        let silent = self.contacts.iter().filter(|(_, contact)| over(contact.last_sign()));
        let silent: Vec<Address> = silent.map(|(address, _)| address.clone()).collect();
        silent.iter().flat_map(|address| self.let_go(address, Why::Silent, now.elapsed)).collect()
    }

    /// Calls those that were forgotten and may be back.
    pub(super) fn call_forgotten(&mut self, now: Now) -> Vec<Effect> {
        let due = self.forgotten.due(now.elapsed, self.keeping.retention);
        let call = |address: Address| {
            let hello = self.hello_to(&address, &address, true, false, now);
            Effect::Call(address, hello)
        };
        due.into_iter().map(call).collect()
    }

    /// What another server has forgotten is forgotten here as well, if it is silent here too. What has
    /// ended, or will not come back, soon is: whoever says so may not be there to say it again.
    pub(super) fn hear_of_forgotten(&mut self, gone: Vec<Gone>, now: Now) -> Vec<Effect> {
        for Gone { address, server, why } in gone.into_iter().take(MAX_GONE) {
            let Some(contact) = self.contacts.get_mut(&address) else { continue };
            let live = contact.live(now.elapsed).map(|met| met.member.server);
            if live.is_none() || live == server && why != Why::Silent {
                contact.gone = Some(why);
            }
        }
        self.forget_gone(now)
    }

    /// Forgets those that others have forgotten, and that are not heard here any more either.
    pub(super) fn forget_gone(&mut self, now: Now) -> Vec<Effect> {
        let silent = self.contacts.iter().filter(|(_, one)| one.live(now.elapsed).is_none());
        let gone = silent.filter_map(|(address, one)| Some((address.clone(), one.gone?)));
        let gone: Vec<(Address, Why)> = gone.collect();
        gone.iter().flat_map(|(address, why)| self.let_go(address, *why, now.elapsed)).collect()
    }

    /// A query actor of another server has introduced itself to one of this one's, which has a link with
    /// it now. Whoever is there has to be known here as well, and be it to be forgotten.
    pub fn introduced(&mut self, member: &Member, now: Now) {
        let known = self.contacts.get(&member.address).and_then(|contact| contact.met.as_ref());
        if known.is_none_or(|met| met.member.server != member.server) {
            self.forgotten.remove(&member.address);
            self.add(vec![member.address.clone()], now.elapsed);
            if let Some(contact) = self.contacts.get_mut(&member.address) {
                contact.word = Word::Seen;
            }
        }
    }

    /// A member has said goodbye.
    pub(super) fn has_left(&mut self, hello: &Hello, now: Now) -> Vec<Effect> {
        let contact = self.contacts.get(&hello.from.address);
        let met = contact.and_then(|contact| contact.met.as_ref());
        match met.is_some_and(|met| met.member == hello.from) {
            true => self.let_go(&hello.from.address, Why::Left, now.elapsed),
            false => Vec::new(),
        }
    }

    /// The servers that answer.
    pub fn live(&self, now: Duration) -> Vec<u64> {
        let live = self.contacts.values().filter_map(|contact| contact.live(now));
        live.map(|met| met.member.server).collect()
    }

    /// Says goodbye to everyone.
    pub fn leave(&mut self, now: Now) -> Vec<Effect> {
        self.tell_all(now, true)
    }

    /// Tells all members that answer something that cannot wait.
    fn tell_all(&mut self, now: Now, leaves: bool) -> Vec<Effect> {
        let live = self.contacts.iter().filter(|(_, one)| one.live(now.elapsed).is_some());
        let live: Vec<Address> = live.map(|(address, _)| address.clone()).collect();
        let call = |address: Address| {
            let mut hello = self.hello_to(&address, &address, false, false, now);
            hello.leaves = leaves;
            hello.forgotten = self.forgotten.all(now.elapsed, self.keeping.retention);
            Effect::Call(address, hello)
        };
        live.into_iter().map(call).collect()
    }

    fn let_go(&mut self, address: &Address, why: Why, now: Duration) -> Vec<Effect> {
        let Some(contact) = self.contacts.remove(address) else { return Vec::new() };
        let (met, seen) = (contact.met.as_ref(), contact.is_seen());
        let (server, heard_wall) = met.map(|met| (met.member.server, met.heard_wall)).unzip();
        let mark = Mark { server, seen, why, at: now, called: now, heard_wall };
        self.forgotten.add(address.clone(), mark);
        let what = match why {
            Why::Left => "has left the store",
            Why::Silent | Why::Named => "is forgotten; it is welcome when it comes back",
        };
        tracing::info!(member = %address, "{what}");
        vec![Effect::NoteAll(Note::Forget(address.clone()))]
    }
}
