//! Replicas that lag, answers that are lost, writes that come late: nothing is lost or doubled.

use cmud::{Prompt, Setup};

use crate::harness::{Weather, World};

#[test]
fn lost_answers_neither_double_nor_lose_a_coin() {
    for seed in 0..20 {
        let mut world = World::new();
        let ada = world.player("Ada", seed);
        world.send(ada, "mine 60");
        while world.prompt(ada) == Prompt::Busy {
            world.weather =
                [Weather::Fine, Weather::LosesAnswers][(world.now() / 700 % 2) as usize];
            world.pass(100);
        }
        world.weather = Weather::Fine;
        let shown = world.shown(ada);
        let coins = world.status(ada).coins;
        assert!(
            shown.contains(&format!("60 tries brought {coins} coins. You have {coins}.")),
            "{shown}"
        );
        assert_eq!(world.stored_coins("ada"), coins);
        let edit = format!("\"edit\":{coins}");
        assert!(world.store["player/ada"].contains(&edit), "one write per coin: power is 1");
    }
}

#[test]
fn a_replica_that_lags_takes_nothing_away() {
    let mut world = World::new();
    let ada = world.player("Ada", 2);
    let old = world.store.clone();
    world.type_line(ada, "mine 10");
    let coins = world.status(ada).coins;
    assert!(coins > 0);
    world.store = old;
    world.type_line(ada, "inv");
    assert_eq!(world.status(ada).coins, coins);
    world.type_line(ada, "mine 10");
    assert!(world.status(ada).coins > coins);
    assert_eq!(world.stored_coins("ada"), world.status(ada).coins);
}

#[test]
fn a_late_write_of_the_client_before_is_kept() {
    let mut world = World::new();
    let ada = world.player("Ada", 2);
    world.enrich("ada", 1_000);
    world.type_line(ada, "mine");
    assert!(world.status(ada).coins >= 1_000);
    assert_eq!(world.stored_coins("ada"), world.status(ada).coins);
}

#[test]
fn work_is_not_forgotten_either() {
    let mut world = World::new();
    let ada = world.player("Ada", 3);
    world.enrich("ada", 20);
    world.type_line(ada, "buy cpu");
    world.type_line(ada, "solve");
    let key = "work/salesman/0000000000/ada";
    while !world.store.contains_key(key) {
        world.type_line(ada, "solve");
    }
    let before: u64 = world.store[key].parse().expect("a number");
    world.store.remove(key);
    world.type_line(ada, "resign");
    world.type_line(ada, "solve");
    while !world.store.contains_key(key) {
        world.type_line(ada, "solve");
    }
    assert!(world.store[key].parse::<u64>().expect("a number") > before);
}

#[test]
fn a_character_that_a_replica_has_not_heard_of_yet_is_not_made_anew() {
    let mut world = World::new();
    let ada = world.player("Ada", 2);
    world.type_line(ada, "mine 10");
    let (coins, full) = (world.status(ada).coins, world.store.clone());
    world.store.clear();
    let again =
        world.join("again", Setup::plain(3).with_name(Some("ada".parse().expect("a name"))));
    world.pass(300);
    world.store = full;
    world.settle(again);
    assert_eq!(world.status(again).coins, coins);
    assert_eq!(world.stored_coins("ada"), coins);
}

#[test]
fn an_old_hold_on_a_replica_that_lags_is_no_takeover() {
    let mut world = World::new();
    let ada = world.player("Ada", 2);
    let full = world.store.clone();
    for (key, old) in [("session/ada", Some("older")), ("player/ada", None)] {
        match old {
            Some(token) => world.store.insert(key.into(), token.into()),
            None => world.store.remove(key),
        };
        world.send(ada, "inv");
        world.pass(300);
        world.store.clone_from(&full);
        world.settle(ada);
        assert_eq!(world.prompt(ada), Prompt::Command);
    }
}
