//! One suite for the delivery contract (SPEC A2–A5, A8), run on every runtime; and the proof that it
//! can fail: run on a runtime that reorders, doubles or drops a message, it says so.
//!
//! `suite.rs` has the checks, `world.rs` what a runtime must offer to be checked, `probe.rs` the actor
//! that does what the checks need, and one file each of the worlds.

#[path = "conformance/on_tokio.rs"]
mod on_tokio;
#[path = "conformance/probe.rs"]
mod probe;
#[path = "conformance/sabotage.rs"]
mod sabotage;
#[path = "conformance/suite.rs"]
mod suite;
#[path = "conformance/world.rs"]
mod world;

use std::time::Duration;

use on_tokio::TokioWorld;
use sabotage::{Fault, Sabotaged};
use suite::failures;

#[test]
fn one_system_on_tokio() {
    assert_eq!(failures(|| Box::new(TokioWorld::one_system(false))), Vec::<String>::new());
}

#[test]
fn one_system_on_tokio_that_encodes_local_messages() {
    assert_eq!(failures(|| Box::new(TokioWorld::one_system(true))), Vec::<String>::new());
}

#[test]
fn two_systems_on_tokio_over_loopback() {
    assert_eq!(
        failures(|| Box::new(TokioWorld::two_systems(Duration::ZERO))),
        Vec::<String>::new()
    );
}

#[test]
fn two_systems_on_tokio_200_ms_apart() {
    let world = || Box::new(TokioWorld::two_systems(Duration::from_millis(200))) as _;
    assert_eq!(failures(world), Vec::<String>::new());
}

#[test]
fn a_runtime_that_breaks_the_contract_is_found_out() {
    for (fault, check) in [
        (Fault::Reorder, "messages_of_a_pair_keep_their_order"),
        (Fault::Duplicate, "messages_of_a_pair_keep_their_order"),
        (Fault::Drop, "messages_of_a_pair_keep_their_order"),
    ] {
        let found = failures(|| Box::new(Sabotaged::new(TokioWorld::one_system(false), fault)));
        assert!(found.iter().any(|failure| failure.starts_with(check)), "{fault:?}: {found:?}");
    }
}
