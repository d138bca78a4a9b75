//! One actor, and what other servers and its members actor have to do with it.

use super::super::fetch::{Chunk, Request};
use super::super::stream::Data;
use super::super::sweep::Mark;
use super::stage::*;
use super::*;
use crate::replica::{Replica, Walk};

const FETCH: Note = Note::Fetch { server: 7, attempt: 1 };

fn reports(stage: &Stage) -> Vec<members::Message> {
    stage.reports().into_iter().map(|(_, report)| report).collect()
}

fn is_fetching(report: &members::Message) -> bool {
    matches!(report, members::Message::Fetching { server: 7, attempt: 1 })
}

fn is_fetched(report: &members::Message) -> bool {
    matches!(report, members::Message::Fetched { .. })
}

fn requests(stage: &Stage) -> Vec<Request> {
    stage.frames(0).into_iter().filter_map(|frame| frame.request).collect()
}

fn chunks(stage: &Stage) -> Vec<Chunk> {
    stage.frames(0).into_iter().filter_map(|frame| frame.chunk).collect()
}

/// The actor wants the store from a server of one actor, and has asked for it.
fn fetching(me: usize, count: usize) -> (Stage, Request) {
    let mut stage = Stage::of(me, count, KEEPING);
    stage.meet(7, 1);
    stage.note(FETCH);
    stage.run(500);
    let request = requests(&stage).pop().expect("a question");
    (stage, request)
}

/// Has the other server answer a question, with the last chunk.
fn give(stage: &mut Stage, request: &Request, entries: &[Entry]) {
    let mut next = Walk::default();
    while !next.is_done() {
        Replica::default().walk(&mut next, 1);
    }
    let chunk = Chunk { turn: request.turn, parts: vec![pack(entries)], next, ready: true };
    stage.frame(0, |frame| frame.chunk = Some(chunk));
}

#[test]
fn what_an_actor_gives_that_lacks_the_store_is_not_everything() {
    for ready in [true, false] {
        let mut stage = Stage::of(0, 1, KEEPING);
        stage.meet(7, 1);
        if !ready {
            stage.note(Note::Fetch { server: 8, attempt: 1 });
        }
        stage.frame(0, |frame| frame.request = everything());
        stage.run(500);
        assert_eq!(chunks(&stage).pop().map(|chunk| chunk.ready), Some(ready));
    }
}

#[test]
fn whoever_asks_for_something_else_is_given_that() {
    let mut stage = Stage::giving();
    stage.slow_down(1);
    stage.frame(0, |frame| frame.request = everything().map(|one| Request { turn: 1, ..one }));
    stage.run(1000);
    let turns: Vec<u32> = chunks(&stage).iter().map(|chunk| chunk.turn).collect();
    assert_eq!(turns, [1]);
}

#[test]
fn whoever_asks_again_is_given_it_once() {
    let mut stage = Stage::giving();
    stage.slow_down(1);
    stage.frame(0, |frame| frame.request = everything());
    stage.run(1000);
    assert_eq!(chunks(&stage).len(), 1);
}

#[test]
fn a_server_that_was_forgotten_is_given_nothing_more() {
    let mut stage = Stage::giving();
    let address = stage.other_address();
    stage.tell(Message::Notes(vec![Note::Forget(address)]));
    stage.sim.run_for(Duration::from_micros(10));
    assert!(stage.look(|actor| actor.peers.members().count() == 0));
    assert_eq!(stage.look(QueryActor::work_bytes), 0);
    assert!(stage.look(|actor| actor.giving.is_empty()));
}

#[test]
fn a_server_that_is_met_is_compared_with_soon() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.run(1500);
    stage.meet(900, 1);
    stage.run(500);
    assert!(stage.frames(0).iter().any(|frame| frame.digest.is_some()));
}

#[test]
fn whoever_lacks_the_store_compares_it_with_nobody() {
    let mut stage = Stage::of(0, 2, KEEPING);
    let compares = |stage: &mut Stage| {
        stage.syncs(1);
        stage.run(3000);
        stage.syncs(1).iter().any(|sync| !sync.digest.is_empty())
    };
    assert!(compares(&mut stage));
    stage.note(FETCH);
    assert!(!compares(&mut stage));
}

/// From the one that it fetches from it gets all the same.
#[test]
fn whoever_lacks_the_store_does_not_catch_up_with_others_beside() {
    let behind = |stage: &mut Stage, stream| {
        stage.frames(0);
        let data = data(1, &[old("key", 5, Some("v"))]);
        stage.frame(0, |frame| frame.data = data.map(|data| Data { stream, whole: false, ..data }));
        stage.run(500);
        !requests(stage).is_empty()
    };
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.meet(7, 1);
    stage.note(FETCH);
    stage.meet(8, 1);
    assert!(!behind(&mut stage, 1));
    stage.note(Note::Open);
    assert!(behind(&mut stage, 2));
}

#[test]
fn what_is_fetched_is_reported_now_and_then_and_told_to_siblings_at_the_end() {
    let (mut stage, mut request) = fetching(0, 2);
    let mut reported = 0;
    for _ in 0..20 {
        let (turn, next) = (request.turn, request.from);
        let chunk = Chunk { turn, parts: Vec::new(), next, ready: true };
        stage.frame(0, |frame| frame.chunk = Some(chunk));
        stage.run(200);
        request = requests(&stage).pop().expect("the next question");
        reported += reports(&stage).iter().filter(|report| is_fetching(report)).count();
    }
    assert_eq!(reported, 2, "in four seconds");
    give(&mut stage, &request, &[old("key", 5, Some("v"))]);
    stage.run(500);
    assert!(reports(&stage).iter().any(is_fetched));
    let told: Vec<Fetched> = stage.syncs(1).into_iter().flat_map(|sync| sync.fetched).collect();
    assert_eq!(told, [Fetched { server: 7, attempt: 1, slice: 0, ready: true }]);
}

#[test]
fn what_comes_of_a_fetch_when_the_store_is_here_is_not_reported() {
    let (mut stage, request) = fetching(0, 1);
    stage.note(Note::Open);
    give(&mut stage, &request, &[old("key", 5, Some("v"))]);
    stage.run(1000);
    assert_eq!(stage.get("key"), Some("v".to_owned()));
    assert!(!reports(&stage).iter().any(|report| is_fetching(report) || is_fetched(report)));
}

#[test]
fn what_was_fetched_is_everything_if_all_who_gave_it_were_ready() {
    for ready in [true, false] {
        let mut stage = Stage::of(0, 2, KEEPING);
        stage.meet(7, 2);
        stage.note(FETCH);
        let slice = |slice, ready| Fetched { server: 7, attempt: 1, slice, ready };
        let fetched = vec![slice(0, ready), slice(1, true)];
        stage.say(Sync { from: 1, fetched, ..Sync::default() });
        stage.run(1000);
        let said = reports(&stage).into_iter().find_map(|report| match report {
            members::Message::Fetched { ready, .. } => Some(ready),
            _ => None,
        });
        assert_eq!(said, Some(ready));
    }
}

/// Between two servers that cannot hear each other only news are passed on: each fetches for itself.
#[test]
fn what_was_fetched_is_not_passed_on() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.meet(8, 1);
    stage.meet(7, 1);
    stage.note(Note::Relay(vec![(7, 8)]));
    stage.note(FETCH);
    stage.run(500);
    let request = requests(&stage).pop().expect("a question");
    give(&mut stage, &request, &[old("fetched", 5, Some("v"))]);
    stage.run(500);
    assert_eq!(stage.get("fetched"), Some("v".to_owned()));
    let lag = |stage: &Stage| stage.look(|actor| actor.peers.standings(Duration::ZERO)[&8].lag);
    assert_eq!(lag(&stage), 0);
    stage.frame(0, |frame| frame.data = data(1, &[old("news", 5, Some("v"))]));
    stage.run(500);
    assert_eq!(lag(&stage), 1);
}

/// What it said while it knew an earlier state only, does not say that it has heard all of this one.
#[test]
fn no_round_is_begun_while_another_server_does_not_know_this_state() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.note(Note::Lead(true));
    stage.meet(7, 1);
    stage.write("key", None);
    for knows in [false, true] {
        for _ in 0..10 {
            stage.frame(0, |frame| {
                frame.mark = Mark::of_round(0);
                frame.to_state = frame.to_state.filter(|_| knows);
            });
            stage.run(500);
        }
        assert_eq!(stage.swept() != Some(0), knows);
    }
}

#[test]
fn a_server_whose_clock_cannot_be_right_is_complained_of_once_a_minute() {
    let mut stage = Stage::of(0, 1, KEEPING);
    stage.meet(7, 1);
    let end = serde_json::json!({ "claim": "New", "collected": null, "floor_millis": u64::MAX });
    let mark: Mark = serde_json::from_value(end).unwrap();
    let mut complaints = Vec::new();
    for _ in 0..70 {
        stage.frame(0, |frame| frame.mark = mark);
        stage.run(1000);
        complaints.extend(stage.look(|actor| actor.last_complaint));
    }
    complaints.dedup();
    assert_eq!(complaints.len(), 2);
    assert!((secs(60)..secs(62)).contains(&(complaints[1] - complaints[0])));
}
