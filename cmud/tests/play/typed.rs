//! Lines that are typed ahead: they wait, are shown to wait, and have their turn.

use cmud::{Input, Prompt, Setup, View};

use crate::harness::{Who, World};

fn ada(world: &mut World) -> Who {
    let setup = Setup::interactive(1).with_name(Some("Ada".parse().expect("a name")));
    let ada = world.join("Ada", setup);
    world.settle(ada);
    ada
}

/// What the log of a face says from a view on: lines taken, marked, and titles of answers.
fn log(world: &World, who: Who, from: usize) -> Vec<String> {
    let text = |view: &View| match view {
        View::Taken(line) => Some(format!("> {line}")),
        View::Show(line) => Some(line.text.clone()),
        _ => None,
    };
    world.views(who)[from..].iter().filter_map(text).collect()
}

fn waiting(world: &World, who: Who) -> Vec<String> {
    let lines = |view: &View| match view {
        View::Waiting(lines) => Some(lines.clone()),
        _ => None,
    };
    world.views(who).iter().rev().find_map(lines).unwrap_or_default()
}

#[test]
fn a_line_has_its_turn_above_its_answer() {
    let mut world = World::new();
    let ada = ada(&mut world);
    let from = world.views(ada).len();
    world.send(ada, "mine 2");
    for line in ["shop\u{1b}", "   ", "  stats "] {
        world.send(ada, line);
    }
    assert_eq!(log(&world, ada, from), ["> mine 2"]);
    assert_eq!(waiting(&world, ada), ["shop\u{fffd}", "stats"], "tame, trimmed, and no blank ones");
    world.settle(ada);
    world.pass(60_000);
    let log = log(&world, ada, from);
    assert!(log[1].contains("2 tries brought"), "{log:?}");
    let turns: Vec<_> = log.iter().map(|line| line.split(' ').next().unwrap_or("")).collect();
    assert_eq!(turns, [">", "2", ">", "There", ">", "Ada,", "Between"], "{log:?}");
    assert_eq!(waiting(&world, ada), [""; 0]);
}

#[test]
fn stop_has_its_turn_at_once() {
    let mut world = World::new();
    let ada = ada(&mut world);
    world.send(ada, "mine 1000");
    world.pass(5_000);
    world.send(ada, "stats");
    let from = world.views(ada).len();
    world.send(ada, " stop ");
    assert_eq!(log(&world, ada, from)[0], "> stop");
    world.settle(ada);
    world.pass(1_000);
    assert_eq!(log(&world, ada, from)[2], "> stats");
}

#[test]
fn lines_that_were_put_aside_for_a_question_go_on_waiting() {
    let mut world = World::new();
    let ada = ada(&mut world);
    world.store.clear();
    world.send(ada, "mine");
    world.send(ada, "stats");
    world.settle(ada);
    assert_eq!((world.prompt(ada), waiting(&world, ada)), (Prompt::Confirm, vec!["stats".into()]));
    let from = world.views(ada).len();
    world.send(ada, "yes");
    assert_eq!(log(&world, ada, from), ["> yes"]);
    assert_eq!(waiting(&world, ada), ["stats"]);
    world.pass(60_000);
    assert!(log(&world, ada, from).contains(&"> stats".to_string()));
}

#[test]
fn what_waits_for_a_pipe_is_not_shown_and_a_game_that_is_over_takes_nothing() {
    let mut world = World::new();
    let bob = world.player("Bob", 2);
    for line in ["mine 5", "stats", "quit"] {
        world.give(bob, Input::Line(line.into()));
    }
    world.settle(bob);
    world.pass(60_000);
    assert_eq!(world.views(bob).last(), Some(&View::Bye));
    assert!(!world.views(bob).iter().any(|view| matches!(view, View::Waiting(_))));
    let from = world.views(bob).len();
    world.give(bob, Input::Line("mine".into()));
    assert_eq!(world.views(bob).len(), from);
}

#[test]
fn lines_wait_their_turn_up_to_a_bound() {
    let mut world = World::new();
    let ada = ada(&mut world);
    world.send(ada, "mine 100");
    for _ in 0..40 {
        world.send(ada, "stats");
    }
    assert_eq!(world.shown(ada).matches("Too many lines").count(), 8);
    world.send(ada, "stop");
    world.settle(ada);
    assert_eq!(world.shown(ada).matches("Ada, Undergraduate").count(), 32);
}

#[test]
fn what_was_typed_ahead_does_not_answer_a_question_and_is_done_after_it() {
    let mut world = World::new();
    let ada = ada(&mut world);
    world.store.clear();
    world.send(ada, "mine");
    world.send(ada, "stats");
    world.settle(ada);
    assert_eq!(world.prompt(ada), Prompt::Confirm);
    assert!(!world.shown(ada).contains("Please answer"));
    world.type_line(ada, "yes");
    world.pass(60_000);
    assert_eq!(world.prompt(ada), Prompt::Command);
    assert_eq!(world.shown(ada).matches("Ada, Undergraduate").count(), 1);
}

#[test]
fn a_pipe_loses_no_line() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    world.send(ada, "mine");
    for sent in 0..1_000 {
        assert_eq!(world.session(ada).is_full(), sent >= 256);
        world.send(ada, "stats");
    }
    world.settle(ada);
    assert_eq!(world.shown(ada).matches("Ada, Undergraduate").count(), 1_000);
    assert!(!world.session(ada).is_full());
}
