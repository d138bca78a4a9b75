//! Who belongs to the store: the actor of each server that meets the others.
//!
//! A server is told of one live member and learns of the rest from it. The actors of this kind, one
//! on each server, say hello to each other: at once to every address they hear of, again and again
//! to one that does not answer, and every [`BEAT`] to one that does. The query actors are told of
//! each server that was met, and then deal with its query actors on their own.
//!
//! A server that joins others is not ready until its query actors have fetched the store. This
//! actor chooses from whom, and decides when that is done; `roster` says how.

mod message;
mod roster;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actor::{Actor, ActorRef, Context, Now, ReplyRef, WellKnown};

pub use message::{Message, Setup};
pub use roster::{BEAT, Hello, MemberState, MemberStatus, SILENT};

use crate::entry::Entry;
use crate::query_actor::{self, Health, Member, Note};
use crate::status::Status;
use roster::{Effect, Roster};

/// The number of this actor on every server.
pub const ID: WellKnown = WellKnown(0);

/// How often the actor looks whom it has to call, and whom it has to tell something.
const TICK: Duration = Duration::from_millis(125);

/// The actor.
#[derive(Default)]
pub struct Members(Option<Inside>);

/// What the actor has once it knows its server.
struct Inside {
    own: Member,
    roster: Roster,
    actors: Vec<QueryActor>,
    aside: Aside,
    /// How the replicas are, by the place of their actor.
    replicas: BTreeMap<u16, Health>,
    /// When the query actors are to be told next how the server is.
    next_status: Duration,
    leaving: Option<Leaving>,
}

/// At the end, others have so long to acknowledge what was written here.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The server ends.
struct Leaving {
    reply: Option<ReplyRef<bool>>,
    until: Duration,
    /// The query actors whose writes the others have.
    told: BTreeSet<u16>,
}

/// What was set aside and not yet fetched to be written down.
#[derive(Default)]
struct Aside {
    entries: Vec<Entry>,
    bytes: usize,
    wanted: Option<ReplyRef<Vec<Entry>>>,
}

impl Aside {
    fn add(&mut self, entries: Vec<Entry>) {
        /// Nobody fetches it: that is a server without a disk to write it to.
        const MAX_BYTES: usize = 64 << 20;
        for entry in entries {
            if self.bytes > MAX_BYTES {
                tracing::error!(key = entry.key(), "what was set aside is not fetched; dropped");
                continue;
            }
            self.bytes += entry.bytes().len();
            self.entries.push(entry);
        }
    }

    fn answer(&mut self, ctx: &mut Context<'_, Message>) {
        if !self.entries.is_empty()
            && let Some(reply) = self.wanted.take()
        {
            self.bytes = 0;
            ctx.reply(reply, std::mem::take(&mut self.entries));
        }
    }
}

/// A query actor, and what it has yet to be told.
struct QueryActor {
    actor: ActorRef<query_actor::Message>,
    notes: Vec<Note>,
    last_told: Option<Duration>,
}

impl Actor for Members {
    type Message = Message;

    /// All else is said within the server.
    fn takes_from_elsewhere(message: &Message) -> bool {
        matches!(message, Message::Hello(_))
    }

    fn on_message(&mut self, message: Message, ctx: &mut Context<'_, Message>) {
        let now = ctx.now();
        if let Message::Start(setup) = message {
            ctx.resume_with(Message::Start(setup.clone()));
            // A state that was lost in a panic may have sent a moment ago.
            let last_told = (ctx.restarts() > 0).then_some(now.elapsed);
            let mut inside = Inside::new(setup, now, last_told);
            let mut effects = Vec::new();
            if ctx.restarts() > 0 {
                effects.push(inside.roster.introduce());
            }
            effects.extend(inside.roster.tick(now));
            inside.carry_out(effects, ctx);
            self.0 = Some(inside);
            ctx.tell_after(TICK, Message::Tick);
            return;
        }
        let Some(inside) = &mut self.0 else { return };
        let effects = match message {
            Message::Start(_) => return,
            Message::Hello(hello) => inside.roster.hello(hello, now),
            Message::Tick => {
                ctx.tell_after(TICK, Message::Tick);
                let mut effects = inside.roster.tick(now);
                effects.extend(inside.status_if_due(now.elapsed));
                effects
            }
            Message::Resumed { place } => inside.roster.resumed(place, now),
            Message::Store { place, store } => inside.roster.says_of_store(place, store, now),
            Message::Fetched { place, server, attempt, ready } => {
                inside.roster.fetched(place, server, attempt, ready, now)
            }
            Message::Fetching { server, attempt } => {
                inside.roster.fetching(server, attempt, now);
                return;
            }
            Message::Forget { address, reply } => {
                let (answer, effects) = match inside.roster.forget(&address, now) {
                    Ok(effects) => (Ok(()), effects),
                    Err(why) => (Err(why), Vec::new()),
                };
                if let Some(reply) = reply {
                    ctx.reply(reply, answer);
                }
                effects
            }
            Message::Leave { reply } => {
                let until = now.elapsed + LAST_WORDS;
                inside.leaving = Some(Leaving { reply, until, told: BTreeSet::new() });
                vec![Effect::NoteAll(Note::Leave { live: inside.roster.live(now.elapsed) })]
            }
            Message::Told { place } => {
                if let Some(leaving) = &mut inside.leaving {
                    leaving.told.insert(place);
                }
                Vec::new()
            }
            Message::Writes { writer } => {
                inside.roster.writes(writer);
                return;
            }
            Message::Introduced(members) => {
                members.iter().for_each(|member| inside.roster.introduced(member, now));
                return;
            }
            Message::Stale { place, server, generation } => {
                inside.roster.stale(place, server, generation, now)
            }
            Message::SetAside { entries } => {
                inside.aside.add(entries);
                return inside.aside.answer(ctx);
            }
            Message::TakeAside { reply } => {
                inside.aside.wanted = Some(reply);
                inside.aside.answer(ctx);
                Vec::new()
            }
            Message::Replica { place, health } => {
                inside.replicas.insert(place, health);
                inside.status_if_due(now.elapsed).into_iter().collect()
            }
            Message::IsForgotten { address, reply } => {
                return ctx.reply(reply, inside.roster.is_forgotten(&address));
            }
            Message::Inspect { reply } => {
                return ctx.reply(reply, inside.roster.statuses(now.elapsed));
            }
        };
        inside.carry_out(effects, ctx);
        if inside.may_leave(now.elapsed) {
            inside.leave(ctx);
            // From now on nothing is said any more.
            self.0 = None;
        }
    }
}

impl Inside {
    fn may_leave(&self, now: Duration) -> bool {
        let all = self.actors.len();
        let is_done = |one: &Leaving| one.told.len() >= all && self.aside.entries.is_empty();
        self.leaving.as_ref().is_some_and(|one| is_done(one) || one.until <= now)
    }

    fn leave(&mut self, ctx: &mut Context<'_, Message>) {
        let effects = self.roster.leave(ctx.now());
        let has_others = !effects.is_empty();
        self.carry_out(effects, ctx);
        if let Some(Leaving { reply, told, .. }) = self.leaving.take() {
            match (told.len() < self.actors.len(), has_others) {
                (true, _) => tracing::warn!(
                    "this server leaves the store; some of what was written here has not reached all \
                     other servers"
                ),
                (false, true) => tracing::info!(
                    "this server leaves the store; the others have all that was written here"
                ),
                (false, false) => tracing::info!(
                    "this server ends; no other one answers that could go on with the store"
                ),
            }
            let lost = self.aside.entries.len();
            if lost > 0 {
                tracing::error!(
                    count = lost,
                    "writes that were set aside could not be written down in time"
                );
            }
            if let Some(reply) = reply {
                ctx.reply(reply, has_others);
            }
        }
    }

    fn new(
        Setup { own, actors, joins, keeping }: Setup,
        now: Now,
        last_told: Option<Duration>,
    ) -> Self {
        let query_actor = |actor| QueryActor { actor, notes: Vec::new(), last_told };
        Self {
            own: own.clone(),
            roster: Roster::new(own, joins, keeping, now.elapsed),
            actors: actors.into_iter().map(query_actor).collect(),
            aside: Aside::default(),
            replicas: BTreeMap::new(),
            next_status: now.elapsed,
            leaving: None,
        }
    }

    /// Tells the query actors how the server is, at most every [`query_actor::STATUS_EVERY`] and not
    /// before all of them have said how they are.
    fn status_if_due(&mut self, now: Duration) -> Option<Effect> {
        if now < self.next_status || self.replicas.len() < self.actors.len() {
            return None;
        }
        self.next_status = now + query_actor::STATUS_EVERY;
        let replicas: Vec<Health> = self.replicas.values().cloned().collect();
        let statuses = self.roster.statuses(now);
        let answers = |status: &MemberStatus| status.state == MemberState::Live;
        let members = statuses.iter().map(|one| (one.address.clone(), answers(one))).collect();
        let status = Status::new(&self.own, statuses, &replicas);
        let json =
            serde_json::to_string(&status).expect("numbers and names can be written as JSON");
        Some(Effect::NoteAll(Note::Status { at: now, json: json.into(), members }))
    }

    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Context<'_, Message>) {
        for effect in effects {
            match effect {
                Effect::Call(address, hello) => {
                    ctx.tell(&ActorRef::well_known(&address, ID), Message::Hello(hello));
                }
                Effect::NoteAll(note) => {
                    self.actors.iter_mut().for_each(|actor| actor.notes.push(note.clone()));
                }
                Effect::Note(place, note) => {
                    if let Some(actor) = self.actors.get_mut(usize::from(place)) {
                        actor.notes.push(note);
                    }
                }
            }
        }
        let now = ctx.now().elapsed;
        for QueryActor { actor, notes, last_told } in &mut self.actors {
            if !notes.is_empty() && pace_allows(*last_told, now) {
                *last_told = Some(now);
                let notes = std::mem::take(notes);
                ctx.tell(actor, query_actor::Message::Notes(notes));
            }
        }
    }
}

/// Whether another message may follow the last one. What has to wait goes at the next [`TICK`].
pub(crate) fn pace_allows(last: Option<Duration>, now: Duration) -> bool {
    last.is_none_or(|last| last + query_actor::PACE <= now)
}

#[cfg(test)]
mod tests;
