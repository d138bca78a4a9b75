//! What is known of one simulated system.

use std::{collections::HashMap, hash::BuildHasherDefault, sync::Arc, time::Duration};

use super::{Sim, SystemId};
use crate::{
    Address, Incarnation, Stats, cell::IdHasher, refs::ActorId, replies::Replies, report::Report,
};

/// What starts a system's actors, at its first start and after each crash.
pub(super) type Boot = Box<dyn FnMut(&mut Sim, SystemId)>;

/// So many reports of one system are kept; the rest only count.
const MAX_REPORTS: usize = 10_000;

pub(super) struct SystemState {
    pub(super) address: Address,
    /// The index of the address.
    pub(super) name: usize,
    pub(super) incarnation: Incarnation,
    /// How often it was started or stopped.
    pub(super) life: u32,
    pub(super) is_up: bool,
    pub(super) started: u64,
    pub(super) boot: Option<Boot>,
    /// The seat from which messages from outside are sent.
    pub(super) outside: u32,
    /// The seats of its actors, in the order of their start.
    pub(super) seats: Vec<u32>,
    pub(super) actors: HashMap<ActorId, u32, BuildHasherDefault<IdHasher>>,
    pub(super) clock: WallClock,
    /// The time for one message, when it is slow by hand.
    pub(super) handler_time: u64,
    /// How many random troubles slow it.
    pub(super) slowed: u32,
    pub(super) external: u64,
    pub(super) bytes_received: u64,
    /// What actors that have stopped had counted.
    pub(super) retired: Stats,
    pub(super) reports: Vec<(Duration, Report)>,
    pub(super) reports_dropped: u64,
    pub(super) replies: Arc<Replies>,
    next_actor: u64,
}

/// A wall clock that may be wrong.
#[derive(Clone, Copy, Default)]
pub(super) struct WallClock {
    pub(super) offset_millis: i64,
    pub(super) drift_ppm: i64,
}

impl SystemState {
    pub(super) fn new(address: Address, name: usize, clock: WallClock) -> Self {
        SystemState {
            address,
            name,
            incarnation: Incarnation::ANY,
            life: 0,
            is_up: false,
            started: 0,
            boot: None,
            outside: 0,
            seats: Vec::new(),
            actors: HashMap::default(),
            clock,
            handler_time: 0,
            slowed: 0,
            external: 0,
            bytes_received: 0,
            retired: Stats::default(),
            reports: Vec::new(),
            reports_dropped: 0,
            replies: Arc::new(Replies::deterministic()),
            next_actor: ActorId::FIRST_ORDINARY,
        }
    }

    /// Begins a new life, with nothing in it.
    pub(super) fn begin(&mut self, now: u64, incarnation: Incarnation) {
        self.incarnation = incarnation;
        self.life += 1;
        self.is_up = true;
        self.started = now;
        (self.external, self.bytes_received, self.retired) = (0, 0, Stats::default());
        self.next_actor = ActorId::FIRST_ORDINARY;
        self.replies.close();
        self.replies = Arc::new(Replies::deterministic());
    }

    /// Ends a life; the seats are the caller's to clear.
    pub(super) fn end(&mut self) -> Vec<u32> {
        self.life += 1;
        self.is_up = false;
        self.actors.clear();
        self.replies.close();
        std::mem::take(&mut self.seats)
    }

    pub(super) fn new_actor_id(&mut self) -> ActorId {
        self.next_actor += 1;
        ActorId(self.next_actor - 1)
    }

    pub(super) fn keep_report(&mut self, now: Duration, report: Report) {
        if self.reports.len() < MAX_REPORTS {
            self.reports.push((now, report));
        } else {
            self.reports_dropped += 1;
        }
    }
}

/// The wall clock at the start of every world: some day in November 2023.
const EPOCH_MILLIS: i64 = 1_700_000_000_000;

impl WallClock {
    pub(super) fn millis(self, now: u64) -> u64 {
        let elapsed = (now / 1_000_000) as i64;
        let drift = elapsed.saturating_mul(self.drift_ppm) / 1_000_000;
        let wall = EPOCH_MILLIS
            .saturating_add(elapsed)
            .saturating_add(drift)
            .saturating_add(self.offset_millis);
        wall.max(0) as u64
    }
}
