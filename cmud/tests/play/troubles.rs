//! What the world does to a player: cables cut, answers lost, files scribbled over.

use cmud::{Input, Prompt, RequestId, Setup, StoreReply, TimerId, View};

use crate::harness::{Weather, Who, World};

fn interactive(world: &mut World, name: &str, seed: u64) -> Who {
    world.join(name, Setup::interactive(seed).with_name(Some(name.parse().expect("a name"))))
}

fn failed(world: &World, who: Who) -> bool {
    world.views(who).iter().any(|view| matches!(view, View::Fail { .. }))
}

fn gone(world: &World, who: Who) -> bool {
    world.session(who).is_over() && world.views(who).last() == Some(&View::Bye)
}

#[test]
fn nothing_is_created_before_a_ready_server_says_that_it_does_not_exist() {
    for weather in [Weather::NotReady, Weather::Down] {
        let mut world = World::new();
        world.weather = weather;
        let ada = interactive(&mut world, "Ada", 1);
        world.pass(60_000);
        assert!(world.writes.is_empty() && world.prompt(ada) == Prompt::Busy);
        let said = world.shown(ada).matches("Trying again").count();
        assert_eq!(said, 1, "the trouble is said once");
        world.weather = Weather::Fine;
        world.settle(ada);
        assert_eq!(world.prompt(ada), Prompt::Command);
        assert!(world.store.contains_key("player/ada"));
    }
}

#[test]
fn who_gives_up_does_so_within_five_seconds() {
    let named = Setup::plain(1).with_name(Some("ada".parse().expect("a name")));
    for setup in [Setup::plain(1), named] {
        for weather in [Weather::Down, Weather::NotReady] {
            let mut world = World::new();
            world.weather = weather;
            let ada = world.join("Ada", setup.clone());
            world.pass(3_900);
            assert!(!world.session(ada).is_over());
            world.pass(200);
            assert!(failed(&world, ada) && world.session(ada).is_over());
            let shown = world.shown(ada);
            assert_eq!(shown.matches("127.0.0.1:6001").count(), 1, "said once: {shown}");
            assert_eq!(world.prompt(ada), Prompt::Closed);
        }
    }
}

#[test]
fn who_meets_no_server_is_advised_once() {
    let advice = "Name another one.";
    let setup = || Setup::interactive(1).with_advice(Some(advice));
    let mut world = World::new();
    world.weather = Weather::Down;
    let ada = world.join("Ada", setup().with_name(Some("ada".parse().expect("a name"))));
    world.pass(20_000);
    assert_eq!(world.shown(ada).matches(advice).count(), 1, "{}", world.shown(ada));
    world.weather = Weather::Fine;
    world.settle(ada);
    world.weather = Weather::Down;
    world.send(ada, "mine");
    world.pass(20_000);
    let shown = world.shown(ada);
    assert!(shown.contains("is lost") && shown.matches(advice).count() == 1, "{shown}");
}

#[test]
fn a_silent_server_is_given_up_too() {
    let mut world = World::new();
    world.one_way_millis = 1_000_000;
    let ada = world.join("Ada", Setup::plain(1));
    world.pass(4_001);
    assert!(failed(&world, ada));
    assert!(world.shown(ada).contains("No server has answered within 4 s."));
}

#[test]
fn the_end_of_input_lets_what_was_typed_be_done() {
    let mut world = World::new();
    let ada = world.join("Ada", Setup::plain(1));
    for line in ["Ada", "mine 20", "stats"] {
        world.give(ada, Input::Line(line.into()));
    }
    world.give(ada, Input::EndOfInput);
    world.settle(ada);
    assert!(gone(&world, ada));
    let shown = world.shown(ada);
    assert!(shown.contains("20 tries brought") && shown.contains("Ada, Undergraduate"), "{shown}");
}

#[test]
fn the_end_of_input_without_a_store_is_the_end() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 1);
    world.settle(ada);
    world.weather = Weather::Down;
    world.send(ada, "mine");
    world.pass(30_000);
    world.give(ada, Input::EndOfInput);
    world.pass(8_000);
    assert!(failed(&world, ada));
    let shown = world.shown(ada);
    assert_eq!(shown.matches("127.0.0.1:6001").count(), 1, "said once: {shown}");
}

#[test]
fn quit_works_while_the_store_is_away() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 1);
    world.settle(ada);
    world.weather = Weather::Down;
    world.send(ada, "mine 3");
    world.send(ada, "stats");
    world.pass(7_000);
    world.send(ada, "quit");
    assert!(gone(&world, ada));
    let shown = world.shown(ada);
    assert!(
        shown.contains("may be lost. Goodbye!") && !shown.contains("keeps your things"),
        "{shown}"
    );
}

#[test]
fn who_leaves_without_having_met_the_store_is_told_that_nothing_is_kept() {
    for leave in [Input::Interrupt, Input::Line("quit".to_owned())] {
        let mut world = World::new();
        world.weather = Weather::Down;
        let ada = interactive(&mut world, "Ada", 1);
        world.pass(1_000);
        world.give(ada, leave);
        world.give(ada, Input::EndOfInput);
        world.pass(100);
        assert!(failed(&world, ada) && !gone(&world, ada));
        assert!(!world.shown(ada).contains("Goodbye"), "{}", world.shown(ada));
    }
}

#[test]
fn who_came_with_a_name_and_meets_no_server_is_not_asked_for_another() {
    for weather in [Weather::Down, Weather::NotReady] {
        let mut world = World::new();
        world.weather = weather;
        let ada = interactive(&mut world, "Ada", 1);
        world.pass(1_000);
        world.give(ada, Input::Interrupt);
        let shown = world.shown(ada);
        assert!(failed(&world, ada) && !shown.contains("student card"), "{shown}");
    }
    // Who has typed it may have mistyped it.
    let mut world = World::new();
    world.weather = Weather::Down;
    let ada = world.join("Ada", Setup::interactive(1));
    world.send(ada, "Adda");
    world.pass(1_000);
    world.give(ada, Input::Interrupt);
    assert_eq!(world.prompt(ada), Prompt::Name);
}

#[test]
fn an_interrupt_stops_at_once_and_keeps_what_was_mined() {
    for (i, stop) in [Input::Interrupt, Input::Line("stop".into())].into_iter().enumerate() {
        let mut world = World::new();
        let ada = world.player("Ada", 5 + i as u64);
        world.send(ada, "mine 1000");
        world.pass(25_100);
        let (coins, now) = (world.status(ada).coins, world.now());
        assert!(coins > 0);
        world.give(ada, stop);
        world.settle(ada);
        assert!(
            world.now() - now < 400,
            "at once, or as soon as a write that is out has come back"
        );
        assert_eq!(world.stored_coins("ada"), world.status(ada).coins);
        assert!(world.status(ada).coins >= coins);
        assert!(world.shown(ada).contains("Stopped."));
        let bars = world.views(ada).iter().rev().find(|view| matches!(view, View::Progress(_)));
        assert_eq!(bars, Some(&View::Progress(None)));
        let next = world.type_line(ada, "mine 3");
        assert!(next.contains("3 tries brought"), "what comes next is not stopped too: {next}");
    }
}

#[test]
fn an_interrupt_stops_a_fight_and_a_story() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 3);
    world.pass(500);
    assert_eq!(world.prompt(ada), Prompt::Busy, "the story is being told");
    world.give(ada, Input::Interrupt);
    world.pass(500);
    assert_eq!(world.prompt(ada), Prompt::Command);
    world.enrich("ada", 30);
    world.type_line(ada, "buy cpu");
    world.type_line(ada, "solve");
    world.send(ada, "solve 1000");
    world.pass(300);
    world.give(ada, Input::Interrupt);
    world.pass(400);
    assert_eq!(world.prompt(ada), Prompt::Problem);
}

#[test]
fn who_skips_the_story_over_a_slow_link_is_in_the_game() {
    for sign in [Input::Interrupt, Input::Line("stats".into())] {
        let mut world = World::new();
        world.one_way_millis = 200;
        let ada = interactive(&mut world, "Ada", 1);
        while !world.shown(ada).contains("Welcome to the campus") {
            assert!(world.step());
        }
        let before = world.now();
        world.give(ada, sign);
        world.settle(ada);
        assert_eq!(world.prompt(ada), Prompt::Command, "{}", world.shown(ada));
        assert!(!world.shown(ada).contains("Never mind"), "{}", world.shown(ada));
        assert!(world.shown(ada).contains("fan begins to sing"), "the story is told to its end");
        assert!(world.now() - before < 1_200, "without any of its pauses");
    }
}

#[test]
fn an_interrupt_before_the_story_does_not_throw_anybody_out() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 1);
    while !world.views(ada).iter().any(|view| matches!(view, View::Status(_))) {
        assert!(world.step());
    }
    world.weather = Weather::Down;
    world.pass(3_000);
    world.give(ada, Input::Interrupt);
    world.weather = Weather::Fine;
    world.settle(ada);
    assert_eq!(world.prompt(ada), Prompt::Command, "{}", world.shown(ada));
    assert!(world.shown(ada).contains("fan begins to sing"), "{}", world.shown(ada));
}

#[test]
fn who_is_served_by_another_server_is_told_once() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 1);
    let connected = |to: &str| Input::Connected { to: to.into() };
    world.give(ada, connected("a:1"));
    world.settle(ada);
    // The same again.
    world.give(ada, connected("a:1"));
    world.type_line(ada, "stats");
    // None of them is ready, so one after the other is tried.
    world.weather = Weather::NotReady;
    for to in ["b:1", "c:1", "a:1", "b:1"] {
        world.give(ada, connected(to));
        world.pass(3_000);
    }
    assert!(!world.shown(ada).contains("goes on"), "{}", world.shown(ada));
    world.weather = Weather::Fine;
    world.type_line(ada, "stats");
    world.pass(10_000);
    let shown = world.shown(ada);
    let told = shown.lines().filter(|line| line.contains("goes on")).collect::<Vec<_>>();
    assert_eq!(told, ["The game goes on at b:1, no longer at a:1."], "{shown}");
}

#[test]
fn a_scribbled_file_offers_a_new_start() {
    for rubbish in ["", "hello", "{}", "[1]", "null", r#"{"version":1}"#, r#"{"version":-1}"#] {
        let mut world = World::new();
        world.store.insert("player/ada".into(), rubbish.into());
        let ada = world.player("Ada", 1);
        assert_eq!(world.prompt(ada), Prompt::Confirm, "{rubbish:?}");
        assert!(world.writes.is_empty());
        world.type_line(ada, "yes");
        assert_eq!(world.prompt(ada), Prompt::Command);
        assert_eq!(world.stored_coins("ada"), 0);
    }
}

#[test]
fn somebody_elses_record_is_rubbish() {
    let mut world = World::new();
    world.player("Bob", 1);
    let bob = world.store["player/bob"].clone();
    world.store.insert("player/ada".into(), bob);
    let ada = world.player("Ada", 2);
    assert_eq!(world.prompt(ada), Prompt::Confirm);
}

#[test]
fn a_record_of_a_newer_game_is_left_alone() {
    let mut world = World::new();
    let newer = r#"{"version":2,"soul":"yes"}"#;
    world.store.insert("player/ada".into(), newer.into());
    let ada = world.player("Ada", 1);
    assert_eq!(world.prompt(ada), Prompt::Name);
    assert!(world.shown(ada).contains("newer version"));
    assert_eq!(world.store["player/ada"], newer);
}

#[test]
fn rubbish_while_playing_is_healed() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    world.type_line(ada, "mine 5");
    let coins = world.status(ada).coins;
    world.store.insert("player/ada".into(), "hello".into());
    world.type_line(ada, "inv");
    assert_eq!(world.stored_coins("ada"), coins);
    world.store.remove("session/ada");
    world.store.insert("place/ada".into(), "the moon".into());
    world.type_line(ada, "inv");
    assert_eq!(world.prompt(ada), Prompt::Command);
    assert!(world.store.contains_key("session/ada"));
    let again = world.player("ada", 2);
    assert_eq!(world.status(again).place.word(), "5");
    assert!(world.store["place/ada"].contains("Ada"));
}

#[test]
fn the_rubbish_of_others_is_skipped() {
    let mut world = World::new();
    for (key, value) in [
        ("place/", "x"),
        ("place/a/b", r#"{"name":"a/b","place":"5","rank":"masters"}"#),
        ("place/ZOE", r#"{"name":"ZOE","place":"5","rank":"masters"}"#),
        ("place/zoe", r#"{"name":"Eve","place":"5","rank":"masters"}"#),
        ("place/eve", r#"{"name":"Eve\u001b[2J","place":"5","rank":"masters"}"#),
        ("place/bob", r#"{"name":"Bob","place":"5","rank":"masters"}"#),
        ("work/salesman/0000000000/zoe", "-5"),
        ("work/salesman/0000000000/eve", "lots"),
        ("work/salesman/0000000000/", "5"),
        ("work/salesman/0/bob", "50"),
        ("work/salesman/00000000000/bob", "50"),
        ("work/salesman/9999999999/bob", "50"),
        ("work/salesman/0000000000/bob", "7"),
    ] {
        world.store.insert(key.into(), value.into());
    }
    let ada = world.player("Ada", 1);
    let map = world.type_line(ada, "map");
    assert!(map.contains("Ada (you, Undergraduate), Bob (Masters)"), "{map}");
    assert!(!map.contains("Eve") && !map.contains("ZOE") && !map.contains("a/b"));
    let problem = world.type_line(ada, "solve");
    assert!(problem.contains("93 of 100 units"), "{problem}");
}

#[test]
fn a_store_that_refuses_ends_the_command_and_not_the_game() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    world.weather = Weather::Refuses;
    let answer = world.type_line(ada, "mine");
    assert!(answer.contains("The store refuses"), "{answer}");
    world.weather = Weather::Fine;
    assert_eq!(world.prompt(ada), Prompt::Command);
    world.type_line(ada, "mine");
}

#[test]
fn answers_and_timers_that_nobody_waits_for_are_ignored() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    for id in 0..100 {
        world.give(ada, Input::Elapsed { id: TimerId(id) });
        let result = Ok(StoreReply::Value(Some("x".into())));
        world.give(ada, Input::Stored { id: RequestId(id), result });
    }
    assert!(world.type_line(ada, "stats").contains("Ada, Undergraduate"));
}
