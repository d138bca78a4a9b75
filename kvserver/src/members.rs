//! Who belongs to the store: the actor of each server that meets the others.
//!
//! A server is told of one live member and learns of the rest from it. The actors of this kind, one
//! on each server, say hello to each other: at once to every address they hear of, again and again
//! to one that does not answer, and every [`BEAT`] to one that does. The query actors are told of
//! each server that was met, and then deal with its query actors on their own.
//!
//! A server that joins others is not ready until its query actors have fetched the store. This
//! actor chooses from whom, and decides when that is done; [`roster`] says how.

mod roster;

use std::time::Duration;

use actor::{Actor, ActorRef, Address, Context, ReplyRef, WellKnown};
use serde::{Deserialize, Serialize};

pub use roster::{BEAT, Hello, MemberState, MemberStatus, SILENT};

use crate::query_actor::{self, Member, Note};
use roster::{Effect, Roster};

/// The number of this actor on every server.
pub const ID: WellKnown = WellKnown(0);

/// How often the actor looks whom it has to call.
const TICK: Duration = Duration::from_millis(250);

/// What the actor can be told.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// The first message of all, and the first one after a panic.
    Start(Setup),
    /// From another server.
    Hello(Hello),
    /// To oneself: time has passed.
    Tick,
    /// A query actor has lost its state and knows nobody.
    Resumed {
        /// Its place among its siblings.
        place: u16,
    },
    /// A query actor has all that its siblings and it have fetched.
    Fetched {
        /// Its place among its siblings.
        place: u16,
        /// The server from which it was fetched.
        server: u64,
        /// Which attempt at it is over.
        attempt: u32,
        /// Whether the server was ready, so that what it gave is everything.
        ready: bool,
    },
    /// Who is there?
    Inspect {
        /// Where the answer goes.
        reply: ReplyRef<Vec<MemberStatus>>,
    },
}

/// What the actor begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The server itself.
    pub own: Member,
    /// Its query actors.
    pub actors: Vec<ActorRef<query_actor::Message>>,
    /// Where other members may be found. With none, this server begins a store.
    pub joins: Vec<Address>,
}

/// The actor.
#[derive(Default)]
pub struct Members(Option<(Vec<ActorRef<query_actor::Message>>, Roster)>);

impl Actor for Members {
    type Message = Message;

    fn on_message(&mut self, message: Message, ctx: &mut Context<'_, Message>) {
        let now = ctx.now();
        if let Message::Start(setup) = message {
            ctx.resume_with(Message::Start(setup.clone()));
            let Setup { own, actors, joins } = setup;
            let mut roster = Roster::new(own, joins, now.elapsed);
            let effects = roster.tick(now);
            self.0 = Some((actors, roster));
            self.carry_out(effects, ctx);
            ctx.tell_after(TICK, Message::Tick);
            return;
        }
        let Some((_, roster)) = &mut self.0 else { return };
        let effects = match message {
            Message::Start(_) => return,
            Message::Hello(hello) => roster.hello(hello, now),
            Message::Tick => {
                ctx.tell_after(TICK, Message::Tick);
                roster.tick(now)
            }
            Message::Resumed { place } => roster.resumed(place),
            Message::Fetched { place, server, attempt, ready } => {
                roster.fetched(place, server, attempt, ready, now)
            }
            Message::Inspect { reply } => return ctx.reply(reply, roster.statuses(now.elapsed)),
        };
        self.carry_out(effects, ctx);
    }
}

impl Members {
    fn carry_out(&self, effects: Vec<Effect>, ctx: &mut Context<'_, Message>) {
        let Some((actors, _)) = &self.0 else { return };
        let tell = |ctx: &mut Context<'_, Message>, actor: &ActorRef<_>, note: Note| {
            ctx.tell(actor, query_actor::Message::Note(note));
        };
        for effect in effects {
            match effect {
                Effect::Call(address, hello) => {
                    ctx.tell(&ActorRef::well_known(&address, ID), Message::Hello(hello));
                }
                Effect::NoteAll(note) => {
                    actors.iter().for_each(|actor| tell(ctx, actor, note.clone()));
                }
                Effect::Note(place, note) => {
                    if let Some(actor) = actors.get(usize::from(place)) {
                        tell(ctx, actor, note);
                    }
                }
            }
        }
    }
}
