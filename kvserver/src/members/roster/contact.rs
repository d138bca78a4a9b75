//! One address, and the server that was met there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::forgotten::Why;
use super::{LONGEST_PAUSE, REPORT, REPORT_AGAIN, SILENT};
use crate::query_actor::Member;

/// The pause after the first call without an answer; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// An address.
pub(super) struct Contact {
    pub(super) met: Option<Met>,
    /// The numbers of earlier lives there, the latest last.
    pub(super) former: Vec<u64>,
    pub(super) word: Word,
    /// Others have forgotten it, and it has not been heard since.
    pub(super) gone: Option<Why>,
    pub(super) since: Duration,
    pub(super) next_call: Duration,
    pause: Duration,
    next_report: Option<Duration>,
    pub(super) calls: u32,
    pub(super) last_call: Option<Duration>,
}

/// What is known of an address but from who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// This server was told to join it.
    Told,
    /// Another one was, and nobody is known to have met a server there.
    Rumour,
    /// Others have met a server there.
    Seen,
}

/// A server that has answered.
pub(super) struct Met {
    pub(super) member: Member,
    pub(super) ready: bool,
    /// Whom it finds silent.
    pub(super) silent: Vec<u64>,
    pub(super) heard: Duration,
    pub(super) heard_wall: u64,
    /// The wall clock when it was last heard before it was silent for a while.
    pub(super) away_from: Option<u64>,
    pub(super) their_sent: u64,
    pub(super) round_trip: Option<u64>,
    pub(super) clock_offset: Option<i64>,
}

impl Contact {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            met: None,
            former: Vec::new(),
            word: Word::Told,
            gone: None,
            since: now,
            next_call: now,
            pause: FIRST_PAUSE,
            next_report: Some(now + REPORT),
            calls: 0,
            last_call: None,
        }
    }

    /// Whether it may be called, however often it asks.
    pub(super) fn may_be_called(&self, now: Duration) -> bool {
        crate::members::pace_allows(self.last_call, now)
    }

    /// Whether anybody has met a server there.
    pub(super) fn is_seen(&self) -> bool {
        self.met.is_some() || self.word == Word::Seen
    }

    /// The server there, if it answers.
    pub(super) fn live(&self, now: Duration) -> Option<&Met> {
        self.met.as_ref().filter(|met| now < met.heard + SILENT)
    }

    /// When it was last heard, or heard of.
    pub(super) fn last_sign(&self) -> Duration {
        self.met.as_ref().map_or(self.since, |met| met.heard)
    }

    /// It is called, and has answered before.
    pub(super) fn answers(&mut self, now: Duration) {
        self.pause = FIRST_PAUSE;
        self.next_report = Some(now + REPORT);
        self.next_call = now + super::BEAT;
    }

    /// It is called, and has not answered before. Returns whether that is to be reported.
    pub(super) fn does_not_answer(&mut self, now: Duration) -> bool {
        self.next_call = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let report = self.next_report.is_some_and(|at| at <= now);
        if report {
            self.next_report = Some(now + REPORT_AGAIN);
        }
        report
    }

    /// Notes that the life with this number is over.
    pub(super) fn supersede(&mut self, server: u64) {
        /// More lives than that are not told apart.
        const MAX_FORMER: usize = 16;
        self.former.push(server);
        if self.former.len() > MAX_FORMER {
            self.former.remove(0);
        }
    }
}

/// Which complaints were made lately: what goes on for ever is said once a minute.
#[derive(Default)]
pub(super) struct Complaints(BTreeMap<(&'static str, u64), Duration>);

impl Complaints {
    /// Whether this is to be said now.
    pub(super) fn may_say(&mut self, what: &'static str, of: u64, now: Duration) -> bool {
        self.0.retain(|_, said| now < *said + REPORT_AGAIN);
        /// Nobody reads more of them in a minute.
        const MOST: usize = 16;
        let new = !self.0.contains_key(&(what, of)) && self.0.len() < MOST;
        if new {
            self.0.insert((what, of), now);
        }
        new
    }
}
