//! The checks can fail.

use super::*;

const A: ClientId = ClientId(1);
const B: ClientId = ClientId(2);

fn epoch(state: u64) -> Epoch {
    Epoch { place: Place { server: 0, actor: 0 }, state }
}

fn stamp(millis: u64) -> Stamp {
    Stamp { millis, counter: 0, uid: 9 }
}

fn seen(millis: u64, value: &str) -> Seen {
    Seen { stamp: stamp(millis), value: Some(value.to_owned()) }
}

fn deleted(millis: u64) -> Seen {
    Seen { stamp: stamp(millis), value: None }
}

/// Client A has put v1 at 10 and v2 at 20, in state 1.
fn history() -> History {
    let mut history = History::default();
    for (value, millis) in [("v1", 10), ("v2", 20)] {
        history.putting("k", value);
        history.stored(A, epoch(1), "k", Some(value), stamp(millis)).unwrap();
    }
    history
}

#[track_caller]
fn check(result: &Result<(), Violation>, expected: Option<Invariant>) {
    assert_eq!(result.as_ref().err().map(|violation| violation.invariant), expected, "{result:?}");
}

#[test]
fn a_client_reads_its_own_writes() {
    check(&history().read(A, epoch(1), "k", Some(&seen(20, "v2"))), None);
    check(&history().read(A, epoch(1), "k", Some(&seen(10, "v1"))), Some(Invariant::Session));
    check(&history().read(A, epoch(1), "k", None), Some(Invariant::Session));
}

#[test]
fn another_client_or_another_state_may_be_behind_but_never_goes_back() {
    let mut history = history();
    check(&history.read(A, epoch(2), "k", None), None);
    check(&history.read(B, epoch(2), "k", Some(&seen(20, "v2"))), None);
    check(&history.read(B, epoch(2), "k", Some(&seen(10, "v1"))), Some(Invariant::Session));
}

#[test]
fn only_what_was_put_can_be_read() {
    check(&history().read(B, epoch(1), "k", Some(&seen(30, "v3"))), Some(Invariant::Issued));
    check(&history().read(B, epoch(1), "other", Some(&seen(20, "v2"))), Some(Invariant::Issued));
    check(&history().read(B, epoch(1), "k", Some(&seen(15, "v2"))), Some(Invariant::Issued));
}

#[test]
fn only_what_was_deleted_can_be_missing() {
    let mut history = history();
    check(&history.read(B, epoch(1), "k", Some(&deleted(30))), Some(Invariant::Issued));
    history.deleting("k");
    check(&history.read(B, epoch(1), "k", Some(&deleted(30))), None);
    check(&history.stored(A, epoch(1), "k", None, stamp(30)), None);
    check(&history.read(B, epoch(1), "k", Some(&deleted(31))), Some(Invariant::Issued));
}

#[test]
fn a_key_gets_a_stamp_once_and_later_ones_after_that() {
    let mut history = history();
    history.putting("k", "v3");
    check(&history.stored(B, epoch(1), "k", Some("v3"), stamp(20)), Some(Invariant::Issued));
    history.putting("k", "v4");
    check(&history.stored(A, epoch(1), "k", Some("v4"), stamp(15)), Some(Invariant::StampsGrow));
}

#[test]
fn what_a_state_has_shown_is_remembered() {
    let mut history = history();
    check(&history.read(B, epoch(2), "k", Some(&seen(10, "v1"))), None);
    let shown: Vec<_> = history.shown().collect();
    assert_eq!(shown, [(epoch(1), "k", stamp(20)), (epoch(2), "k", stamp(10))]);
}

#[test]
fn what_was_asked_before_a_write_was_heard_of_may_be_answered_without_it() {
    let at = Duration::from_millis;
    let mut history = history();
    history.putting("k", "v3");
    history.hears(at(10), at(30));
    history.stored(A, epoch(3), "k", Some("v3"), stamp(30)).unwrap();
    history.hears(at(20), at(40));
    check(&history.read(B, epoch(3), "k", None), None);
    history.hears(at(30), at(40));
    check(&history.read(B, epoch(3), "k", None), Some(Invariant::Session));
    history.putting("k", "v4");
    history.hears(at(10), at(60));
    history.stored(A, epoch(3), "k", Some("v4"), stamp(40)).unwrap();
    history.hears(at(50), at(70));
    check(&history.read(B, epoch(3), "k", None), Some(Invariant::Session));
}
