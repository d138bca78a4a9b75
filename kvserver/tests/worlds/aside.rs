//! What a member wrote that was away for so long that it has to begin anew.

use kvcommon::Stamp;

use crate::world::{Seen, World, secs};

/// The third server is cut off. What it has written is followed by a deletion of the others, with this
/// stamp, which is collected without it.
fn away() -> (World, Stamp) {
    let mut world = World::of(&[2, 2, 2]);
    world.sim.run_for(secs(15));
    world.cut_off(2, &[0, 1]);
    world.sim.run_for(secs(1));
    world.write((2, 0), "early", Some("v"));
    world.write((2, 1), "gone", None);
    world.sim.run_for(secs(1));
    let deletion = world.write((0, 0), "deleted", None);
    world.sim.run_for(secs(10));
    assert_eq!(world.forget(0, 2), Ok(()));
    world.sim.run_for(secs(30));
    assert_eq!(world.get((1, 0), "deleted"), Seen::Nothing, "it is collected");
    (world, deletion)
}

/// Whether a key was deleted meanwhile, nobody knows, where that may have been later than the write.
#[test]
fn what_was_set_aside_is_a_new_write_if_what_is_later_was_deleted_for_good() {
    let (mut world, deletion) = away();
    let late = world.write((2, 0), "late", Some("v"));
    world.reunite(2, &[0, 1]);
    world.sim.run_for(secs(60));
    let stamps = ["early", "late"].map(|key| world.stamp((0, 0), key).unwrap());
    assert!(stamps[0] > late, "it was written when it was offered: {stamps:?}");
    assert!(late > deletion);
    assert_eq!(stamps[1], late, "it stays as it was");
    for key in ["early", "late"] {
        assert_eq!(world.everywhere(key), Seen::value("v"));
    }
    assert_eq!(world.everywhere("gone"), Seen::Nothing);
    world.check();
}

#[test]
fn a_member_that_waits_for_the_store_to_offer_something_does_not_go_round_in_circles() {
    let mut world = away().0;
    world.reunite(2, &[0, 1]);
    while world.health((2, 0)).ready {
        world.sim.run_for(secs(1) / 100);
    }
    world.cut_off(2, &[0, 1]);
    world.sim.run_for(secs(10));
    // What is traced are the last fifty events; the server's ticks are some of them.
    let first = world.sim.trace().next().unwrap().split_whitespace().next().unwrap();
    let last_events = world.sim.elapsed().as_secs_f64() - first.parse::<f64>().unwrap();
    assert!(last_events > 0.2, "fifty events in {last_events} s");
    assert_eq!(world.get((2, 0), "early"), Seen::NotReady);
}
