//! What a server does before it ends, and what it keeps to be written down.

use kvcommon::Stamp;
use kvserver::entry::Entry;
use kvserver::members::Message;

use crate::world::{Seen, World, secs};

/// Hands a megabyte each over to be written down.
fn set_aside(world: &mut World, keys: std::ops::Range<usize>) {
    let (system, members) = (world.system(0), world.members(0));
    let value = "v".repeat(1 << 20);
    for number in keys {
        let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
        let entries = vec![Entry::new(stamp, &format!("key/{number}"), Some(&value))];
        world.sim.tell(system, &members, Message::SetAside { entries });
    }
    world.sim.run_for(secs(1));
}

#[test]
fn what_was_set_aside_is_kept_until_it_is_fetched_but_for_the_size() {
    let mut world = World::of(&[1]);
    for from in [0, 40] {
        set_aside(&mut world, from..from + 40);
        assert_eq!(world.take_aside(0).len(), 40, "room is made by fetching");
    }
    set_aside(&mut world, 0..70);
    let kept = world.take_aside(0).len();
    assert!((60..68).contains(&kept), "{kept}");
}

#[test]
fn who_asks_for_what_was_set_aside_is_answered_when_there_is_something() {
    let mut world = World::of(&[1]);
    let (system, members) = (world.system(0), world.members(0));
    let said = world.sim.ask(system, &members, |reply| Message::TakeAside { reply });
    world.sim.run_for(secs(5));
    set_aside(&mut world, 0..1);
    assert_eq!(world.sim.run_until_answer(said, secs(1)).map(|entries| entries.len()), Some(1));
}

#[test]
fn a_server_does_not_end_before_what_was_set_aside_is_fetched() {
    let mut world = World::of(&[1, 1]);
    set_aside(&mut world, 0..1);
    let (system, members) = (world.system(0), world.members(0));
    let said = world.sim.ask(system, &members, |reply| Message::Leave { reply: Some(reply) });
    world.sim.run_for(secs(1));
    assert_eq!(world.take_aside(0).len(), 1, "it has waited");
    assert_eq!(world.sim.run_until_answer(said, secs(1) / 2), Some(true));
}

#[test]
fn a_server_does_not_end_before_the_others_have_what_was_written_here() {
    let mut world = World::of(&[2, 1]);
    let (system, members) = (world.system(0), world.members(0));
    world.cut_off(0, &[1]);
    for actor in [0, 1] {
        world.write((0, actor), &format!("key/{actor}"), Some("v"));
    }
    let said = world.sim.ask(system, &members, |reply| Message::Leave { reply: Some(reply) });
    world.sim.run_for(secs(1) / 2);
    assert_eq!(world.statuses(0).len(), 1, "it has not ended yet");
    world.reunite(0, &[1]);
    assert_eq!(world.sim.run_until_answer(said, secs(2)), Some(true));
    for actor in [0, 1] {
        assert_eq!(world.get((1, 0), &format!("key/{actor}")), Seen::value("v"));
    }
    world.sim.run_for(secs(10));
    assert_eq!(world.statuses(1).len(), 0, "it has said goodbye, and nothing after that");
}
