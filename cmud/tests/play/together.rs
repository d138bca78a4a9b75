//! Several at once: nobody's work is lost, everybody's promotion comes, and one character has one
//! hand that writes.

use cmud::{Prompt, Rank, Setup, View};
use proptest::prelude::*;

use crate::harness::{Who, World};

fn interactive(world: &mut World, name: &str, seed: u64) -> Who {
    let setup = Setup { pauses: false, ..Setup::interactive(seed) };
    let who = world.join(name, setup.with_name(Some(name.parse().expect("a name"))));
    world.settle(who);
    who
}

fn work_of(world: &World, name: &str) -> u64 {
    let theirs = world
        .store
        .iter()
        .filter(|(key, _)| key.starts_with("work/salesman/") && key.ends_with(&format!("/{name}")));
    theirs.map(|(_, work)| work.parse::<u64>().expect("a number")).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Players with as many CPUs as they are given throw themselves at the salesman at the same
    /// time, over networks of any speed. Whoever has put in any work rises; nobody else does; and
    /// the work that the store holds is the work that was shown.
    #[test]
    fn everyone_who_contributes_rises(
        coins in proptest::collection::vec(0_u64..60, 2..6),
        one_way_millis in 0_u64..600,
        seed in any::<u64>(),
    ) {
        let mut world = World::new();
        world.one_way_millis = one_way_millis;
        let names: Vec<_> = (0..coins.len()).map(|i| format!("p{i}")).collect();
        let players: Vec<_> = names.iter().enumerate().map(|(i, name)| {
            let who = interactive(&mut world, name, seed ^ i as u64);
            world.enrich(name, coins[i]);
            world.type_line(who, "buy cpu");
            world.type_line(who, "solve");
            who
        }).collect();
        for who in &players {
            world.send(*who, "solve 30");
        }
        for who in &players {
            world.settle(*who);
        }
        // Let the news get round.
        world.pass(10_000 + 8 * one_way_millis);
        for (who, name) in players.iter().zip(&names) {
            world.type_line(*who, "stats");
            let shown = world.views(*who).iter().filter_map(|view| match view {
                View::Problem(Some(state)) if state.problem == cmud::Problem::Salesman => {
                    state.shares.iter().find(|(n, _)| n.as_str() == name).map(|(_, work)| *work)
                }
                _ => None,
            });
            let shown = shown.max().unwrap_or(0);
            prop_assert!(work_of(&world, name) >= shown, "{name} lost work");
        }
        let solved = names.iter().map(|name| {
            let key = format!("work/salesman/0000000000/{name}");
            world.store.get(&key).map_or(0, |work| work.parse::<u64>().expect("a number"))
        }).sum::<u64>() >= 100;
        for (who, name) in players.iter().zip(&names) {
            let began = world.store.contains_key(&format!("work/salesman/0000000000/{name}"));
            if began {
                let rank = if solved { Rank::Masters } else { Rank::Undergraduate };
                prop_assert_eq!(world.status(*who).rank, rank, "{}", world.transcript());
            }
        }
    }

    /// The same characters opened again and again rise once, however often they look.
    #[test]
    fn promotion_is_idempotent(looks in 1_usize..4, shares in proptest::collection::vec(1_u64..100, 1..4)) {
        let mut world = World::new();
        interactive(&mut world, "Ada", 1);
        world.store.insert("work/salesman/0000000000/bob".into(), "100".into());
        for (round, share) in shares.iter().enumerate() {
            world.store.insert(format!("work/salesman/{round:010}/ada"), share.to_string());
            world.store.insert(format!("work/salesman/{round:010}/bob"), "100".into());
        }
        for look in 0..looks {
            let ada = interactive(&mut world, "Ada", look as u64);
            world.type_line(ada, "stats");
            prop_assert_eq!(world.status(ada).rank, Rank::Masters);
        }
    }
}

#[test]
fn who_was_away_is_promoted_on_return() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    world.store.insert("work/salesman/0000000000/ada".into(), "3".into());
    world.type_line(ada, "quit");
    world.store.insert("work/salesman/0000000000/bob".into(), "97".into());
    let ada = world.player("Ada", 2);
    assert_eq!(world.status(ada).rank, Rank::Masters);
    assert!(world.store["place/ada"].contains("masters"));
}

#[test]
fn without_the_background_the_news_comes_with_the_next_command() {
    let mut world = World::new();
    let ada = world.player("Ada", 3);
    world.enrich("ada", 10);
    world.type_line(ada, "buy cpu");
    world.type_line(ada, "solve");
    while !world.store.keys().any(|key| key.starts_with("work/")) {
        world.type_line(ada, "solve");
    }
    world.store.insert("work/salesman/0000000000/bob".into(), "99".into());
    world.pass(30_000);
    assert_eq!(world.status(ada).rank, Rank::Undergraduate);
    world.type_line(ada, "inv");
    assert_eq!((world.status(ada).rank, world.prompt(ada)), (Rank::Masters, Prompt::Command));
}

#[test]
fn a_round_that_others_finish_gives_way_to_the_next() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 3);
    world.type_line(ada, "solve");
    world.store.insert("work/salesman/0000000000/bob".into(), "100".into());
    world.pass(4_000);
    assert!(world.shown(ada).contains("The Travelling Salesman is solved, by bob."));
    assert_eq!((world.status(ada).rank, world.prompt(ada)), (Rank::Undergraduate, Prompt::Problem));
    world.enrich("ada", 30);
    while world.store.keys().filter(|key| key.starts_with("work/")).count() < 2 {
        world.type_line(ada, "solve");
        world.type_line(ada, "solve");
    }
    assert!(world.store.contains_key("work/salesman/0000000001/ada"));
}

#[test]
fn who_is_taken_over_writes_nothing_more() {
    for millis in (0..8_000).step_by(130) {
        let mut world = World::new();
        let desk = world.player("Ada", millis);
        world.send(desk, "mine 1000");
        world.pass(millis);
        let bus = world.player("ADA", 1_000_000 + millis);
        let opened = world.writes.len();
        world.pass(20_000);
        let late = world.writes[opened..].iter().filter(|(who, _)| *who == desk).count();
        assert_eq!(late, 0, "after {millis} ms");
        assert_eq!(world.prompt(desk), Prompt::Confirm);
        assert!(world.shown(desk).contains("has been opened in another window"));
        // What the first client has shown as earned, the second has.
        world.type_line(bus, "inv");
        assert_eq!(world.status(bus).coins, world.status(desk).coins, "after {millis} ms");
    }
}

#[test]
fn two_who_make_the_same_character_at_once_make_one() {
    let mut world = World::new();
    let name = || Some("Ada".parse().expect("a name"));
    let first = world.join("1", Setup::plain(1).with_name(name()));
    let second = world.join("2", Setup::plain(2).with_name(name()));
    world.settle(first);
    world.settle(second);
    world.type_line(first, "stats");
    world.type_line(second, "stats");
    let prompts = [world.prompt(first), world.prompt(second)];
    assert!(
        prompts == [Prompt::Confirm, Prompt::Command]
            || prompts == [Prompt::Command, Prompt::Confirm]
    );
}

#[test]
fn names_that_look_like_keys_or_beginnings_of_others_keep_apart() {
    let mut world = World::new();
    let names = ["PhD", "Ph", "P", "player", "work", "salesman", "0000000000", "-", "_"];
    for (seed, name) in names.iter().enumerate() {
        let who = world.player(name, seed as u64);
        world.type_line(who, "mine 4");
        world.enrich(&name.to_ascii_lowercase(), seed as u64 * 1_000);
    }
    for (seed, name) in names.iter().enumerate() {
        let who = world.player(&name.to_ascii_uppercase(), 100 + seed as u64);
        assert_eq!(world.status(who).name.as_str(), *name, "the first spelling stays");
        assert_eq!(world.status(who).coins, seed as u64 * 1_000);
    }
}

#[test]
fn others_are_seen_to_come_and_go() {
    let mut world = World::new();
    let ada = interactive(&mut world, "Ada", 1);
    world.pass(4_000);
    let bob = interactive(&mut world, "Bob", 2);
    world.pass(4_000);
    assert!(world.shown(ada).contains("Bob comes in."));
    world.type_line(bob, "move fence");
    world.pass(4_000);
    assert!(world.shown(ada).contains("Bob leaves for the fence."));
    let campus = world.views(ada).iter().rev().find_map(|view| match view {
        View::Campus(campus) => Some(campus),
        _ => None,
    });
    let fence = &campus.expect("the campus was shown")[0];
    assert_eq!((fence.0.word(), fence.1[0].name.as_str(), fence.1[0].me), ("fence", "Bob", false));
}

/// A campus with so many people on floor 5, each of whom is named like a number.
fn crowd(world: &mut World, people: usize) -> Vec<String> {
    let names: Vec<_> = (0..people).map(|at| format!("guest-{at:03}")).collect();
    for name in &names {
        let seen = format!(r#"{{"name":"{name}","place":"5","rank":"masters"}}"#);
        world.store.insert(format!("place/{name}"), seen);
    }
    names
}

#[test]
fn the_map_names_everyone_and_oneself_first() {
    let mut world = World::new();
    let zoe = world.player("Zoe", 1);
    let names = crowd(&mut world, 12);
    let map = world.type_line(zoe, "map");
    let row = map.lines().find(|line| line.starts_with('5')).expect("floor 5 is on the map");
    assert!(row.starts_with("5        Zoe (you, Undergraduate), guest-000 (Masters), "), "{row}");
    assert!(names.iter().all(|name| row.contains(&format!("{name} (Masters)"))), "{row}");
    assert!(!row.contains("more"), "{row}");
}
