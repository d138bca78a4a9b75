//! Many systems in one thread under one virtual clock, replayed exactly by a seed.
//!
//! A [`Sim`] runs the same actors as [`System`](crate::System) does, thousands of times faster than real
//! time, and does to them what networks, clocks and machines do. Whatever chance decides comes from one
//! seed: a run that shows a bug shows it again, with the same build, as often as needed.
//!
//! ```
//! use std::time::Duration;
//! use actor::{Actor, Context, ReplyRef, sim::{Faults, Sim}};
//! # use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! enum Count { Add(i64), Get(ReplyRef<i64>) }
//!
//! #[derive(Default)]
//! struct Counter { total: i64 }
//!
//! impl Actor for Counter {
//!     type Message = Count;
//!     fn on_message(&mut self, message: Count, ctx: &mut Context<'_, Count>) {
//!         match message {
//!             Count::Add(number) => self.total += number,
//!             Count::Get(reply_to) => ctx.reply(reply_to, self.total),
//!         }
//!     }
//! }
//!
//! let mut sim = Sim::new(1, Faults::none());
//! let here = sim.add_system("here:1", |_, _| {});
//! let counter = sim.spawn(here, Counter::default);
//! sim.tell(here, &counter, Count::Add(40));
//! sim.tell(here, &counter, Count::Add(2));
//! let reply = sim.ask(here, &counter, Count::Get);
//! assert_eq!(sim.run_until_answer(reply, Duration::from_secs(1)), Some(42));
//! assert_eq!(sim.inspect(&counter, |counter: &Counter| counter.total), Some(42));
//! ```
//!
//! A scene with a partition, in which a message waits for the link to come back:
//!
//! ```
//! # use std::time::Duration;
//! # use actor::{Actor, ActorRef, Context, WellKnown, sim::{Faults, Sim}};
//! #[derive(Default)]
//! struct Log(Vec<u64>);
//!
//! impl Actor for Log {
//!     type Message = u64;
//!     fn on_message(&mut self, number: u64, _: &mut Context<'_, u64>) { self.0.push(number); }
//! }
//!
//! let mut sim = Sim::new(7, Faults::none());
//! let a = sim.add_system("a:1", |_, _| {});
//! let b = sim.add_system("b:1", |sim, me| {
//!     sim.spawn_well_known(me, WellKnown(1), Log::default); // at every start, after a crash too
//! });
//! let log: ActorRef<u64> = ActorRef::well_known(sim.address(b), WellKnown(1));
//! let seen = |sim: &Sim| sim.inspect(&log, |log: &Log| log.0.clone()).unwrap_or_default();
//!
//! sim.tell(a, &log, 1);
//! sim.run_for(Duration::from_secs(1));
//! sim.partition(a, b);
//! sim.tell(a, &log, 2);
//! sim.run_for(Duration::from_secs(5));
//! assert_eq!(seen(&sim), [1]);
//! sim.heal(a, b);
//! sim.run_for(Duration::from_secs(1));
//! assert_eq!(seen(&sim), [1, 2]);
//! sim.restart(b);
//! sim.tell(a, &log, 3);
//! sim.run_for(Duration::from_secs(1));
//! assert_eq!(seen(&sim), [3]); // another life, the same well-known actor
//! ```
//!
//! # What is modelled
//!
//! - **Messages within a system** move as values, as they do on tokio, each after a short delay of its own,
//!   so that different pairs overtake each other. They are never lost while the system lives.
//! - **Messages between systems** are encoded and decoded with postcard and are on their way for a latency.
//!   Each direction between two systems has a connection. When it breaks, what is on its way is lost, a
//!   suffix for every pair; what follows waits for a new connection, at most 30 s and 64 MiB, in order. This
//!   is the contract of real links: **what is lost stays lost, nothing is reordered within a pair or
//!   doubled**. [`Faults::message_loss`] goes beyond it and loses single messages, for protocols that
//!   must survive more than they are promised.
//! - **Order per pair** holds under every fault, at most once too. The contract has no room for duplicates;
//!   [`Faults::duplication`] concerns only actors for which a test asks for them
//!   ([`accept_duplicates`](Sim::accept_duplicates)).
//! - **Partitions** cut directions, one by one if need be. A cut connection is noticed after 13 s: until then
//!   a heal brings everything, late; then it is lost.
//! - **Crashes** lose a system's actors, timers, mailboxes and reply addresses. It starts again with a new
//!   incarnation by the closure it was [added](Sim::add_system) with: refs to earlier lives reach nobody,
//!   well-known ones do.
//! - **Actors** can panic, pause, or be slow; their timers can be late, but stay in order. Supervision, the
//!   reports and the statistics are those of the real runtime: the code is shared.
//! - **Wall clocks** have an offset, drift and jump. Elapsed time and timers do not: they are the world's.
//! - **A cloned identity** is a second system with the address and incarnation of a first
//!   ([`add_twin`](Sim::add_twin)).
//!
//! # What is not
//!
//! - Handlers take no time unless their system is slow, and then all the same; between two messages of one
//!   actor, others run.
//! - The two directions of a link break apart from each other, which one TCP connection would not do, and a
//!   handshake succeeds whichever direction is cut.
//! - Frames, pings, threads, the bytes of handshakes: the real link has tests of its own.
//! - What an actor brings from outside its `Context`: an actor that asks a clock, iterates over a hash map
//!   with a random seed or compares addresses in memory breaks the replay. The [hash](Sim::trace_hash) of a
//!   run shows that it did, since it covers what every message says, but not where.
//! - A seed means something for one build. A change of the actors, of the faults, or of the simulator gives
//!   it another meaning.

mod arrivals;
mod control;
mod dice;
mod faults;
mod flight;
mod links;
mod queue;
mod seat;
mod surface;
mod system;
mod trace;
mod trouble;
mod wire;
mod world;

use std::{fmt, sync::Arc, time::Duration};

pub use faults::{Episodes, Faults};
use seat::{Hands, Seat};
use system::{SystemState, WallClock};
pub use trace::TraceHash;
use world::World;

use crate::{
    Address,
    refs::{ActorId, Incarnation, RawRef},
};

/// A world of simulated systems.
///
/// Nothing happens in it but within [`run_for`](Sim::run_for) and its kin.
pub struct Sim {
    world: World,
    /// Everyone who sends, by a number that is never used again. The gone leave a gap.
    seats: Vec<Option<Seat>>,
}

/// Names a simulated system in its world, through all its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemId(usize);

impl Sim {
    /// An empty world.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let mut sim = Sim { world: World::new(seed, faults), seats: Vec::new() };
        sim.plan_troubles();
        sim
    }

    /// Adds a system that others reach at `address`, and starts it. `boot` spawns its actors and tells them
    /// what they need; it runs now and after each crash.
    ///
    /// A second system of the same address is a twin with an incarnation of its own, see
    /// [`add_twin`](Sim::add_twin).
    pub fn add_system(
        &mut self,
        address: &str,
        boot: impl FnMut(&mut Sim, SystemId) + 'static,
    ) -> SystemId {
        let incarnation = Incarnation::from_random(self.world.dice.number());
        self.add(&Address::new(address), incarnation, Box::new(boot))
    }

    /// Adds a system with the identity of another, as a copied machine has it: address and incarnation. Its
    /// actors are its own and start from their constructors. Whoever connects to the address finds one of
    /// the two, by chance and anew with every connection; each of them means itself by it.
    pub fn add_twin(
        &mut self,
        of: SystemId,
        boot: impl FnMut(&mut Sim, SystemId) + 'static,
    ) -> SystemId {
        let SystemState { address, incarnation, .. } = &self.world.systems[of.0];
        let (address, incarnation) = (address.clone(), *incarnation);
        self.add(&address, incarnation, Box::new(boot))
    }

    fn add(&mut self, address: &Address, incarnation: Incarnation, boot: system::Boot) -> SystemId {
        let World { dice, faults, .. } = &mut self.world;
        let offset = i64::try_from(faults.clock_offset.as_millis()).unwrap_or(i64::MAX / 4);
        let clock = WallClock {
            offset_millis: dice.either_way(offset),
            drift_ppm: dice.either_way(faults.clock_drift_ppm.into()),
        };
        let system = self.world.systems.len();
        let name = self.world.name(address);
        self.world.claimants[name].push(system);
        let mut state = SystemState::new(address.clone(), name, clock);
        state.boot = Some(boot);
        self.world.systems.push(state);
        self.begin_life(SystemId(system), incarnation);
        SystemId(system)
    }

    fn begin_life(&mut self, system: SystemId, incarnation: Incarnation) {
        let state = &mut self.world.systems[system.0];
        state.begin(self.world.now, incarnation);
        state.outside = self.seats.len() as u32;
        let hands = outside_hands(&self.world, system.0);
        self.seats.push(Some(Seat::new(hands, None, Arc::default())));
        self.world.note_system(system.0, 1, "starts");
        self.world.reconnect(system.0);
        // The closure is taken out while it runs, since it is given the world.
        if let Some(mut boot) = self.world.systems[system.0].boot.take() {
            boot(self, system);
            self.world.systems[system.0].boot = Some(boot);
        }
    }

    /// Keeps the last `lines` events as text for [`trace`](Sim::trace). Without it only the hash is kept.
    #[must_use]
    pub fn with_trace(mut self, lines: usize) -> Self {
        self.world.trace.keep(lines);
        self
    }

    /// The last events, one line each, with the time in seconds since the world began.
    pub fn trace(&self) -> impl Iterator<Item = &str> {
        self.world.trace.lines()
    }

    /// A hash of all that has happened so far: of every message its time, sender, receiver and content, of
    /// every delivery, loss, report and fault its time. The same seed, actors and calls give the same.
    pub fn trace_hash(&self) -> TraceHash {
        self.world.trace.hash()
    }

    /// The time since the world began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.world.now)
    }
}

/// What the outside of a system sends with.
fn outside_hands(world: &World, system: usize) -> Hands {
    let state = &world.systems[system];
    // A number that no actor has: the outside can send, and not be sent to.
    let id = ActorId(ActorId::FIRST_REPLY - 1);
    let me = RawRef { address: state.address.clone(), incarnation: state.incarnation, id };
    Hands::new(me, system, state.outside)
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("elapsed", &self.elapsed())
            .field("systems", &self.world.systems.len())
            .field("trace_hash", &self.trace_hash())
            .finish_non_exhaustive()
    }
}
