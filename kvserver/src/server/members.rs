//! The other servers of the store, as people see them.

use std::time::Duration;

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
    /// How long the oldest of them has been on its way, at the most; 0 without any.
    pub lag_ms: u128,
    /// How long a frame of entries and the answer to it took lately, on the slowest pair.
    pub frame_ms: Option<u128>,
    /// Bytes that are held for it.
    pub held_bytes: usize,
    /// Bytes of entries sent to it.
    pub bytes_sent: u64,
    /// Bytes of entries received from it.
    pub bytes_received: u64,
    /// Entries sent to it.
    pub entries_sent: u64,
    /// Entries received from it.
    pub entries_received: u64,
    /// Entries sent to it again, since what they went in was lost.
    pub entries_again: u64,
    /// Entries received from it that changed nothing here, though nobody had asked for them.
    pub entries_needless: u64,
    /// Entries fetched from it, or received in comparing, that changed nothing here.
    pub entries_needless_asked: u64,
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
            lag_ms: 0,
            frame_ms: None,
            held_bytes: 0,
            bytes_sent: 0,
            bytes_received: 0,
            entries_sent: 0,
            entries_received: 0,
            entries_again: 0,
            entries_needless: 0,
            entries_needless_asked: 0,
            digest_rounds: 0,
            digest_repairs: 0,
        };
        for standing in standings {
            stats.lag_entries += standing.lag;
            let millis = |time: Duration| time.as_millis();
            stats.lag_ms = stats.lag_ms.max(standing.lag_age.map_or(0, millis));
            stats.frame_ms = stats.frame_ms.max(standing.round_trip.map(millis));
            stats.held_bytes += standing.held;
            stats.bytes_sent += standing.traffic.bytes_sent;
            stats.bytes_received += standing.traffic.bytes_received;
            stats.entries_sent += standing.traffic.entries_sent;
            stats.entries_received += standing.traffic.entries_received;
            stats.entries_again += standing.traffic.entries_again;
            stats.entries_needless += standing.traffic.needless;
            stats.entries_needless_asked += standing.traffic.needless_asked;
            stats.digest_rounds += standing.digest_rounds;
            stats.digest_repairs += standing.digest_repairs;
        }
        stats
    };
    statuses.into_iter().map(stats).collect()
}
