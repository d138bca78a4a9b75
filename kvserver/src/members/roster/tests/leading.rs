//! Who begins rounds of collecting, who passes on what others cannot tell each other, and at what pace
//! is called.

use super::*;

fn lead(effects: &[Effect]) -> Option<bool> {
    effects.iter().find_map(|effect| match effect {
        Effect::Note(0, Note::Lead(leads)) => Some(*leads),
        _ => None,
    })
}

fn relays(effects: &[Effect]) -> Option<&[(u64, u64)]> {
    effects.iter().find_map(|effect| match effect {
        Effect::NoteAll(Note::Relay(relays)) => Some(relays.as_slice()),
        _ => None,
    })
}

fn begins() -> Roster {
    Roster::new(member("a", 1), Vec::new(), Keeping::default(), at(0).elapsed)
}

#[test]
fn an_address_where_nobody_was_ever_met_is_waited_for_a_while() {
    let mut roster = begins();
    assert_eq!(lead(&roster.tick(at(0))), Some(true));
    roster.add(vec![address("dead")], at(1000).elapsed);
    assert_eq!(lead(&roster.tick(at(1000))), Some(false), "it may be about to answer");
    assert_eq!(lead(&roster.tick(at(10_900))), None);
    assert_eq!(lead(&roster.tick(at(11_000))), Some(true), "it keeps nobody for ever");
}

#[test]
fn nobody_leads_while_one_is_not_ready() {
    let mut roster = begins();
    let says = |ready| Hello { ready, ..hello("b", 2, at(0)) };
    roster.hello(says(false), at(0));
    assert_eq!(lead(&roster.tick(at(0))), Some(false));
    roster.hello(says(true), at(100));
    assert_eq!(lead(&roster.tick(at(100))), Some(true));
    roster.introduce();
    assert_eq!(
        lead(&roster.tick(at(200))),
        Some(false),
        "it does not know whether it has the store"
    );
}

/// Of two equal parts that have forgotten each other both go on.
#[test]
fn half_of_a_store_goes_on_collecting_and_less_than_that_does_not() {
    for (others, leads) in [(1, true), (2, false)] {
        let keeping = Keeping { retention: Duration::from_secs(60), ..Keeping::default() };
        let mut roster = Roster::new(member("a", 1), Vec::new(), keeping, at(0).elapsed);
        for other in 0..others {
            roster.hello(hello(&format!("b{other}"), 2 + other, at(0)), at(0));
        }
        assert_eq!(lead(&roster.tick(at(30_000))), Some(false), "they are silent");
        let after = lead(&roster.tick(at(60_000)));
        assert!(roster.contacts.is_empty(), "they are forgotten");
        assert_eq!(after, leads.then_some(true));
        let long = at(60_000 * 8);
        assert_eq!(lead(&roster.tick(long)).or(after), Some(true), "nobody waits for ever");
    }
}

#[test]
fn one_of_two_that_finds_the_other_silent_is_enough_to_pass_on() {
    let mut roster = begins();
    let says = |name, server, silent| Hello { silent, ..hello(name, server, at(0)) };
    roster.hello(says("b", 2, vec![3, 2]), at(0));
    roster.hello(says("c", 3, vec![]), at(0));
    roster.hello(says("d", 4, vec![]), at(0));
    assert_eq!(relays(&roster.tick(at(0))), Some([(2, 3), (3, 2)].as_slice()));
    assert_eq!(relays(&roster.tick(at(100))), None, "once is enough");
}

#[test]
fn whoever_was_told_something_is_not_called_at_once_again() {
    let mut roster = begins();
    roster.hello(hello("b", 2, at(0)), at(0));
    roster.add(vec![address("dead")], at(0).elapsed);
    let calls = |effects: Vec<Effect>| -> usize {
        let to_b = |effect: &&Effect| matches!(effect, Effect::Call(to, _) if *to == address("b"));
        effects.iter().filter(to_b).count()
    };
    assert_eq!(calls(roster.forget(&address("dead"), at(1950)).unwrap()), 1);
    assert_eq!(calls(roster.tick(at(2000))), 0);
    assert_eq!(calls(roster.tick(at(2075))), 1);
}

#[test]
fn one_that_asks_again_and_again_is_answered_at_the_pace_and_called_at_the_beat() {
    let mut roster = begins();
    let asks = |millis| Hello { asks: true, ..hello("b", 2, at(millis)) };
    let mut answers = Vec::new();
    for millis in 0..1000 {
        answers.extend(roster.hello(asks(millis), at(millis)));
    }
    let calls = answers.iter().filter(|effect| matches!(effect, Effect::Call(..))).count();
    assert_eq!(calls, 8);
    let later: Vec<_> = (1000..2900).flat_map(|millis| roster.tick(at(millis))).collect();
    assert!(!later.iter().any(|effect| matches!(effect, Effect::Call(..))), "it was just answered");
}

#[test]
fn the_first_hellos_to_a_server_and_every_sixteenth_name_all_others() {
    let mut roster = begins();
    roster.hello(hello("c", 3, at(0)), at(0));
    let to = address("b");
    for life in [2, 20] {
        roster.hello(hello("b", life, at(0)), at(0));
        let names = |_: &u32| !roster.hello_to(&to, &to, false, false, at(0)).others.is_empty();
        let naming: Vec<u32> = (0..50).filter(names).collect();
        assert_eq!(naming, [0, 1, 2, 4, 8, 16, 32, 48]);
    }
}

#[test]
fn one_that_falls_silent_again_is_called_often_at_first_again() {
    let mut roster = begins();
    roster.add(vec![address("b")], at(0).elapsed);
    let mut calls = Vec::new();
    for millis in (0..30_000).step_by(125) {
        if millis == 20_000 {
            roster.hello(hello("b", 2, at(millis)), at(millis));
        }
        let effects = roster.tick(at(millis));
        calls.extend(effects.iter().any(|one| matches!(one, Effect::Call(..))).then_some(millis));
    }
    let again = calls.iter().filter(|millis| **millis > 25_000).count();
    assert!(again >= 4, "{calls:?}");
}

#[test]
fn of_the_lives_at_an_address_the_latest_that_are_over_stay_over() {
    let mut roster = begins();
    for life in 2..=40 {
        roster.hello(hello("b", life, at(0)), at(0));
    }
    for over in 30..40 {
        assert_eq!(roster.hello(hello("b", over, at(1)), at(1)), []);
    }
    let contact = &roster.contacts[&address("b")];
    assert_eq!(contact.met.as_ref().map(|met| met.member.server), Some(40));
    assert_eq!(contact.former.len(), 16);
}
