//! Whole worlds of storage servers in the simulator, under faults, checked against what must hold.
//!
//! A seed makes a [`Plan`]: how many servers and query actors there are, who asks them for what, what
//! goes wrong meanwhile ([`Profile`]), and how it ends. [`run`] carries it out and gives the first
//! [`Violation`] of an [`Invariant`]. The actors are the servers' own; only their sockets are missing.
//! Clients ask like real ones, with the bytes of the client protocol, and all that is checked is what
//! clients are told and what the runtime counts.
//!
//! # What is not checked
//!
//! - How often an entry is delivered twice, how much memory is kept for others, and the collection of
//!   tombstones: no client can see them.
//! - Visibility in milliseconds while servers join: it is checked once all have joined.
//! - Large stores: a world has a dozen keys at most, so that all of them meet.
//!
//! ```
//! use simulation::{Plan, Profile, run};
//!
//! let report = run(&Plan::new(1, Profile::Chaos), 0).unwrap();
//! assert!(report.answers > 0);
//! ```

mod client;
mod cluster;
mod gauge;
mod history;
mod invariant;
mod plan;
mod probe;
mod run;
mod survey;

pub use cluster::Place;
pub use history::{ClientId, Epoch};
pub use invariant::{Invariant, Violation};
pub use plan::{Ending, Plan, Profile, Server};
pub use run::{Failure, Report, run};
