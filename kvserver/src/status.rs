//! What a server says of itself and of the others to people who ask with a query.

use actor::Address;
use serde::Serialize;

use crate::members::MemberStatus;
use crate::query_actor::{Health, Member};
use crate::server::{MemberStats, member_stats};

/// A server and the others of its store, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Where other servers reach it.
    pub address: Address,
    /// The number of its present life.
    pub server: u64,
    /// How many query actors it has.
    pub actors: u16,
    /// Whether all of them have the store.
    pub ready: bool,
    /// How many keys have a value, on the replica that has the most.
    pub keys: usize,
    /// Whether another server was lately about to collect what is too young here.
    pub ages_differ: bool,
    /// The other servers.
    pub members: Vec<MemberStats>,
}

impl Status {
    /// Puts together what the members' actor and the replicas know. A replica that has not said how
    /// it is, is not ready.
    pub fn new(own: &Member, statuses: Vec<MemberStatus>, replicas: &[Health]) -> Self {
        let heard_all = replicas.len() == usize::from(own.actors);
        Self {
            address: own.address.clone(),
            server: own.server,
            actors: own.actors,
            ready: heard_all && replicas.iter().all(|replica| replica.ready),
            keys: replicas.iter().map(|replica| replica.keys).max().unwrap_or(0),
            ages_differ: replicas.iter().any(|replica| replica.ages_differ),
            members: member_stats(statuses, replicas),
        }
    }
}
