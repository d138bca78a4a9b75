//! One actor that begins anew; the others around it say what the test wants.

use super::super::fetch::Giving;
use super::super::sweep::Mark;
use super::super::tests::stage::*;
use super::super::{Fetched, Given, Note, Sync};
use super::*;
use crate::replica::Replica;

fn renew(stage: &mut Stage, generation: u64) {
    stage.note(Note::Renew(Renewal { generation, since_millis: 0, writers: Vec::new() }));
}

fn is_ready(stage: &Stage) -> bool {
    stage.look(QueryActor::is_ready)
}

fn keys(stage: &Stage) -> usize {
    stage.look(|actor| actor.replica.len())
}

/// The numbers of writers that the members actor was told.
fn writers(stage: &Stage) -> Vec<u64> {
    let reports = stage.reports().into_iter();
    reports
        .filter_map(|(_, report)| match report {
            members::Message::Writes { writer } => Some(writer),
            _ => None,
        })
        .collect()
}

#[test]
fn a_new_beginning_is_a_new_state_to_all() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 1);
    let before = stage.state();
    renew(&mut stage, 3);
    stage.run(1000);
    let state = stage.state();
    assert_ne!(state, before);
    assert!(!is_ready(&stage));
    assert_eq!(writers(&stage).last(), Some(&state));
    stage.frames(0);
    stage.syncs(1);
    assert_eq!(stage.write("key", Some("v")).uid, state);
    stage.run(200);
    assert!(stage.frames(0).iter().all(|frame| frame.state == state));
    let syncs = stage.syncs(1);
    assert!(!syncs.is_empty() && syncs.iter().all(|sync| sync.generation == 3));
    // It is told of it again, since the members actor has panicked meanwhile.
    renew(&mut stage, 3);
    assert_eq!(stage.state(), state, "it does not begin anew once more");
}

#[test]
fn what_waits_for_siblings_is_not_told_after_a_new_beginning() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 1);
    stage.write("first", Some("now the next message has to wait"));
    stage.run(10);
    stage.syncs(1);
    stage.frame(0, |frame| frame.data = data(1, &[old("key", 5, Some("v"))]));
    stage.run(10);
    renew(&mut stage, 1);
    stage.run(1000);
    assert_eq!(brought_by_syncs(&stage.syncs(1)), []);
}

#[test]
fn what_another_server_has_not_acknowledged_waits_until_the_store_is_here() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.meet(7, 1);
    stage.write("key", Some("v"));
    stage.run(500);
    let sent = stage.frames(0).into_iter().filter_map(|frame| frame.data).next_back().unwrap();
    renew(&mut stage, 1);
    stage.run(3000);
    let after = stage.frames(0);
    let to_state = after.last().map(|frame| frame.state);
    stage.frame(0, |frame| {
        (frame.to_state, frame.ack) = (to_state, lost(sent.stream, sent.sent));
    });
    stage.run(1000);
    assert_eq!(brought_by_frames(&after), []);
    assert_eq!(brought_by_frames(&stage.frames(0)), []);
    stage.note(Note::Open);
    stage.run(2000);
    let brought = brought_by_frames(&stage.frames(0));
    assert!(brought.iter().any(|entry| entry.key() == "key"), "then it is offered");
}

#[test]
fn what_was_found_in_comparing_is_not_told_after_a_new_beginning() {
    let mut stage = Stage::searching();
    renew(&mut stage, 1);
    stage.run(1000);
    assert_eq!(brought_by_syncs(&stage.syncs(1)), []);
}

#[test]
fn what_another_server_is_being_given_is_not_given_after_a_new_beginning() {
    let mut stage = Stage::giving();
    renew(&mut stage, 1);
    stage.run(1000);
    assert!(stage.frames(0).iter().all(|frame| frame.chunk.is_none()));
}

#[test]
fn what_is_yet_to_be_merged_is_not_merged_after_a_new_beginning() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.say(Sync { from: 1, entries: many(MANY), ..Sync::default() });
    renew(&mut stage, 1);
    stage.run(1000);
    assert_eq!(keys(&stage), 0);
}

#[test]
fn what_a_sibling_says_that_has_begun_anew_already_is_not_lost() {
    let mut stage = Stage::of(0, 2, KEEPING);
    let entries = vec![old("key", 5, Some("v"))];
    stage.say(Sync { from: 1, generation: 1, entries, ..Sync::default() });
    stage.run(100);
    assert_eq!(keys(&stage), 0, "it is of the next store");
    renew(&mut stage, 1);
    stage.run(100);
    assert_eq!(stage.get("key"), Some("v".to_owned()));
}

/// Its siblings may not have heard them, and other servers are not there to miss them.
#[test]
fn each_actor_looks_for_what_its_own_clients_have_written() {
    let mut stage = Stage::of(1, 2, KEEPING);
    stage.write("first", Some("now the next message has to wait"));
    stage.write("key", Some("v"));
    renew(&mut stage, 1);
    stage.note(Note::Open);
    stage.run(1000);
    let syncs: Vec<_> = stage.syncs(0).into_iter().filter(|sync| sync.generation == 1).collect();
    let mut told: Vec<String> =
        brought_by_syncs(&syncs).iter().map(|entry| entry.key().to_owned()).collect();
    told.sort_unstable();
    assert_eq!(told, ["first", "key"]);
}

/// Those of lost states nobody else would look for.
#[test]
fn the_first_actor_alone_looks_for_what_all_states_have_written() {
    for (me, found) in [(0, 1), (1, 0)] {
        let mut stage = Stage::of(me, 2, KEEPING);
        let entries = vec![old("key", 5, Some("v"))];
        let writers = vec![entries[0].stamp().uid];
        stage.say(Sync { from: 1 - me, entries, ..Sync::default() });
        stage.run(100);
        stage.note(Note::Renew(Renewal { generation: 1, since_millis: 0, writers }));
        stage.note(Note::Open);
        stage.run(1000);
        assert_eq!(keys(&stage), found, "at place {me}");
    }
}

/// A deleted key is remembered for longer than it takes to be heard.
#[test]
fn what_was_written_long_ago_is_not_looked_for_beside_a_sibling_that_is_ahead() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.write("early", Some("v"));
    stage.run(20_000);
    let before = stage.state();
    stage.say(Sync { from: 1, mark: Mark::of_round(5), ..Sync::default() });
    stage.run(2000);
    stage.write("late", Some("v"));
    stage.run(5000);
    assert_ne!(stage.state(), before, "it has begun anew");
    let given = Given::All { ready: true };
    stage.say(Sync { from: 1, mark: Mark::of_round(5), given, ..Sync::default() });
    stage.run(1000);
    assert!(is_ready(&stage));
    assert_eq!([stage.get("early"), stage.get("late")], [None, Some("v".to_owned())]);
}

#[test]
fn writes_after_a_new_beginning_beat_what_was_collected_before() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.note(Note::Lead(true));
    let deleted = stage.write("key", None);
    stage.run(10_000);
    assert_eq!(stage.look(|actor| actor.replica.tombstones()), 0, "it is collected");
    renew(&mut stage, 1);
    stage.step_back(3_600_000);
    assert!(stage.write("key", Some("v")) > deleted);
}

/// It was refused a part of what its sibling gave its last state, but of nothing of what it gives this one.
#[test]
fn who_was_refused_before_a_new_beginning_may_give_everything_after_it() {
    let mut stage = Stage::of(0, 3, KEEPING);
    stage.panic();
    let part = |round, from, given| {
        let entries = vec![old(&format!("{from}"), 5, Some("v"))];
        Sync { from, mark: Mark::of_round(round), given, entries, ..Sync::default() }
    };
    stage.say(part(1, 1, Given::Part));
    stage.say(part(5, 2, Given::Nothing));
    stage.say(part(1, 1, Given::Part));
    stage.run(10);
    let before = stage.state();
    stage.run(1500);
    assert_ne!(stage.state(), before, "it has begun anew");
    stage.say(part(5, 1, Given::All { ready: true }));
    stage.run(100);
    assert!(stage.look(|actor| actor.refill.is_none()));
}

#[test]
fn whoever_has_lost_its_state_says_so_and_goes_on_saying_how_it_is() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.panic();
    stage.run(500);
    stage.reports();
    stage.panic();
    stage.run(3000);
    let reports: Vec<_> = stage.reports().into_iter().map(|(_, report)| report).collect();
    let said = |what: fn(&members::Message) -> bool| reports.iter().any(what);
    assert!(said(|report| matches!(report, members::Message::Resumed { place: 0 })));
    assert!(said(|report| matches!(report, members::Message::Replica { place: 0, .. })));
}

#[test]
fn whoever_has_lost_its_state_does_not_say_that_the_store_is_here() {
    let mut stage = Stage::of(0, 2, KEEPING);
    for known in [Store::Here, Store::Unknown] {
        stage.reports();
        stage.note(Note::Introduce);
        stage.run(1000);
        let said = stage.reports().into_iter().find_map(|(_, report)| match report {
            members::Message::Store { store, .. } => Some(store),
            _ => None,
        });
        assert_eq!(said, Some(known));
        stage.panic();
    }
}

#[test]
fn a_refill_ends_with_a_new_beginning() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.panic();
    assert!(!is_ready(&stage), "its sibling is silent");
    renew(&mut stage, 1);
    stage.note(Note::Open);
    assert!(is_ready(&stage), "the server has the store");
}

#[test]
fn whoever_is_being_refilled_begins_anew_beside_its_sibling_if_another_server_is_ahead() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.panic();
    stage.meet(7, 1);
    let (given, entries) = (Given::Part, vec![old("key", 5, Some("v"))]);
    stage.say(Sync { from: 1, mark: Mark::of_round(0), given, entries, ..Sync::default() });
    stage.run(100);
    assert_eq!(keys(&stage), 1);
    stage.reports();
    let before = stage.state();
    stage.frame(0, |frame| frame.mark = Mark::of_round(5));
    stage.run(2000);
    assert_ne!(stage.state(), before);
    assert_eq!(keys(&stage), 0, "what it was given may have been deleted for good");
    let stale = |(_, report): &(_, _)| matches!(report, members::Message::Stale { .. });
    assert!(!stage.reports().iter().any(stale), "the server has the store all the same");
}

/// The slice is among what the actor has let go of.
#[test]
fn what_was_fetched_before_a_new_beginning_does_not_count_after_it() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 2);
    stage.note(Note::Fetch { server: 7, attempt: 1 });
    stage.run(500);
    let request = stage.frames(0).into_iter().find_map(|frame| frame.request).unwrap();
    let (mut giving, mut replica) = (Giving::new(request, true), Replica::default());
    assert!(replica.merge(old("key", 5, Some("v"))));
    let chunk = std::iter::repeat_with(|| giving.go_on(&replica, 1000)).flatten().next();
    stage.frame(0, |frame| (frame.mark, frame.chunk) = (Mark::of_round(0), chunk));
    stage.run(100);
    stage.say(Sync { from: 1, mark: Mark::of_round(5), ..Sync::default() });
    stage.run(2000);
    assert_eq!(keys(&stage), 0, "its sibling is ahead of what it has fetched");
    let fetched = vec![Fetched { server: 7, attempt: 1, slice: 1, ready: true }];
    stage.say(Sync { from: 1, mark: Mark::of_round(5), fetched, ..Sync::default() });
    stage.run(1000);
    let all = |(_, report): &(_, _)| matches!(report, members::Message::Fetched { .. });
    assert!(!stage.reports().iter().any(all), "a slice is missing");
}

/// The members actor would have the store fetched once for each.
#[test]
fn that_the_store_has_to_be_fetched_anew_is_not_said_twice_at_once() {
    let mut stage = Stage::of(0, 3, KEEPING);
    stage.meet(7, 1);
    stage.note(Note::Fetch { server: 7, attempt: 1 });
    stage.frame(0, |frame| frame.mark = Mark::of_round(5));
    stage.run(200);
    // Now what is told the members actor has to wait.
    stage.note(Note::Introduce);
    stage.reports();
    for from in [1, 2] {
        let fetched = vec![Fetched { server: 7, attempt: 1, slice: 0, ready: true }];
        stage.say(Sync { from, mark: Mark::of_round(1), fetched, ..Sync::default() });
    }
    stage.run(1000);
    let stale = |(_, report): &(_, _)| matches!(report, members::Message::Stale { .. });
    assert_eq!(stage.reports().iter().filter(|report| stale(report)).count(), 1);
}

#[test]
fn new_beginnings_in_a_row_stay_within_the_budget() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 1);
    for generation in 1..40 {
        renew(&mut stage, generation);
        stage.write("key", Some("v"));
        stage.run(30);
        assert!(stage.rate() <= 10);
    }
}

#[test]
fn panics_in_a_row_stay_within_the_budget_of_the_members_actor() {
    let mut stage = Stage::of(0, 1, KEEPING);
    for _ in 0..5 {
        stage.panic();
        stage.run(30);
    }
    let at: Vec<_> = stage.reports().into_iter().map(|(at, _)| at).collect();
    assert!(at.windows(2).all(|two| two[1] - two[0] >= PACE), "{at:?}");
}
