//! What is said within a server, and to its query actors.

use std::collections::BTreeMap;
use std::time::Duration;

use actor::{ActorRef, Address, SharedBytes};
use serde::{Deserialize, Serialize};

use super::{Given, Member, Message, Standing};
use crate::entry::Entry;
use crate::{digest, members};

/// The query actors of one server, and which of them is the one told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Siblings {
    /// All of them, in the order of their ports.
    pub actors: Vec<ActorRef<Message>>,
    /// The place of the one told in `actors`.
    pub me: usize,
    /// The server they are, if it may meet others.
    pub home: Option<Home>,
}

/// A server that may meet others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Home {
    /// What it is to the others.
    pub own: Member,
    /// The actor that knows the others.
    pub members: ActorRef<members::Message>,
    /// Whether it begins a new store, so that it is ready at once.
    pub begins: bool,
}

/// All that one actor has to say to a sibling at one moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sync {
    /// The sender's place among the siblings.
    pub from: usize,
    /// What is new at the sender, from its clients or from other servers, and parts of a refill.
    pub entries: Vec<Entry>,
    /// What the sender has fetched from other servers: it is among these entries and earlier ones.
    pub fetched: Vec<Fetched>,
    /// Whether the sender asks for all that the receiver holds.
    pub ask: bool,
    /// How far the sender has come with giving the receiver all that it holds.
    pub given: Given,
    /// What is said in comparing stores.
    pub digest: Vec<digest::Message>,
}

/// A slice of another server's store that this server has fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The server.
    pub server: u64,
    /// Which attempt to fetch its store it belongs to.
    pub attempt: u32,
    /// Which of its slices.
    pub slice: u16,
    /// Whether the giver was ready, so that the slice is complete.
    pub ready: bool,
}

/// What a query actor has to know of other servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// There is another server.
    Meet(Member),
    /// The server is not ready until the store has been fetched from this other one.
    Fetch {
        /// The other server.
        server: u64,
        /// The number of the attempt.
        attempt: u32,
    },
    /// The server has the store.
    Open,
    /// How the server and the others were.
    Status {
        /// When that was put together.
        at: Duration,
        /// A [`Status`](crate::status::Status) as JSON.
        json: SharedBytes,
        /// The addresses of the others, and whether each of them answers.
        members: Vec<(Address, bool)>,
    },
}

/// A replica's state, for people and for load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it answers every query.
    pub ready: bool,
    /// How many keys have a value.
    pub keys: usize,
    /// How it stands with other servers.
    pub standings: BTreeMap<u64, Standing>,
}
