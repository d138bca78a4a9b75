//! Members that are forgotten, and come back.

use super::*;

/// Who was told, and has said so to the others, may end before it can say it again.
#[test]
fn what_was_forgotten_elsewhere_is_forgotten_here_once_it_is_silent() {
    for (why, server, goes_on, is_forgotten) in [
        (Why::Named, 2, false, true),
        (Why::Left, 2, false, true),
        (Why::Left, 9, false, false),
        (Why::Named, 2, true, false),
        (Why::Silent, 2, false, false),
    ] {
        let mut world = World::new();
        world.start("a", 1, &[]);
        world.start("b", 2, &["a"]);
        world.run(3000);
        let now = at(world.now);
        let gone = Gone { address: address("b"), server: Some(server), why };
        let roster = world.rosters.get_mut(&address("a")).unwrap();
        assert_eq!(roster.hear_of_forgotten(vec![gone], now), [], "it was heard just now");
        if !goes_on {
            world.rosters.remove(&address("b"));
        }
        world.run(6000);
        let known = world.rosters[&address("a")].statuses(at(world.now).elapsed).len();
        assert_eq!(known == 0, is_forgotten, "{why:?}, goes on: {goes_on}");
    }
}

fn roster(joins: &[&str]) -> Roster {
    let keeping = Keeping { retention: Duration::from_secs(60), ..Keeping::default() };
    let joins = joins.iter().map(|name| address(name)).collect();
    Roster::new(member("a", 1), joins, keeping, at(0).elapsed)
}

fn calls_to(name: &str, effects: &[Effect]) -> Vec<Hello> {
    let call = |effect: &Effect| match effect {
        Effect::Call(to, hello) if *to == address(name) => Some(hello.clone()),
        _ => None,
    };
    effects.iter().filter_map(call).collect()
}

fn knows(roster: &Roster, name: &str) -> bool {
    roster.contacts.contains_key(&address(name))
}

#[test]
fn who_may_be_back_is_called_now_and_then_and_not_for_ever() {
    for (why, expected) in [(Why::Left, 14), (Why::Silent, 11), (Why::Named, 0)] {
        let mut roster = roster(&[]);
        roster.hello(hello("b", 2, at(0)), at(0));
        let begin = match why {
            Why::Left => {
                roster.hello(Hello { leaves: true, ..hello("b", 2, at(0)) }, at(0));
                0
            }
            Why::Silent => {
                roster.tick(at(60_000));
                60_000
            }
            Why::Named => {
                roster.forget(&address("b"), at(6000)).unwrap();
                6000
            }
        };
        assert!(!knows(&roster, "b"));
        let ticks = (0..4000).map(|tick| at(begin + tick * 125));
        let effects: Vec<Effect> = ticks.flat_map(|now| roster.tick(now)).collect();
        let calls = calls_to("b", &effects);
        assert_eq!(calls.len(), expected, "{why:?}");
        assert!(calls.iter().all(|hello| hello.knew == Some(2)), "it is told if it is another now");
    }
}

#[test]
fn who_was_silent_or_has_left_can_be_forgotten_for_good() {
    let mut roster = roster(&[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    roster.hello(hello("c", 3, at(0)), at(0));
    roster.hello(Hello { leaves: true, ..hello("b", 2, at(0)) }, at(0));
    let told = roster.forget(&address("b"), at(1000)).unwrap();
    let [told] = calls_to("c", &told).try_into().unwrap();
    assert_eq!(told.forgotten[0].why, Why::Named);
    assert!(roster.forget(&address("b"), at(1000)).unwrap_err().contains("already"));
    let later = (0..100).flat_map(|second| roster.tick(at(second * 1000))).collect::<Vec<_>>();
    assert_eq!(calls_to("b", &later), []);
}

#[test]
fn all_who_answer_are_told_at_once_and_the_query_actors_too() {
    let mut roster = roster(&["dead"]);
    for now in [0, 2000, 4000] {
        roster.hello(hello("b", 2, at(now)), at(now));
        roster.tick(at(now));
    }
    let effects = roster.forget(&address("dead"), at(6000)).unwrap();
    assert!(effects.contains(&Effect::NoteAll(Note::Forget(address("dead")))));
    let told = calls_to("b", &effects).remove(0);
    assert_eq!(told.forgotten.first().map(|gone| &gone.address), Some(&address("dead")));
    let tells = |roster: &mut Roster, now| {
        roster.hello_to(&address("b"), &address("b"), true, false, now).forgotten.len()
    };
    assert_eq!(tells(&mut roster, at(65_900)), 1);
    assert_eq!(tells(&mut roster, at(66_000)), 0, "not for ever");
    assert_eq!(roster.leave(at(66_000)), [], "whoever is silent cannot be told");
}

#[test]
fn those_that_were_named_hold_up_no_collecting() {
    let mut roster = roster(&[]);
    for (name, server) in [("b", 2), ("c", 3)] {
        roster.hello(hello(name, server, at(0)), at(0));
        roster.forget(&address(name), at(6000)).unwrap();
    }
    assert!(roster.tick(at(6000)).contains(&Effect::Note(0, Note::Lead(true))));
}

#[test]
fn only_the_latest_that_were_forgotten_are_kept_in_mind() {
    let mut roster = roster(&[]);
    for number in 0..300 {
        let address = address(&format!("s{number}"));
        roster.add(vec![address.clone()], at(number).elapsed);
        roster.forget(&address, at(number)).unwrap();
    }
    let has = |number| roster.forgotten.has(&address(&format!("s{number}")));
    assert_eq!((0..300).filter(|number| has(*number)).count(), 256);
    assert!(has(299) && !has(0));
}

#[test]
fn one_that_is_not_ready_gives_nobody_up() {
    let mut roster = roster(&["dead"]);
    roster.tick(at(600_000));
    assert!(knows(&roster, "dead"));
}

#[test]
fn who_goes_on_answering_is_never_forgotten() {
    let mut roster = roster(&[]);
    for second in 0..100 {
        roster.hello(hello("b", 2, at(second * 1000)), at(second * 1000));
        roster.tick(at(second * 1000));
        assert!(knows(&roster, "b"), "{second}");
    }
}

#[test]
fn what_others_have_forgotten_and_was_heard_since_is_like_any_other() {
    let mut roster = roster(&[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    let gone = Gone { address: address("b"), server: Some(2), why: Why::Left };
    assert_eq!(roster.hear_of_forgotten(vec![gone], at(1000)), []);
    roster.hello(hello("b", 2, at(2000)), at(2000));
    roster.tick(at(20_000));
    assert!(knows(&roster, "b"), "it is silent for another reason");
}

#[test]
fn a_goodbye_counts_for_the_life_that_says_it() {
    let mut roster = roster(&[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    let leaves = |server| Hello { leaves: true, ..hello("b", server, at(0)) };
    assert_eq!(roster.hello(leaves(9), at(1)), []);
    assert!(knows(&roster, "b"));
    roster.hello(leaves(2), at(1));
    assert!(!knows(&roster, "b"));
}

#[test]
fn who_has_a_link_with_a_query_actor_is_not_forgotten_any_more() {
    let mut roster = roster(&[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    roster.forget(&address("b"), at(6000)).unwrap();
    roster.introduced(&member("b", 2), at(7000));
    assert!(knows(&roster, "b") && roster.forgotten.is_empty());
}

/// Whom nobody has ever met writes nowhere, so nobody need wait for it.
#[test]
fn only_who_was_met_by_somebody_may_live_on() {
    let mut roster = roster(&[]);
    let begin = at(0).elapsed;
    roster.add(vec![address("wrong")], begin);
    let others = vec![Known { address: address("c"), life: Some((3, 1)) }];
    roster.hello(Hello { others, ..hello("b", 2, at(0)) }, at(0));
    roster.forget_silent(at(61_000));
    let names = ["wrong", "b", "c"];
    assert!(names.iter().all(|name| roster.forgotten.has(&address(name))));
    assert_eq!(roster.forgotten.may_live(at(61_000).elapsed, Duration::from_secs(60)), 2);
}
