//! The same work done with other crates, each used as its documentation has it.

pub mod actix;
pub mod channel;
pub mod kameo;
pub mod ractor;

use tokio::runtime::{Builder, Runtime};

/// Messages told in one measurement.
pub const TELLS: u64 = 3_000_000;
/// Questions asked in one measurement.
pub const ASKS: u64 = 300_000;

/// The runtime of every measurement: one thread for the actor, so that all are alike and none migrates.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
