//! How the server is, as one of its actors can tell: from what it was told last.
//!
//! Every actor tells the members' actor how its replica is, and that one tells all of them what came
//! of it, each every [`EVERY`]: so a question is answered at once, a few seconds late at the most.

use std::time::Duration;

use actor::{Address, Context, SharedBytes};
use kvcommon::{Answer, Refusal, RefusalKind};

use super::sweep::Round;
use super::{Health, Message, QueryActor};
use crate::members;

/// How often a server's status is renewed.
pub const EVERY: Duration = Duration::from_secs(2);

/// What the members' actor said last.
pub struct Snapshot {
    /// When it was put together.
    pub at: Duration,
    /// A [`Status`](crate::status::Status) as JSON.
    pub json: SharedBytes,
    /// The other servers, and whether each of them answers.
    pub members: Vec<(Address, bool)>,
}

impl QueryActor {
    /// Tells the members' actor how the replica is, if there is one.
    pub(super) fn report_health(&mut self, ctx: &mut Context<'_, Message>) {
        if self.home.is_some() {
            let health = self.health(ctx.now().elapsed);
            self.report(members::Message::Replica { place: self.place(), health });
            self.send_when_due(ctx);
            ctx.tell_after(EVERY, Message::Report);
        }
    }

    pub(super) fn health(&self, now: Duration) -> Health {
        let mut standings = self.peers.standings(now);
        for (server, tally) in self.comparing.tallies() {
            if let Some(standing) = standings.get_mut(&server) {
                standing.digest_rounds = tally.rounds;
                standing.digest_repairs = tally.entries_given + tally.entries_learned;
                standing.traffic.needless_asked += tally.entries_needless;
                standing.traffic.twice_asked += tally.entries_twice;
            }
        }
        let for_servers: usize = standings.values().map(|standing| standing.held).sum();
        let here = self.outbox.held() + self.work_bytes() + self.comparing.held();
        Health {
            ready: self.is_ready(),
            keys: self.replica.len(),
            tombstones: self.replica.tombstones(),
            swept: self.sweep.swept().map(Round::number),
            collected: self.sweep.collected().number(),
            ages_differ: self.gathering.ages_differ(now),
            held: for_servers + self.peers.history_bytes() + here,
            standings,
        }
    }

    pub(super) fn answer_status(&self, now: Duration) -> Answer<'_> {
        match self.status.as_ref().map(|status| (status.at, std::str::from_utf8(&status.json))) {
            Some((at, Ok(json))) => {
                let age = now.saturating_sub(at).as_millis();
                Answer::Status { age_millis: u64::try_from(age).unwrap_or(u64::MAX), json }
            }
            _ => unknown_yet(),
        }
    }

    pub(super) fn answer_forget(&mut self, member: &str) -> Answer<'static> {
        let Some(status) = &self.status else { return unknown_yet() };
        if self.home.as_ref().is_some_and(|home| home.own.address.as_str() == member) {
            return refused(format!(
                "{member} is this server itself, which cannot forget itself: if it is to leave the store, \
                 end it, and it says goodbye to the others; if it is gone for good, ask another server"
            ));
        }
        match status.members.iter().find(|(address, _)| address.as_str() == member) {
            None => refused(format!(
                "this server knows no member {member}; kv status names those that it knows"
            )),
            Some((_, true)) => refused(format!(
                "{member} still answers, or did a moment ago: end it, wait for {} s, and try again",
                // What this actor was told is up to two turns old.
                (members::SILENT + 2 * EVERY).as_secs()
            )),
            Some((address, false)) => {
                let address = address.clone();
                let is_it = |said: &members::Message| matches!(said, members::Message::Forget { address: other, .. } if *other == address);
                if !self.reports.iter().any(is_it) {
                    self.report(members::Message::Forget { address, reply: None });
                }
                Answer::Forgotten
            }
        }
    }
}

fn refused(message: String) -> Answer<'static> {
    Answer::Refused(Refusal::new(RefusalKind::Invalid, message))
}

fn unknown_yet() -> Answer<'static> {
    Answer::Refused(Refusal::new(
        RefusalKind::NotReady,
        "this replica has just started and knows nothing of its server yet; ask again in a moment",
    ))
}
