//! Typed actors as pure state machines, the same on one machine, on many, and in a simulator.
//!
//! An [`Actor`] takes messages one at a time, keeps private state, and sends messages; time, randomness
//! and every effect go through its [`Context`]. Nothing else is open to it: its constructor is a plain
//! `fn` that can capture nothing, its messages are serialisable plain data, its handler is not `async`.
//! So the same code runs on tokio ([`System`]) and in a deterministic simulator ([`sim`]).
//!
//! # What is guaranteed
//!
//! - **Telling never blocks** and never fails for the sender: mailboxes are unbounded. What cannot be
//!   delivered is dropped and [reported](Report) to the system's `on_error`, at a bounded rate.
//! - **At most once, in order.** What one sender tells one receiver arrives in the order of sending, each
//!   message at most once, and normally exactly once: within a system nothing is lost unless the receiver
//!   stops; between systems what is on its way when a link breaks is lost, and what waits longer than
//!   [`MAX_QUEUED_AGE`] or beyond [`MAX_QUEUED_BYTES`]. Between different pairs no order is promised.
//! - **Refs are data.** An [`ActorRef`] can be stored, compared, serialised, sent anywhere and used by
//!   whoever has it. It reaches one life of its system; a [`WellKnown`] one reaches every life.
//! - **One answer.** A [`ReplyRef`] takes one; a second is dropped and reported. An answer may never come:
//!   put a timeout around a [`Reply`].
//! - **A panic costs one state.** The actor restarts from its constructor, its mailbox waits, its siblings
//!   never notice; a storm of panics stops it. See [`Actor`] for what the fresh state is given.
//! - **Shutdown** frees everything: actors, timers, threads, links, reply addresses.
//! - **Statistics** count every message; see [`Stats`].
//!
//! What a peer sends is bounded before it is read, and none of it can cause a panic. Links are neither
//! encrypted nor authenticated: they belong on a network of friends.
//!
//! # A counter
//!
//! ```
//! use actor::{Actor, Context, ReplyRef, System, SystemConfig};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! enum Count {
//!     Add(i64),
//!     Get(ReplyRef<i64>),
//! }
//!
//! #[derive(Default)]
//! struct Counter {
//!     total: i64,
//! }
//!
//! impl Actor for Counter {
//!     type Message = Count;
//!
//!     fn on_message(&mut self, message: Count, ctx: &mut Context<'_, Count>) {
//!         match message {
//!             Count::Add(number) => self.total += number,
//!             Count::Get(reply_to) => ctx.reply(reply_to, self.total),
//!         }
//!     }
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let system = System::start(SystemConfig::new("127.0.0.1:6000"));
//! let counter = system.spawn(Counter::default);
//! system.tell(&counter, Count::Add(40));
//! system.tell(&counter, Count::Add(2));
//! assert_eq!(system.ask(&counter, Count::Get).await, Some(42));
//! system.shutdown().await;
//! # });
//! ```
//!
//! # The same, from another system
//!
//! A ref says where its actor is; a tell goes there. Here the ref travels as JSON.
//!
//! ```
//! # use actor::{Actor, ActorRef, Context, ReplyRef, System, SystemConfig};
//! # type Ask = ReplyRef<String>;
//! # #[derive(Default)]
//! # struct Greeter;
//! # impl Actor for Greeter {
//! #     type Message = Ask;
//! #     fn on_message(&mut self, reply_to: Ask, ctx: &mut Context<'_, Ask>) {
//! #         ctx.reply(reply_to, "hello from afar".to_owned());
//! #     }
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! async fn linked_system() -> std::io::Result<System> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let system = System::start(SystemConfig::new(&listener.local_addr()?.to_string()));
//!     system.serve(listener);
//!     Ok(system)
//! }
//!
//! let (here, there) = (linked_system().await?, linked_system().await?);
//! let json = serde_json::to_string(&there.spawn(Greeter::default))?;
//!
//! let greeter: ActorRef<Ask> = serde_json::from_str(&json)?;
//! let answer = here.ask(&greeter, |reply_to| reply_to).await;
//! assert_eq!(answer.as_deref(), Some("hello from afar"));
//! # here.shutdown().await;
//! # there.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # A partition, simulated
//!
//! ```
//! # use std::time::Duration;
//! # use actor::{Actor, ActorRef, Context, WellKnown, sim::{Faults, Sim}};
//! # #[derive(Default)]
//! # struct Log(Vec<u64>);
//! # impl Actor for Log {
//! #     type Message = u64;
//! #     fn on_message(&mut self, number: u64, _: &mut Context<'_, u64>) { self.0.push(number); }
//! # }
//! let mut sim = Sim::new(7, Faults::none());
//! let a = sim.add_system("a:1", |_, _| {});
//! let b = sim.add_system("b:1", |_, _| {});
//! let log = sim.spawn(b, Log::default);
//!
//! sim.partition(a, b);
//! sim.tell(a, &log, 1);
//! sim.run_for(Duration::from_secs(5)); // of virtual time
//! assert_eq!(sim.inspect(&log, |log: &Log| log.0.clone()), Some(vec![]));
//! sim.heal(a, b);
//! sim.run_for(Duration::from_secs(1));
//! assert_eq!(sim.inspect(&log, |log: &Log| log.0.clone()), Some(vec![1]));
//! ```
//!
//! # Where to read on
//!
//! `actor`, `message` and `refs` are what a program writes and holds; `context` what a handler can do and
//! what a runtime must offer; `cell` one actor with its supervision, shared by both runtimes; `mailbox` and
//! `load` how a typed message passes through untyped hands; `replies` where answers are waited for;
//! `system` actors on tokio; `link` the way to other systems; [`sim`] the simulator. The figures are in
//! `docs/actors.md`.

mod actor;
mod cell;
mod context;
mod link;
mod load;
mod mailbox;
mod message;
mod refs;
mod replies;
mod reply;
mod report;
mod shared_bytes;
pub mod sim;
mod stats;
mod system;
mod timers;

pub use actor::Actor;
pub use cell::{MAX_RESTARTS, RESTART_WINDOW};
pub use context::{Context, Now};
#[doc(hidden)]
pub use link::fuzzing;
pub use link::{MAX_QUEUED_AGE, MAX_QUEUED_BYTES, frame::MAX_REMOTE_MESSAGE_BYTES};
pub use message::Message;
pub use refs::{ActorRef, Address, Incarnation, ReplyRef, WellKnown};
pub use reply::Reply;
pub use report::{Cause, LINKS_TO_ITSELF, OnError, Report};
pub use shared_bytes::SharedBytes;
pub use stats::Stats;
pub use system::{System, SystemConfig};
