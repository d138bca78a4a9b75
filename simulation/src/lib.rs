//! Whole worlds of storage servers in the simulator, under faults, checked against what must hold.
//!
//! A seed makes a [`Plan`]: how many servers and query actors there are, who asks them for what, what
//! goes wrong meanwhile ([`Profile`]), and how it ends. [`run`] carries it out and gives the first
//! [`Violation`] of an [`Invariant`]. The actors are the servers' own; only their sockets are missing.
//! Clients ask like real ones, with the bytes of the client protocol, and all that is checked is what
//! clients are told, what the runtime counts, and what the actors say of themselves: what they keep for
//! others, what came to them twice, how many tombstones they have.
//!
//! # What is not checked
//!
//! - Visibility in milliseconds while servers join: it is checked once all have joined.
//! - Large stores: most worlds have a dozen keys at most, so that all of them meet, and none more than
//!   200. So memory is checked against the number of keys; the limits in MiB have tests of their own.
//! - How often an entry comes twice where actors lose their state or servers are cut off for long:
//!   whoever comes back fetches what it is told as well. An entry that two actors of a server get, one
//!   from a stream and one by comparing, is not seen to come twice.
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
