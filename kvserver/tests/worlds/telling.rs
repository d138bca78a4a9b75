//! What a members actor tells its query actors, and how often.

use kvserver::members::Message;

use crate::world::{World, secs};

#[test]
fn query_actors_are_not_told_more_than_ten_things_in_a_second() {
    let mut world = World::of(&[2]);
    let (system, members) = (world.system(0), world.members(0));
    for number in 0..200 {
        world.sim.tell(system, &members, Message::Resumed { place: number % 2 });
        world.sim.run_for(secs(1) / 50);
    }
    world.check();
}

#[test]
fn a_members_actor_that_panics_tells_no_more_than_it_may() {
    let mut world = World::of(&[2, 1]);
    let (system, members) = (world.system(0), world.members(0));
    for number in 0..100 {
        // As often as it may panic, and just when it has told something.
        if number % 8 == 0 && number < 40 {
            world.sim.panic_actor(&members);
        }
        world.sim.tell(system, &members, Message::Resumed { place: number % 2 });
        world.sim.run_for(secs(1) / 50);
    }
    assert_eq!(world.statuses(0).len(), 1, "it knows the other one all the same");
    world.check();
}

#[test]
fn how_a_server_is_is_told_every_other_second() {
    let mut world = World::of(&[2]);
    let mut ages = Vec::new();
    for _ in 0..100 {
        world.sim.run_for(secs(1) / 10);
        ages.push(world.status((0, 1)).unwrap().0);
    }
    assert!((1850..2200).contains(ages.iter().max().unwrap()), "{ages:?}");
}

#[test]
fn how_a_server_is_is_not_told_before_all_its_actors_have_said_how_they_are() {
    let mut world = World::of(&[2]);
    let new = world.add(3, &[]);
    let told = |world: &mut World| {
        for _ in 0..1000 {
            world.sim.run_for(secs(1) / 200);
            if let Some((_, json)) = world.status((new, 2)) {
                return json;
            }
        }
        panic!("it is never told");
    };
    let json = told(&mut world);
    assert!(json.contains("\"ready\":true"), "{json}");
}
