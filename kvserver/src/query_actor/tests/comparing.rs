//! Comparisons, as an actor with nothing else to do drives them.

use super::stage::{KEEPING, Stage};
use crate::digest::{self, SIBLING_EVERY};

#[test]
fn sums_are_made_for_a_round_though_nothing_else_is_to_be_done() {
    let mut stage = Stage::of(0, 2, KEEPING);
    let keys = ["a", "b", "c", "d", "e", "f", "g"];
    for key in keys.iter().chain(&keys) {
        stage.write(key, Some("v"));
    }
    assert!(!stage.look(|actor| actor.comparing.has_work()));
    stage.sim.run_for(SIBLING_EVERY);
    let mut said = stage.syncs(1).into_iter().flat_map(|sync| sync.digest);
    assert!(said.any(|message| matches!(message, digest::Message::Root(..))), "a round has begun");
}
