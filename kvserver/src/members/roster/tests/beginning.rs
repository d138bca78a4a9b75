//! How a server becomes ready, and how it begins anew.

use super::*;

fn roster(actors: u16, joins: &[&str]) -> Roster {
    let own = Member { actors, ..member("a", 1) };
    let joins = joins.iter().map(|name| address(name)).collect();
    Roster::new(own, joins, Keeping::default(), at(0).elapsed)
}

/// One of two query actors whose members actor has lost its state.
fn lost(joins: &[&str]) -> Roster {
    let mut roster = roster(2, joins);
    assert_eq!(roster.introduce(), Effect::NoteAll(Note::Introduce));
    roster
}

fn opens(effects: &[Effect]) -> bool {
    effects.contains(&Effect::NoteAll(Note::Open))
}

fn fetches(effects: &[Effect]) -> Option<(u64, u32)> {
    effects.iter().find_map(|effect| match effect {
        Effect::NoteAll(Note::Fetch { server, attempt }) => Some((*server, *attempt)),
        _ => None,
    })
}

fn renewal(effects: &[Effect]) -> Option<&Renewal> {
    effects.iter().find_map(|effect| match effect {
        Effect::NoteAll(Note::Renew(renewal)) => Some(renewal),
        _ => None,
    })
}

#[test]
fn after_a_panic_the_least_that_any_query_actor_says_counts() {
    use Store::{Here, Unknown, Wanted};
    let nobody: &[&str] = &[];
    for (joins, says, ready) in [
        (nobody, [Here, Unknown], true),
        (nobody, [Wanted, Here], false),
        (nobody, [Here, Wanted], false),
        (nobody, [Unknown, Unknown], true),
        (&["b"], [Unknown, Unknown], false),
        (&["b"], [Unknown, Here], true),
    ] {
        let mut roster = lost(joins);
        assert!(!opens(&roster.says_of_store(0, says[0], at(1))), "one has yet to answer");
        assert_eq!(opens(&roster.says_of_store(1, says[1], at(2))), ready, "{joins:?} {says:?}");
        assert_eq!(roster.is_ready(), ready);
    }
}

#[test]
fn a_query_actor_that_has_panicked_too_keeps_nobody_waiting_for_its_answer() {
    let mut roster = lost(&["b"]);
    roster.says_of_store(0, Store::Here, at(1));
    assert!(opens(&roster.resumed(1, at(2))));
}

/// It may have been restarted just before the panic, with nothing of the store in it.
#[test]
fn a_server_that_began_a_store_is_told_of_its_earlier_life_after_a_panic_too() {
    for (joins, says, fetches_anew) in
        [(vec![], Store::Unknown, true), (vec!["b"], Store::Here, false)]
    {
        let mut roster = lost(&joins);
        let hello = Hello { knew: Some(77), ..hello("b", 2, at(2)) };
        if !fetches_anew {
            let effects = roster.hello(hello.clone(), at(0));
            assert_eq!(fetches(&effects), None, "its query actors may have it");
        }
        (0..2).for_each(|place| drop(roster.says_of_store(place, says, at(1))));
        assert!(roster.is_ready());
        let unready = Hello { ready: false, ..hello.clone() };
        assert_eq!(fetches(&roster.hello(unready, at(2))), None, "it has nothing to give");
        assert_eq!(fetches(&roster.hello(hello, at(3))).is_some(), fetches_anew);
    }
}

#[test]
fn what_was_fetched_counts_once_all_actors_have_it_from_this_attempt_and_from_a_ready_one() {
    let mut roster = roster(2, &["b"]);
    let (server, attempt) = fetches(&roster.hello(hello("b", 2, at(0)), at(0))).unwrap();
    assert_eq!(server, 2);
    let mut fetched = |place, attempt, ready| roster.fetched(place, 2, attempt, ready, at(100));
    assert_eq!(fetched(0, attempt - 1, true), []);
    assert_eq!(fetched(1, attempt - 1, true), []);
    assert_eq!(fetched(0, attempt, true), []);
    let again = fetches(&fetched(1, attempt, false));
    assert_eq!(again, Some((2, attempt + 1)), "what one of them has may not be everything");
    assert_eq!(fetched(0, attempt + 1, true), []);
    assert!(opens(&fetched(1, attempt + 1, true)));
}

#[test]
fn only_what_comes_of_this_attempt_is_a_sign_that_it_goes_on() {
    for (stale, is_given_up) in [(1, true), (0, false)] {
        let mut roster = roster(1, &["b"]);
        let (_, attempt) = fetches(&roster.hello(hello("b", 2, at(0)), at(0))).unwrap();
        let now = at(29_000);
        roster.fetching(2, attempt - stale, now);
        roster.hello(hello("b", 2, now), now);
        roster.hello(hello("c", 3, now), now);
        let next = fetches(&roster.tick(at(31_000)));
        assert_eq!(next, is_given_up.then_some((3, attempt + 1)));
    }
}

#[test]
fn who_is_told_to_forget_all_that_it_waits_for_is_ready() {
    let mut roster = roster(1, &["dead"]);
    assert!(!opens(&roster.tick(at(60_000))));
    roster.forget(&address("dead"), at(60_000)).unwrap();
    assert!(opens(&roster.tick(at(60_050))));
}

#[test]
fn servers_that_are_told_their_own_address_too_do_not_wait_for_themselves() {
    let mut world = World::new();
    world.start("a", 1, &["a", "b"]);
    world.start("b", 2, &["a", "b"]);
    world.run(3000);
    assert!(world.is_ready("a") && world.is_ready("b"));
    assert_eq!(world.live("a"), [address("b")]);
}

#[test]
fn what_is_found_stale_before_the_renewal_is_no_reason_for_another() {
    let mut roster = roster(2, &[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    roster.writes(5);
    roster.writes(6);
    let effects = roster.stale(0, Some(2), 0, at(1000));
    let first = renewal(&effects).unwrap();
    assert_eq!(first.writers, [5, 6], "all that it has been");
    assert!(!roster.is_ready());
    assert_eq!(fetches(&effects).unwrap().0, 2);
    assert_eq!(roster.stale(1, Some(2), 0, at(1000)), [], "it had not heard of the renewal");
    let effects = roster.stale(1, None, 0, at(1000));
    let second = renewal(&effects).expect("all actors may have lost the store since");
    assert!(second.generation > first.generation);
}

#[test]
fn a_renewal_is_later_than_any_that_a_query_actor_has_gone_through() {
    let mut roster = roster(1, &[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    let effects = roster.stale(0, Some(2), 70_000, at(1000));
    assert!(renewal(&effects).unwrap().generation > 70_000);
}

#[test]
fn nobody_begins_anew_with_somebody_else_than_who_is_ahead() {
    let mut roster = roster(1, &[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    let effects = roster.stale(0, Some(3), 0, at(1000));
    assert_eq!(effects, [Effect::Note(0, Note::Open)]);
}

/// What was written since then may be known to nobody else.
#[test]
fn a_renewal_looks_for_writes_since_shortly_before_the_silence() {
    for (is_forgotten, back_twice) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut roster = roster(1, &[]);
        roster.hello(hello("b", 2, at(20_000)), at(20_000));
        if is_forgotten {
            roster.forget(&address("b"), at(30_000)).unwrap();
        }
        roster.hello(hello("b", 2, at(60_000)), at(60_000));
        if back_twice {
            roster.hello(hello("b", 2, at(62_000)), at(62_000));
        }
        let effects = roster.stale(0, Some(2), 0, at(63_000));
        let since = renewal(&effects).unwrap().since_millis;
        assert_eq!(since, at(10_000).wall_millis, "{is_forgotten} {back_twice}");
    }
}

#[test]
fn where_nobody_is_ready_all_are_asked_and_who_is_ready_meanwhile_once_more() {
    let mut roster = roster(1, &["b", "c"]);
    let says = |name, server, ready| Hello { ready, ..hello(name, server, at(0)) };
    let (server, attempt) = fetches(&roster.hello(says("b", 2, false), at(0))).unwrap();
    assert_eq!(server, 2);
    roster.hello(says("c", 3, false), at(0));
    assert_eq!(fetches(&roster.fetched(0, 2, attempt, false, at(1))), Some((3, attempt + 1)));
    roster.hello(says("b", 2, true), at(2));
    let effects = roster.fetched(0, 3, attempt + 1, false, at(3));
    assert_eq!(fetches(&effects), Some((2, attempt + 2)), "it may have got more");
    assert!(!opens(&effects));
    assert!(opens(&roster.fetched(0, 2, attempt + 2, true, at(4))));
}

#[test]
fn who_has_given_something_or_has_no_ready_one_beside_it_is_not_given_up() {
    let mut roster = roster(2, &["b"]);
    let (_, attempt) = fetches(&roster.hello(hello("b", 2, at(0)), at(0))).unwrap();
    let mut at_second = |second: u64, ready| {
        let now = at(second * 1000);
        roster.hello(hello("b", 2, now), now);
        roster.hello(Hello { ready, ..hello("c", 3, now) }, now);
        if second == 29 {
            roster.fetched(0, 2, attempt, true, now);
        }
        fetches(&roster.tick(now))
    };
    assert_eq!([29, 31, 58, 61].map(|second| at_second(second, second < 40)), [None; 4]);
    assert_eq!(at_second(62, true), None, "b was given up for c when c said hello");
    assert_eq!(roster.start.note(), Some(Note::Fetch { server: 3, attempt: attempt + 1 }));
}

#[test]
fn the_store_is_rather_fetched_from_who_has_it_and_each_time_as_another_attempt() {
    let mut roster = roster(1, &[]);
    roster.hello(hello("b", 2, at(0)), at(0));
    roster.hello(Hello { ready: false, ..hello("c", 3, at(0)) }, at(0));
    let attempts = [1, 2].map(|_| fetches(&roster.stale(0, None, 0, at(1000))).unwrap());
    assert_eq!(attempts.map(|(server, _)| server), [2, 2]);
    assert!(attempts[0].1 < attempts[1].1);
}

fn knows(world: &World, name: &str, other: &str) -> bool {
    world.rosters[&address(name)].contacts.contains_key(&address(other))
}

#[test]
fn an_address_where_nobody_was_ever_met_stays_with_who_was_told_to_join_it() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(1000);
    world.start("c", 3, &["a", "late"]);
    world.run(60_000);
    assert_eq!(["a", "b", "c"].map(|name| knows(&world, name, "late")), [false, false, true]);
    world.start("d", 4, &["c"]);
    world.run(1000);
    assert!(world.is_ready("d"), "it need not wait for what only c was told");
    assert!(!knows(&world, "d", "late"));
    world.start("late", 5, &[]);
    world.run(6000);
    for name in ["a", "b", "c", "d"] {
        assert!(world.live(name).contains(&address("late")), "{name}: c has found it");
    }
}

/// As long as nobody is ready, it may be the one who has the store.
#[test]
fn an_address_where_nobody_was_ever_met_is_told_among_those_who_wait_and_then_dropped() {
    let mut world = World::new();
    world.start("a", 1, &["b", "late", "store"]);
    world.start("b", 2, &["a"]);
    world.run(60_000);
    assert!(!world.is_ready("a") && !world.is_ready("b"));
    assert!(knows(&world, "b", "late") && knows(&world, "b", "store"));
    world.start("store", 3, &[]);
    world.run(6000);
    assert!(world.is_ready("a") && world.is_ready("b"));
    assert_eq!(["a", "b", "store"].map(|name| knows(&world, name, "late")), [true, false, false]);
}

#[test]
fn a_member_that_was_met_and_is_silent_is_told_of_like_any_other() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(3000);
    world.rosters.remove(&address("b"));
    world.run(10_000);
    world.start("c", 3, &["a"]);
    world.run(60_000);
    assert!(world.is_ready("c") && knows(&world, "c", "b"), "c may be the one that reaches it");
}

/// Nor is one whom others have met, and who cannot be reached from here.
#[test]
fn a_member_that_others_have_met_is_told_of_when_they_are_gone() {
    let mut roster = roster(1, &[]);
    let met = Known { address: address("c"), life: Some((3, 1)) };
    roster.hello(Hello { others: vec![met], ..hello("b", 2, at(0)) }, at(0));
    let to = address("d");
    let named = |hello: &Hello| hello.others.iter().any(|known| known.address == address("c"));
    assert!(named(&roster.hello_to(&to, &to, true, false, at(1))));
}

#[test]
fn what_is_known_for_sure_is_no_rumour_any_more() {
    let says = |ready, life| {
        let others = vec![Known { address: address("c"), life }];
        Hello { ready, others, ..hello("b", 2, at(0)) }
    };
    for (ready, life) in [(true, None), (false, Some((3, 1)))] {
        let mut roster = roster(1, &["b"]);
        roster.hello(says(false, None), at(0));
        assert_eq!(roster.contacts[&address("c")].word, Word::Rumour);
        roster.hello(says(ready, life), at(1));
        assert_eq!(roster.contacts[&address("c")].word, Word::Seen);
    }
    let mut waits = roster(1, &["b"]);
    waits.hello(says(false, None), at(0));
    waits.introduced(&member("c", 3), at(1));
    assert_eq!(waits.contacts[&address("c")].word, Word::Seen);
    let mut ready = roster(1, &[]);
    let effects = ready.hello(says(false, None), at(0));
    let calls = |effect: &Effect| matches!(effect, Effect::Call(to, _) if *to == address("c"));
    assert!(!effects.iter().any(calls), "who is ready does not even try");
}

/// Its own hellos to them are how they learn of it, so all of this hangs on one answer.
#[test]
fn a_newcomer_that_misses_the_first_answer_soon_gets_another_that_names_all() {
    let mut roster = roster(1, &[]);
    let ask = |name, server| Hello { asks: true, ..hello(name, server, at(0)) };
    roster.hello(ask("b", 2), at(0));
    roster.hello(ask("c", 3), at(0));
    let effects = (0..4000).step_by(100).flat_map(|millis| roster.tick(at(millis)));
    let names_b = |hello: &Hello| hello.others.iter().any(|known| known.address == address("b"));
    let told = |effect: Effect| match effect {
        Effect::Call(to, hello) => to == address("c") && names_b(&hello),
        _ => false,
    };
    assert!(effects.into_iter().any(told));
}
