//! What is said within a server, and to its query actors.

use std::collections::BTreeMap;
use std::time::Duration;

use actor::{ActorRef, Address, SharedBytes};
use serde::{Deserialize, Serialize};

use super::peers::MAX_ACTORS;
use super::sweep::{Mark, Say};
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

impl Siblings {
    /// Whether there can be such an actor.
    pub(super) fn can_be(&self) -> bool {
        let count = self.actors.len();
        let is_all = |home: &Home| usize::from(home.own.actors) == count;
        self.me < count && count <= usize::from(MAX_ACTORS) && self.home.as_ref().is_none_or(is_all)
    }
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
    /// How long it keeps what is of no use any more.
    pub keeping: Keeping,
}

/// How long a server keeps what is of no use any more. All servers of a store should be told the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    /// A tombstone is collected when it is older than this.
    pub tombstones: Duration,
    /// How often that is tried.
    pub sweep_every: Duration,
    /// A member that has been silent for longer is forgotten.
    pub retention: Duration,
}

impl Default for Keeping {
    /// An hour, which is tried every minute, and a day.
    fn default() -> Self {
        Self {
            tombstones: Duration::from_secs(60 * 60),
            sweep_every: Duration::from_secs(60),
            retention: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// All that one actor has to say to a sibling at one moment.
#[derive(Debug, Default, Serialize, Deserialize)]
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
    /// The last renewal of the server that the sender has gone through.
    pub generation: u64,
    /// What the sender has confirmed.
    pub mark: Mark,
    /// What is said about rounds of collecting.
    pub sweep: Option<Say>,
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

/// Whether a server has the store, as far as one of its query actors was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Store {
    /// The actor has lost its state, and was told nothing since.
    #[default]
    Unknown,
    /// The server has it.
    Here,
    /// It has to be fetched, from another server.
    Wanted,
}

/// What a query actor has to know of other servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// There is another server.
    Meet(Member),
    /// The members actor has lost its state: which servers are there, and is the store here?
    Introduce,
    /// There is no server at this address any more.
    Forget(Address),
    /// The last renewal of the server, for an actor that has lost its state.
    Generation(u64),
    /// The server lets go of all it holds.
    Renew(Renewal),
    /// The server is not ready until the store has been fetched from this other one.
    Fetch {
        /// The other server.
        server: u64,
        /// The number of the attempt.
        attempt: u32,
    },
    /// The server has the store.
    Open,
    /// The server ends; to be told to the members actor is when these servers have all that was written
    /// on this actor.
    Leave {
        /// Those that answer.
        live: Vec<u64>,
    },
    /// Between these servers, from whom to whom, this one passes on what it hears: they cannot reach each
    /// other.
    Relay(Vec<(u64, u64)>),
    /// Whether the server is the one to begin rounds of collecting.
    Lead(bool),
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

/// A server's new beginning, when it has missed what others have deleted for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Its number; a later one has a larger number.
    pub generation: u64,
    /// What was written from then on may be nowhere else.
    pub since_millis: u64,
    /// All writers that the server's actors have been.
    pub writers: Vec<u64>,
}

/// A replica's state, for people and for load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it answers every query.
    pub ready: bool,
    /// How many keys have a value.
    pub keys: usize,
    /// How many keys it knows to be deleted.
    pub tombstones: usize,
    /// The last round of collecting tombstones that it has confirmed; none while it lacks the store.
    pub swept: Option<u64>,
    /// The last round whose tombstones it has dropped. Later rounds have larger numbers.
    pub collected: u64,
    /// Whether another server was lately about to collect what is too young here.
    pub ages_differ: bool,
    /// Bytes that it keeps for others: for other servers, for its siblings, what its clients wrote
    /// lately, and what came and is yet to be merged.
    pub held: usize,
    /// How it stands with other servers.
    pub standings: BTreeMap<u64, Standing>,
}
