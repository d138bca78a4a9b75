//! What travels over a link, and what is counted of it.

use actor::Address;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::query_actor::fetch::{Chunk, Request};
use crate::query_actor::stream::{Ack, Data};
use crate::query_actor::sweep::{Mark, Say};

/// A server of the store, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where its actor system is reached.
    pub address: Address,
    /// Drawn at random at its start.
    pub server: u64,
    /// How many query actors it has.
    pub actors: u16,
}

/// All that an actor has to say at one moment to an actor of another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The sender's server.
    pub server: u64,
    /// The sender's place among its siblings.
    pub from: u16,
    /// The sender's state.
    pub state: u64,
    /// The state of the receiver that the sender knows; all that follows up on earlier messages
    /// is meant for that one only.
    pub to_state: Option<u64>,
    /// Who the sender's server is, until the receiver has shown that it knows.
    pub introduce: Option<Member>,
    /// What the sender's clients have written.
    pub data: Option<Data>,
    /// What has come from the receiver.
    pub ack: Option<Ack>,
    /// A question for what the receiver holds.
    pub request: Option<Request>,
    /// An answer to such a question.
    pub chunk: Option<Chunk>,
    /// What is said in comparing stores.
    pub digest: Option<digest::Message>,
    /// What the sender has confirmed.
    pub mark: Mark,
    /// What is said about rounds of collecting.
    pub sweep: Option<Say>,
}

/// What has passed over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes of entries sent.
    pub bytes_sent: u64,
    /// Bytes of entries received.
    pub bytes_received: u64,
    /// Entries sent.
    pub entries_sent: u64,
    /// Entries received.
    pub entries_received: u64,
    /// Entries of ours that went again, since what they went in was lost.
    pub entries_again: u64,
    /// Entries received that changed nothing, though nobody had asked for them.
    pub needless: u64,
    /// Entries fetched, or received in comparing, that changed nothing.
    pub needless_asked: u64,
    /// Those of `needless` that were held already, the same write; the others were older.
    pub twice: u64,
    /// Those of `needless_asked` that were held already.
    pub twice_asked: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.entries_sent += other.entries_sent;
        self.entries_received += other.entries_received;
        self.entries_again += other.entries_again;
        self.needless += other.needless;
        self.needless_asked += other.needless_asked;
        self.twice += other.twice;
        self.twice_asked += other.twice_asked;
    }
}
