//! What the members actor can be told.

use actor::{ActorRef, Address, ReplyRef};
use serde::{Deserialize, Serialize};

use super::{Hello, MemberStatus};
use crate::entry::Entry;
use crate::query_actor::{self, Health, Keeping, Member, Store};

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
    /// What a query actor knows, for a members actor that has lost its state.
    Store {
        /// Its place among its siblings.
        place: u16,
        /// Whether the server has the store.
        store: Store,
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
    /// A query actor has got a part of what is being fetched; said every few seconds at most.
    Fetching {
        /// The server that gave it.
        server: u64,
        /// Which attempt at it this is.
        attempt: u32,
    },
    /// A member will not come back: let the store go on without it.
    Forget {
        /// Its address.
        address: Address,
        /// Where the answer goes: why not, if it cannot be forgotten.
        reply: Option<ReplyRef<Result<(), String>>>,
    },
    /// The server ends, and its clients have been told: say goodbye to the others, as soon as they have
    /// what was written here, or in two seconds.
    Leave {
        /// Where the answer goes, once that is said: whether there are others.
        reply: Option<ReplyRef<bool>>,
    },
    /// The others have what was written on a query actor.
    Told {
        /// Its place among its siblings.
        place: u16,
    },
    /// A query actor writes with this number from now on.
    Writes {
        /// The number.
        writer: u64,
    },
    /// These servers a query actor has links with; nobody here may know them.
    Introduced(Vec<Member>),
    /// A query actor has missed what others have deleted for good, or all of them have lost the store.
    Stale {
        /// Its place among its siblings.
        place: u16,
        /// The server from which it has heard that, if it has.
        server: Option<u64>,
        /// The last renewal that it has gone through.
        generation: u64,
    },
    /// Writes of this server's clients that were beaten while the server was away.
    SetAside {
        /// The writes.
        entries: Vec<Entry>,
    },
    /// Is there something that was set aside? The answer comes when there is.
    TakeAside {
        /// Where the answer goes.
        reply: ReplyRef<Vec<Entry>>,
    },
    /// How a query actor's replica is.
    Replica {
        /// Its place among its siblings.
        place: u16,
        /// How it is.
        health: Health,
    },
    /// Does the store go on without whoever was at this address?
    IsForgotten {
        /// The address.
        address: Address,
        /// Where the answer goes.
        reply: ReplyRef<bool>,
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
    /// How long it keeps what is of no use any more.
    pub keeping: Keeping,
}
