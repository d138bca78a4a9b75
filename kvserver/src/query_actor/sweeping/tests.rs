//! One actor in rounds of collecting; the others around it say what the test wants.

use kvcommon::Stamp;

use super::super::Sync;
use super::super::message::Note;
use super::super::tests::stage::*;
use super::*;
use crate::{digest, members};

mod purging;

const ONE_SECOND: u64 = 1000;

/// The actor is the first of two siblings and has to begin the rounds. Both have confirmed the same.
fn leading(sweep_every: Duration) -> Stage {
    let mut stage = Stage::of(0, 2, Keeping { sweep_every, ..KEEPING });
    stage.note(Note::Lead(true));
    stage.say(Sync { from: 1, mark: Mark::of_round(0), ..Sync::default() });
    stage
}

/// For so many seconds the sibling confirms each round that it is told. Returns these rounds.
fn rounds(stage: &mut Stage, seconds: u64) -> Vec<Begin> {
    let mut rounds = Vec::new();
    for _ in 0..10 * seconds {
        stage.run(100);
        for begin in begun(&stage.syncs(1)) {
            let mark = Mark::of_round(begin.round.number());
            stage.say(Sync { from: 1, mark, ..Sync::default() });
            rounds.push(begin);
        }
    }
    rounds
}

fn begun(syncs: &[Sync]) -> Vec<Begin> {
    let says = syncs.iter().filter_map(|sync| sync.sweep.clone());
    says.filter_map(|say| if let Say::Begin(begin) = say { Some(begin) } else { None }).collect()
}

/// The tombstones that were said to be left.
fn left<'a>(says: impl Iterator<Item = &'a Option<Say>>) -> Vec<Entry> {
    let says = says.flatten();
    let left = says.filter_map(|say| if let Say::Left(left) = say { Some(left) } else { None });
    left.flat_map(unpack).collect()
}

fn left_with_siblings(stage: &Stage) -> Vec<Entry> {
    left(stage.syncs(0).iter().map(|sync| &sync.sweep))
}

#[test]
fn what_does_not_fit_into_a_round_goes_into_the_next_one_at_once() {
    let mut stage = leading(secs(60));
    let long = "k".repeat(1000);
    let keys = (0..5000).map(|number| format!("{number}"));
    let keys = keys.chain((0..1000).map(|number| format!("{long}/{number}")));
    let entries: Vec<Entry> = keys.map(|key| old(&key, 5, None)).collect();
    let count = entries.len();
    stage.say(Sync { from: 1, mark: Mark::of_round(0), entries, ..Sync::default() });
    let rounds = rounds(&mut stage, 75);
    assert_eq!(rounds.len(), 3);
    for begin in &rounds {
        let tombstones = &begin.tombstones;
        assert!(tombstones.entries() as usize <= MAX_TOMBSTONES, "{}", tombstones.entries());
        assert!(tombstones.len() < MAX_BYTES + 1100, "{} bytes", tombstones.len());
    }
    let all: usize = rounds.iter().map(|begin| begin.tombstones.entries() as usize).sum();
    assert_eq!(all, count, "each is in one of them");
}

#[test]
fn an_old_tombstone_is_found_behind_any_number_of_young_ones() {
    let mut stage = leading(secs(2));
    let young = stage.write("~", None).millis + 60_000;
    let keys = (0..LOOK + 1000).map(|number| format!("{number}"));
    let entries = keys.map(|key| old(&key, young, None)).collect();
    stage.say(Sync { from: 1, mark: Mark::of_round(0), entries, ..Sync::default() });
    let rounds = rounds(&mut stage, 10);
    assert_eq!(rounds.len(), 1);
    assert_eq!(unpack(&rounds[0].tombstones)[0].key(), "~");
}

#[test]
fn old_tombstones_are_looked_for_no_more_often_than_the_server_is_told() {
    let mut stage = leading(secs(20));
    assert!(rounds(&mut stage, 23).is_empty());
    stage.write("key", None);
    assert!(rounds(&mut stage, 15).is_empty(), "it was looked for them two seconds before");
    assert_eq!(rounds(&mut stage, 10).len(), 1);
}

#[test]
fn whoever_has_just_got_the_store_waits_before_the_first_round() {
    let mut stage = leading(secs(20));
    let entries = vec![old("key", 5, None)];
    stage.say(Sync { from: 1, mark: Mark::of_round(0), entries, ..Sync::default() });
    assert!(rounds(&mut stage, 18).is_empty());
    assert_eq!(rounds(&mut stage, 4).len(), 1);
}

#[test]
fn rounds_that_all_have_confirmed_are_collected_together() {
    let mut stage = Stage::of(0, 2, KEEPING);
    for (number, key) in [(1, "one"), (2, "two")] {
        let sweep = say_begin(number, &[old(key, 5, None)]);
        stage.say(Sync { from: 1, sweep, ..Sync::default() });
    }
    stage.run(10);
    assert_eq!(stage.look(|actor| actor.replica.tombstones()), 2);
    stage.say(Sync { from: 1, mark: Mark::of_round(2), ..Sync::default() });
    stage.run(10);
    assert_eq!(stage.look(|actor| actor.replica.tombstones()), 0);
}

#[test]
fn nobody_is_behind_a_server_that_is_gone() {
    for is_gone in [true, false] {
        let mut stage = Stage::of(0, 1, KEEPING);
        stage.meet(7, 1);
        stage.frame(0, |frame| frame.mark = Mark::of_round(5));
        stage.run(ONE_SECOND);
        if is_gone {
            stage.note(Note::Forget(stage.other_address()));
        }
        stage.run(10 * ONE_SECOND);
        let stale = |(_, report): &(_, _)| matches!(report, members::Message::Stale { .. });
        assert_ne!(stage.reports().iter().any(stale), is_gone);
    }
}

#[test]
fn whoever_lacks_the_store_reports_nothing_as_left() {
    let mut stage = Stage::of(1, 2, KEEPING);
    stage.note(Note::Fetch { server: 7, attempt: 1 });
    stage.write("key", None);
    stage.run(30 * ONE_SECOND);
    assert!(left_with_siblings(&stage).is_empty());
}

#[test]
fn tombstones_are_reported_as_left_only_when_rounds_should_have_had_them() {
    let mut stage = Stage::of(1, 2, KEEPING);
    stage.run(8 * ONE_SECOND);
    stage.write("key", None);
    stage.run(8 * ONE_SECOND);
    assert!(left_with_siblings(&stage).is_empty(), "it has just got old");
    stage.run(6 * ONE_SECOND);
    let left = left_with_siblings(&stage);
    assert!(left.iter().any(|tombstone| tombstone.key() == "key"), "{left:?}");
}

#[test]
fn nothing_is_reported_as_left_while_rounds_come() {
    let mut stage = Stage::of(1, 2, KEEPING);
    stage.write("key", None);
    for number in 1..10 {
        let (mark, sweep) = (Mark::of_round(number), say_begin(number, &[old("other", 5, None)]));
        stage.say(Sync { from: 0, mark, sweep, ..Sync::default() });
        stage.run(3 * ONE_SECOND);
        assert_eq!(stage.swept(), Some(number));
        assert!(left_with_siblings(&stage).is_empty(), "after round {number}");
    }
    stage.run(20 * ONE_SECOND);
    assert!(!left_with_siblings(&stage).is_empty(), "now none comes any more");
}

#[test]
fn what_is_left_is_reported_to_the_first_actor_of_the_smallest_server() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.meet(7, 2);
    stage.write("key", None);
    stage.run(20 * ONE_SECOND);
    let [first, second] =
        [0, 1].map(|place| left(stage.frames(place).iter().map(|frame| &frame.sweep)));
    assert_eq!((first[0].key(), second.len()), ("key", 0));
}

#[test]
fn what_others_report_as_left_comes_into_the_next_round_as_far_as_it_fits() {
    let mut stage = leading(secs(2));
    for part in 0..2 {
        let keys = (0..MAX_TOMBSTONES).map(|number| format!("{part}/{number}"));
        let tombstones: Vec<Entry> = keys.map(|key| old(&key, 5, None)).collect();
        let (mark, sweep) = (Mark::of_round(0), Some(Say::Left(pack(&tombstones))));
        stage.say(Sync { from: 1, mark, sweep, ..Sync::default() });
    }
    let rounds = rounds(&mut stage, 10);
    assert_eq!(rounds[0].tombstones.entries() as usize, MAX_TOMBSTONES);
}

#[test]
fn a_round_from_elsewhere_is_passed_on_to_those_siblings_who_have_not_confirmed_it() {
    let mut stage = Stage::of(0, 3, KEEPING);
    stage.meet(7, 1);
    stage.say(Sync { from: 2, mark: Mark::of_round(1), ..Sync::default() });
    stage.frame(0, |frame| frame.sweep = say_begin(1, &[old("key", 5, None)]));
    stage.run(500);
    assert_eq!(begun(&stage.syncs(1)), [begin(1, &[old("key", 5, None)])]);
    assert_eq!(begun(&stage.syncs(2)), []);
}

#[test]
fn a_round_is_told_to_the_first_actor_of_each_server_by_whoever_begins_it() {
    for leads in [true, false] {
        let mut stage = Stage::of(0, 1, KEEPING);
        stage.note(Note::Lead(leads));
        stage.meet(7, 2);
        for place in [0, 1] {
            stage.frame(place, |frame| frame.mark = Mark::of_round(0));
        }
        match leads {
            true => {
                stage.write("key", None);
            }
            false => stage.frame(0, |frame| frame.sweep = say_begin(1, &[old("key", 5, None)])),
        }
        stage.run(6 * ONE_SECOND);
        assert_ne!(stage.swept(), Some(0), "it has confirmed the round");
        let told = |place| {
            let said: Vec<_> = stage.frames(place).into_iter().filter_map(|f| f.sweep).collect();
            said.iter().filter(|say| matches!(say, Say::Begin(_))).count()
        };
        assert_eq!([0, 1].map(told), [usize::from(leads), 0]);
    }
}

#[test]
fn a_round_that_does_not_follow_is_not_confirmed() {
    let mut stage = Stage::of(0, 2, KEEPING);
    let sweep = say_begin(3, &[old("key", 5, None)]);
    stage.say(Sync { from: 1, sweep, ..Sync::default() });
    stage.run(100);
    assert_eq!(stage.swept(), Some(0));
}

#[test]
fn what_comparing_brings_is_refused_like_the_rest_from_who_has_not_confirmed() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 1);
    let mark = Mark::of_round(1);
    let sweep = say_begin(1, &[old("key", 6, None)]);
    stage.say(Sync { from: 1, mark, sweep, ..Sync::default() });
    stage.frame(0, |frame| frame.mark = mark);
    stage.run(100);
    assert_eq!(stage.look(|actor| actor.replica.tombstones()), 0, "it is collected");
    let behind = Mark::of_round(0);
    let settle =
        || digest::Message::Settle { entries: vec![old("key", 5, Some("v"))], want: Vec::new() };
    stage.say(Sync { from: 1, mark: behind, digest: vec![settle()], ..Sync::default() });
    stage.frame(0, |frame| (frame.mark, frame.digest) = (behind, Some(settle())));
    stage.run(100);
    assert_eq!(stage.get("key"), None);
    stage.say(Sync { from: 1, mark, digest: vec![settle()], ..Sync::default() });
    stage.run(100);
    assert_eq!(stage.get("key"), Some("v".to_owned()), "from others it would be taken");
}

/// Places are counted by what is above the eight bits of chance.
#[test]
fn whoever_has_gone_further_does_not_follow_another_chain_from_its_beginning() {
    let mut stage = Stage::of(0, 2, KEEPING);
    for (number, after, swept) in
        [(0x100, 0, 0x100), (0x200, 0x100, 0x200), (0x3ff, 0, 0x200), (0x2ff, 0x100, 0x2ff)]
    {
        let (round, after) = (Round::of(number), Round::of(after));
        let begin = Begin { round, after, tombstones: pack(&[old("key", 5, None)]) };
        let (mark, sweep) = (Mark::of_round(0x200), Some(Say::Begin(begin)));
        stage.say(Sync { from: 1, mark, sweep, ..Sync::default() });
        stage.run(10);
        assert_eq!(stage.swept(), Some(swept), "after {number:x}");
    }
}

#[test]
fn what_is_worth_more_is_said_and_of_equals_the_later() {
    let left = |key| Say::Left(pack(&[old(key, 5, None)]));
    let all = [
        [Say::Ask, Say::Ask],
        [left("a"), left("b")],
        [1, 2].map(|round| Say::Want(Round::of(round))),
        [1, 2].map(|number| Say::Begin(begin(number, &[]))),
    ];
    let mut place = None;
    for says in &all {
        for say in says {
            say.clone().put(&mut place);
            assert_eq!(place.as_ref(), Some(say));
        }
        all[0][0].clone().put(&mut place);
        assert_eq!(place.as_ref(), Some(&says[1]), "a question is worth least");
    }
    for less in all.iter().flatten().take(6) {
        less.clone().put(&mut place);
        assert_eq!(place.as_ref(), Some(&all[3][1]), "a round is worth most");
    }
    assert_eq!(all.map(|[say, _]| say.is_small()), [true, false, true, false]);
}

#[test]
fn servers_that_were_told_another_age_are_noticed_and_skewed_clocks_are_not() {
    let (mut actor, now) = (QueryActor::new(), Duration::from_secs(5));
    actor.compare_ages(3_590_000, 3_600_000, now);
    assert!(!actor.health(now).ages_differ);
    actor.compare_ages(600_000, 3_600_000, now);
    assert!(actor.health(now).ages_differ);
    assert!(!actor.health(now + DIFFERED_LATELY).ages_differ, "it may have been put right");
}
