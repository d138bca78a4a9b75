//! Tombstones are collected when nobody can need them any more.

use std::collections::BTreeSet;

use kvserver::query_actor::{Keeping, Message, Note};

use super::world::{KEEPING, Seen, World, secs};

#[test]
fn a_single_server_collects_its_tombstones() {
    let mut world = World::of(&[3]);
    world.write((0, 1), "key", Some("v"));
    let deleted = world.write((0, 2), "key", None);
    world.sim.run_for(secs(9));
    assert_eq!(world.everywhere("key"), Seen::Deleted(deleted), "it is too young");
    world.sim.run_for(secs(6));
    assert_eq!(world.everywhere("key"), Seen::Nothing);
    assert_eq!(world.tombstones(), 0);
    world.check();
}

#[test]
fn a_single_actor_collects_its_tombstones() {
    let mut world = World::of(&[1]);
    for number in 0..3_u32 {
        world.write((0, 0), &format!("key/{number}"), None);
        world.sim.run_for(secs(15));
    }
    world.sim.run_for(secs(5));
    assert_eq!(world.tombstones(), 0);
}

#[test]
fn all_servers_collect_together_round_after_round() {
    let mut world = World::of(&[2, 3, 1]);
    for round in 0..3_u32 {
        for place in world.places() {
            world.write(place, &format!("{place:?}/{round}"), Some("v"));
        }
        world.sim.run_for(secs(1));
        for place in world.places() {
            world.write(place, &format!("{place:?}/{round}"), None);
        }
        world.sim.run_for(secs(3));
    }
    assert_eq!(world.tombstones(), 6 * 18);
    world.sim.run_for(secs(30));
    assert_eq!(world.tombstones(), 0);
    let rounds: Vec<_> = world.places().into_iter().map(|place| world.health(place)).collect();
    assert!(rounds.iter().all(|health| health.swept == Some(health.collected)), "{rounds:?}");
    world.check();
}

#[test]
fn many_tombstones_take_many_rounds() {
    let mut world = World::of(&[2, 2]);
    for number in 0..10_000 {
        world.write((number % 2, 0), &format!("key/{number}"), None);
    }
    world.sim.run_for(secs(5));
    assert_eq!(world.tombstones(), 40_000);
    world.sim.run_for(secs(30));
    assert_eq!(world.tombstones(), 0);
    world.check();
}

#[test]
fn a_member_that_is_away_pins_the_tombstones() {
    let mut world = World::of(&[2, 2, 2]);
    world.write((2, 0), "key", Some("v"));
    world.sim.run_for(secs(1));
    let (away, others) = (world.system(2), [world.system(0), world.system(1)]);
    others.iter().for_each(|other| world.sim.partition(away, *other));
    world.write((2, 0), "mine", Some("v"));
    let deleted = world.write((0, 0), "key", None);
    world.sim.run_for(secs(40));
    assert_eq!(world.get((1, 1), "key"), Seen::Deleted(deleted));
    assert_eq!(world.get((2, 1), "key"), Seen::value("v"));
    others.iter().for_each(|other| world.sim.heal(away, *other));
    world.sim.run_for(secs(20));
    assert_eq!(world.everywhere("key"), Seen::Nothing);
    assert_eq!(world.everywhere("mine"), Seen::value("v"));
    assert_eq!(world.tombstones(), 0);
    world.check();
}

#[test]
fn nobody_collects_what_is_too_young_by_its_own_clock() {
    let mut world = World::of(&[1, 1]);
    let ahead = world.system(0);
    world.sim.jump_clock(ahead, 40_000);
    world.write((0, 0), "key", None);
    world.sim.run_for(secs(30));
    assert_eq!(world.tombstones(), 2, "by the other clock it was deleted in the future");
    world.sim.run_for(secs(45));
    assert_eq!(world.tombstones(), 0);
    world.check();
}

/// Whoever was told the larger age notices, be it the one that begins the rounds or the other.
#[test]
fn servers_that_were_told_different_ages_say_so() {
    let long = Keeping { tombstones: secs(200), retention: secs(1000), ..KEEPING };
    for (first, second) in [(KEEPING, long), (long, KEEPING)] {
        let mut world = World::of(&[]);
        world.add_keeping(first, 1, &[]);
        world.sim.run_for(secs(2));
        world.add_keeping(second, 2, &[0]);
        world.sim.run_for(secs(4));
        world.write((0, 0), "key", None);
        let mut noticed = BTreeSet::new();
        for _ in 0..250 {
            world.sim.run_for(secs(1));
            noticed.extend((0..2).filter(|server| world.health((*server, 0)).ages_differ));
        }
        let longer = usize::from(second == long);
        assert_eq!(noticed, BTreeSet::from([longer]));
        assert_eq!(world.tombstones(), 0, "they wait for the larger age");
    }
    let mut world = World::of(&[1, 1]);
    world.write((0, 0), "key", None);
    world.sim.run_for(secs(60));
    assert!(!world.health((0, 0)).ages_differ && !world.health((1, 0)).ages_differ);
}

#[test]
fn a_write_after_a_collection_beats_what_was_collected_whatever_the_clock_says() {
    let mut world = World::of(&[1, 1]);
    let deleted = world.write((0, 0), "key", None);
    world.sim.run_for(secs(20));
    assert_eq!(world.everywhere("key"), Seen::Nothing);
    for server in [0, 1] {
        let system = world.system(server);
        world.sim.jump_clock(system, -3_600_000);
        assert!(world.write((server, 0), "key", Some("v")) > deleted);
    }
    world.sim.run_for(secs(1));
    assert_eq!(world.everywhere("key"), Seen::value("v"));
}

#[test]
fn panics_and_joins_in_the_middle_of_rounds_leave_no_tombstone_behind() {
    for seed in 0..6_u32 {
        let mut world = World::of(&[2, 3]);
        let key = |number: u32| format!("key/{number}");
        for number in 0..60 {
            world.write(((number % 2) as usize, number % 2), &key(number), Some("v"));
        }
        for number in 0..60 {
            world.write(((number % 2) as usize, 0), &key(number), None);
            world.sim.run_for(secs(1) / 4);
            if number % 7 == seed {
                let places = world.places();
                let actor = world.actor(places[(number + seed) as usize % places.len()]);
                world.sim.panic_actor(&actor);
            }
            if number == 40 {
                world.add(2, &[1]);
            }
        }
        world.sim.run_for(secs(60));
        for number in 0..60 {
            assert_eq!(world.everywhere(&key(number)), Seen::Nothing, "seed {seed}");
        }
        assert_eq!(world.tombstones(), 0, "seed {seed}");
        world.check();
    }
}

#[test]
fn servers_that_come_back_one_behind_the_other_begin_anew_once_however_much_they_write() {
    let mut world = World::of(&[2, 1, 2, 1, 2]);
    for key in ["deleted", "stays"] {
        world.write((4, 1), key, Some("v"));
    }
    world.sim.run_for(secs(15));
    for away in [3, 4] {
        world.cut_off(away, &[0, 1, 2]);
    }
    world.sim.run_for(secs(10));
    world.write((0, 0), "deleted", None);
    for away in [3, 4] {
        assert_eq!(world.forget(0, away), Ok(()));
    }
    world.sim.run_for(secs(30));
    assert_eq!(world.get((1, 0), "deleted"), Seen::Nothing, "it is collected without them");

    // The last one hears only the one before it, which is to take nothing from it while it fetches.
    world.reunite(3, &[0, 1, 2]);
    let mut begun_anew = 0;
    let mut was_ready = true;
    for step in 0..600 {
        for (place, key) in [((3, 0), "three"), ((4, 0), "four"), ((4, 1), "four too")] {
            world.write(place, key, Some(&step.to_string()));
        }
        world.sim.run_for(secs(1) / 10);
        let ready = [(3, 0), (4, 0), (4, 1)].map(|place| world.health(place).ready);
        let all = ready.iter().all(|one| *one);
        begun_anew += usize::from(was_ready && !all);
        was_ready = all;
    }
    assert!(was_ready, "they are ready in the end");
    assert_eq!(begun_anew, 2, "each of them once");
    world.reunite(4, &[0, 1, 2]);
    world.sim.run_for(secs(5));
    for key in ["three", "four", "four too"] {
        assert_eq!(world.everywhere(key), Seen::value("599"));
    }
    assert_eq!(world.everywhere("deleted"), Seen::Nothing);
    assert_eq!(world.everywhere("stays"), Seen::value("v"));
    world.check();
}

#[test]
fn rounds_that_several_begin_at_once_hold_up_nothing() {
    let mut world = World::of(&[2, 1, 2]);
    let keys: Vec<String> = (0..20).map(|number| format!("key/{number}")).collect();
    for key in &keys {
        world.write((0, 0), key, Some("v"));
    }
    world.sim.run_for(secs(1));
    for key in &keys {
        world.write((1, 0), key, None);
    }
    world.sim.run_for(KEEPING.tombstones - secs(1));
    // Each believes to be the one to begin, and none hears the others until all have begun.
    for server in [0, 1, 2] {
        let (system, actor) = (world.system(server), world.actor((server, 0)));
        world.sim.tell(system, &actor, Message::Notes(vec![Note::Lead(true)]));
    }
    for (server, others) in [(0, [1, 2].as_slice()), (1, &[2])] {
        world.cut_off(server, others);
    }
    world.sim.run_for(secs(4));
    let places = world.places();
    let rounds: BTreeSet<_> = places.into_iter().map(|place| world.health(place).swept).collect();
    assert_eq!(rounds.len(), 3, "each server has its own round");
    for (server, others) in [(0, [1, 2].as_slice()), (1, &[2])] {
        world.reunite(server, others);
    }
    world.sim.run_for(secs(20));
    assert_eq!(world.tombstones(), 0);
    for key in keys {
        assert_eq!(world.everywhere(&key), Seen::Nothing);
    }
    world.check();
}

#[test]
fn a_round_deletes_where_the_deletion_was_never_heard_of() {
    let mut world = World::of(&[1, 1, 1]);
    world.write((2, 0), "key", Some("v"));
    world.sim.run_for(secs(15));
    // The first server hears of the deletion, the second one does not, and who has written it is gone.
    world.cut_off(1, &[0, 2]);
    world.write((2, 0), "key", None);
    world.sim.run_for(secs(1));
    let gone = world.system(2);
    world.sim.crash(gone);
    world.sim.run_for(secs(10));
    for server in [0, 1] {
        assert_eq!(world.forget(server, 2), Ok(()));
    }
    world.sim.run_for(secs(5));
    assert!(matches!(world.get((0, 0), "key"), Seen::Deleted(_)));
    let before = world.health((1, 0)).swept;

    world.reunite(1, &[0]);
    let mut seen = Seen::value("v");
    while world.health((1, 0)).swept == before {
        seen = world.get((1, 0), "key");
        world.sim.run_for(secs(1) / 100);
    }
    assert_eq!(seen, Seen::value("v"), "comparing has not come first");
    assert!(matches!(world.get((1, 0), "key"), Seen::Deleted(_) | Seen::Nothing));
    world.sim.run_for(secs(30));
    for server in [0, 1] {
        assert_eq!(world.get((server, 0), "key"), Seen::Nothing, "{server}");
    }
    assert_eq!(world.tombstones_of(&[0, 1]), 0);
}
