//! What anyone can say who reaches the port for servers.

use kvserver::members;
use kvserver::query_actor::{Frame, Member, Message, Note, Siblings, Sync};

use crate::world::{Seen, World, address, secs};

/// A server that holds a key, and another system that is no server.
fn world() -> (World, actor::sim::SystemId) {
    let mut world = World::of(&[2, 1]);
    world.write((0, 0), "key", Some("v"));
    world.sim.run_for(secs(1));
    let stranger = world.sim.add_system("stranger:1", |_, _| {});
    (world, stranger)
}

#[test]
fn what_is_said_within_a_server_is_not_taken_from_elsewhere() {
    let (mut world, stranger) = world();
    let actor = world.actor((0, 0));
    let nowhere = || Siblings { actors: Vec::new(), me: 70_000, home: None };
    for message in [
        Message::Start(nowhere()),
        Message::Resume(nowhere()),
        Message::Notes(vec![Note::Generation(u64::MAX), Note::Forget(address(1))]),
        Message::Sync(Sync { from: 1, generation: u64::MAX, ..Sync::default() }),
        Message::Work,
        Message::Compare,
    ] {
        world.sim.tell(stranger, &actor, message);
    }
    let members = world.members(0);
    for message in [
        members::Message::Forget { address: address(1), reply: None },
        members::Message::Resumed { place: 0 },
        members::Message::Leave { reply: None },
    ] {
        world.sim.tell(stranger, &members, message);
    }
    world.sim.run_for(secs(5));
    let system = world.system(0);
    assert_eq!(world.sim.reports(system).len(), 9, "{:?}", world.sim.reports(system));
    world.sim.panic_actor(&actor);
    world.sim.run_for(secs(1));
    assert_eq!(world.get((0, 0), "key"), Seen::value("v"));
    assert_eq!(world.statuses(0).len(), 1, "it has neither left nor forgotten anybody");
    world.write((1, 0), "key", Some("later"));
    world.sim.run_for(secs(1));
    assert_eq!(world.everywhere("key"), Seen::value("later"));
    world.check();
}

#[test]
fn an_actor_that_has_begun_is_not_told_again_where_it_is() {
    let mut world = World::of(&[2]);
    world.write((0, 0), "key", Some("v"));
    let (system, actor) = (world.system(0), world.actor((0, 0)));
    let actors = vec![actor.clone()];
    for (actors, me) in [(Vec::new(), 70_000), (actors.clone(), 1), (actors, 0)] {
        world.sim.tell(system, &actor, Message::Start(Siblings { actors, me, home: None }));
    }
    world.sim.run_for(secs(1));
    assert_eq!(world.get((0, 0), "key"), Seen::value("v"));
    world.sim.panic_actor(&actor);
    world.sim.run_for(secs(1));
    assert_eq!(world.get((0, 0), "key"), Seen::value("v"), "it has got it from its sibling");
}

#[test]
fn a_mark_from_the_end_of_time_does_not_take_the_stamps_there() {
    let (mut world, stranger) = world();
    let actor = world.actor((0, 0));
    let introduce = Member { address: world.sim.address(stranger).clone(), server: 77, actors: 1 };
    let mark = serde_json::json!({ "claim": "New", "collected": null, "floor_millis": u64::MAX });
    let frame = Frame {
        server: 77,
        from: 0,
        state: 1,
        to_state: None,
        introduce: Some(introduce),
        data: None,
        ack: None,
        request: None,
        chunk: None,
        digest: None,
        mark: serde_json::from_value(mark).unwrap(),
        sweep: None,
    };
    world.sim.tell(stranger, &actor, Message::Frame(Box::new(frame)));
    world.sim.run_for(secs(3));
    let system = world.system(0);
    let now = world.sim.now_in(system).wall_millis;
    for place in world.places() {
        let stamp = world.write(place, "key", Some("v"));
        assert!(stamp.millis < now + 60_000, "{place:?} writes at {stamp:?}");
    }
    world.check();
}

#[test]
fn a_copy_of_a_server_with_its_number_harms_nobody() {
    let mut world = World::of(&[2, 2, 1]);
    world.write((0, 0), "key", Some("before"));
    world.sim.run_for(secs(2));
    let copy = world.add_as(1, 2, &[0]);
    for step in 0..30 {
        let (key, value) = (format!("key/{step}"), step.to_string());
        world.write((step % 3, 0), &key, Some(&value));
        world.write((copy, 1), "key", Some("from the copy"));
        world.sim.run_for(secs(1));
    }
    for place in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)] {
        assert!(world.health(place).ready, "{place:?}");
        for step in 0..30 {
            let seen = world.get(place, &format!("key/{step}"));
            assert_eq!(seen, Seen::value(&step.to_string()), "{place:?}");
        }
    }
    let known = world.statuses(0).into_iter().filter(|one| one.server == Some(2001));
    let known: Vec<_> = known.map(|one| one.address).collect();
    assert_eq!(known, [address(1)], "whoever came first is listened to");
    world.check();
}
