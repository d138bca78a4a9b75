//! The other servers of the store, as people see them.

use serde::Serialize;

use crate::members::MemberStatus;
use crate::query_actor::Health;

/// How another server does, and what has passed between it and this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberStats {
    /// Whether and how it answers.
    #[serde(flatten)]
    pub status: MemberStatus,
    /// Entries written here that it is not known to have.
    pub lag_entries: usize,
    /// How long a frame of entries and the answer to it took lately, on the slowest pair.
    pub lag_ms: Option<u128>,
    /// Bytes of entries sent to it.
    pub bytes_sent: u64,
    /// Bytes of entries received from it.
    pub bytes_received: u64,
    /// Entries sent to it.
    pub entries_sent: u64,
    /// Entries received from it.
    pub entries_received: u64,
    /// Rounds of comparing that were begun here.
    pub digest_rounds: u64,
    /// Entries that comparing has found missing, on either side.
    pub digest_repairs: u64,
}

/// Puts together what the members' actor and the replicas know.
pub(crate) fn member_stats(statuses: Vec<MemberStatus>, replicas: &[Health]) -> Vec<MemberStats> {
    let stats = |status: MemberStatus| {
        let standings = replicas
            .iter()
            .filter_map(|replica| status.server.and_then(|server| replica.standings.get(&server)));
        let mut stats = MemberStats {
            status: status.clone(),
            lag_entries: 0,
            lag_ms: None,
            bytes_sent: 0,
            bytes_received: 0,
            entries_sent: 0,
            entries_received: 0,
            digest_rounds: 0,
            digest_repairs: 0,
        };
        for standing in standings {
            stats.lag_entries += standing.lag;
            stats.lag_ms = stats.lag_ms.max(standing.round_trip.map(|time| time.as_millis()));
            stats.bytes_sent += standing.traffic.bytes_sent;
            stats.bytes_received += standing.traffic.bytes_received;
            stats.entries_sent += standing.traffic.entries_sent;
            stats.entries_received += standing.traffic.entries_received;
            stats.digest_rounds += standing.digest_rounds;
            stats.digest_repairs += standing.digest_repairs;
        }
        stats
    };
    statuses.into_iter().map(stats).collect()
}
