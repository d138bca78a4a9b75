//! What happens in a world, as a seed decides it.

use std::time::Duration;

use actor::sim::Faults;
use clap::ValueEnum;
use kvserver::query_actor::Keeping;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Nothing, which is when the promises in milliseconds hold.
    None,
    /// A bad network.
    Lossy,
    /// Servers that cannot reach each other.
    Partitions,
    /// Servers that crash and start again empty, actors that panic.
    Crashes,
    /// Wrong clocks, late timers, pauses, slow machines.
    Clocks,
    /// Everything at once.
    Chaos,
}

impl Profile {
    /// The profile of a seed, when all take turns.
    pub fn of(seed: u64) -> Self {
        let all = Self::value_variants();
        let count = u64::try_from(all.len()).expect("a few");
        all[usize::try_from(seed % count).expect("a few")]
    }

    fn faults(self) -> Faults {
        match self {
            Self::None => Faults::none(),
            Self::Lossy => Faults::lossy(),
            Self::Partitions => Faults::partitions(),
            Self::Crashes => Faults::crashes(),
            Self::Clocks => Faults::clocks(),
            Self::Chaos => Faults::chaos(),
        }
    }
}

/// How a world ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything heals, and all must become equal.
    Heal,
    /// All heals and becomes equal; then, for another while, one actor is paused, or one server cut off
    /// from the others. The others must go on, and become equal.
    OneStaysAway,
}

/// How a server goes for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At once. In the end somebody tells another server that it will not come back.
    Crash,
    /// It says goodbye.
    Leave,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// How many query actors it has.
    pub actors: usize,
    /// When it is started for the first time.
    pub starts: Duration,
    /// When and how it goes for good, if it does.
    pub ends: Option<(Duration, End)>,
    /// Whether it is told of all others when it starts again after a crash; else it starts as it
    /// did for the first time, and the first server of all then begins a store.
    pub joins_again: bool,
}

/// A world.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What all chance in it comes from.
    pub seed: u64,
    /// What goes wrong.
    pub profile: Profile,
    /// The same, in numbers.
    pub faults: Faults,
    /// The servers, in the order of their start.
    pub servers: Vec<Server>,
    /// How long they keep what is of no use any more.
    pub keeping: Keeping,
    /// The number of clients.
    pub clients: usize,
    /// The number of keys.
    pub keys: usize,
    /// How likely a client is to ask another actor with its next batch.
    pub moves: f64,
    /// The mean time between two batches of queries of a client.
    pub every: Duration,
    /// The most queries in a batch.
    pub batch: usize,
    /// How long it goes on.
    pub lasting: Duration,
    /// How it ends.
    pub ending: Ending,
}

impl Plan {
    /// The world of a seed.
    pub fn new(seed: u64, profile: Profile) -> Self {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut faults = profile.faults();
        if profile == Profile::None && dice.random_bool(0.5) {
            faults.latency = Duration::from_millis(1)..Duration::from_millis(250);
        }
        let lasting = Duration::from_secs(dice.random_range(5..40));
        let mut servers = servers(&mut dice, lasting);
        some_end(&mut servers, profile, &mut dice, lasting);
        if profile == Profile::Lossy && dice.random_bool(0.5) {
            faults.message_loss = 0.1;
        }
        Self {
            seed,
            profile,
            faults,
            servers,
            keeping: keeping(&mut dice),
            clients: dice.random_range(1..=8),
            // Few keys, so that they meet; in some worlds many, which are seldom written twice.
            keys: if dice.random_bool(0.1) { 200 } else { dice.random_range(1..=12) },
            moves: if dice.random_bool(0.3) { 0.5 } else { 0.05 },
            every: Duration::from_millis(dice.random_range(5..300)),
            batch: dice.random_range(1..=8),
            lasting,
            ending: if dice.random_bool(0.5) { Ending::Heal } else { Ending::OneStaysAway },
        }
    }
}

impl Plan {
    /// Whether tombstones are collected while it goes on.
    pub fn collects(&self) -> bool {
        self.keeping != Keeping::default()
    }

    /// How long it may take, when all is well and equal, until nothing is kept that is of no use.
    pub fn rests_within(&self) -> Duration {
        let collecting = self.keeping.tombstones + 10 * self.keeping.sweep_every;
        Duration::from_secs(30) + if self.collects() { collecting } else { Duration::ZERO }
    }
}

/// In one world of four there is one server.
fn servers(dice: &mut Xoshiro256PlusPlus, lasting: Duration) -> Vec<Server> {
    if dice.random_bool(0.25) {
        let (starts, joins_again) = (Duration::ZERO, dice.random_bool(0.5));
        return vec![Server { actors: dice.random_range(2..=5), starts, ends: None, joins_again }];
    }
    let count = dice.random_range(2..=6);
    // In half of the worlds servers join in the middle.
    let latest = if dice.random_bool(0.5) { lasting.mul_f64(0.8) } else { Duration::from_secs(1) };
    let mut servers: Vec<Server> = (0..count)
        .map(|number| Server {
            actors: dice.random_range(1..=4),
            starts: if number == 0 {
                Duration::ZERO
            } else {
                dice.random_range(Duration::ZERO..latest)
            },
            ends: None,
            joins_again: dice.random_bool(0.5),
        })
        .collect();
    servers.sort_by_key(|server| server.starts);
    servers
}

/// In one world of three some servers are there no more from some moment on; two remain at least.
fn some_end(
    servers: &mut [Server],
    profile: Profile,
    dice: &mut Xoshiro256PlusPlus,
    lasting: Duration,
) {
    if servers.len() < 3 || !dice.random_bool(0.33) {
        return;
    }
    for _ in 0..dice.random_range(1..=servers.len() - 2) {
        // The first one stays, so that there always is somebody to join.
        let server = dice.random_range(1..servers.len());
        let server = &mut servers[server];
        let how = match profile {
            // The promises in milliseconds do not hold for what crashes.
            Profile::None => End::Leave,
            _ if dice.random_bool(0.5) => End::Leave,
            _ => End::Crash,
        };
        server.ends = Some((dice.random_range(server.starts..lasting), how));
    }
}

/// In two worlds of three tombstones are collected while it goes on.
fn keeping(dice: &mut Xoshiro256PlusPlus) -> Keeping {
    if dice.random_bool(NOT_COLLECTING) {
        return Keeping::default();
    }
    Keeping {
        // Well above what clocks differ by and frames take.
        tombstones: Duration::from_secs(dice.random_range(8..16)),
        sweep_every: Duration::from_secs(dice.random_range(1..4)),
        ..Keeping::default()
    }
}

/// In so many worlds tombstones are kept for as long as a world lasts.
const NOT_COLLECTING: f64 = 0.33;
