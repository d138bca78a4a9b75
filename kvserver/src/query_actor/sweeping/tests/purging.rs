//! Whoever has confirmed a round says nothing any more that its tombstones have made void.

use super::*;

fn confirm(stage: &mut Stage) {
    let sweep = say_begin(1, &[old("key", 6, None)]);
    stage.say(Sync { from: 1, sweep, ..Sync::default() });
    stage.run(10);
    assert_eq!(stage.swept(), Some(1), "it has confirmed the round");
}

fn check_void(brought: &[Entry]) {
    let live: Vec<_> =
        brought.iter().filter(|one| one.key() == "key" && one.value().is_some()).collect();
    assert!(live.is_empty(), "{live:?}");
}

#[test]
fn what_waits_for_siblings_is_void_once_its_tombstones_are_confirmed() {
    for way in ["news", "a refill", "comparing"] {
        let mut stage = Stage::of(0, 2, KEEPING);
        stage.meet(7, 1);
        if way != "news" {
            stage.frame(0, |frame| frame.data = data(1, &[old("key", 5, Some("v"))]));
            stage.run(200);
        }
        stage.write("first", Some("now the next message has to wait"));
        stage.syncs(1);
        match way {
            "news" => stage.frame(0, |frame| frame.data = data(1, &[old("key", 5, Some("v"))])),
            "a refill" => stage.say(Sync { from: 1, ask: true, ..Sync::default() }),
            _ => stage.say(Sync { from: 1, digest: vec![wants("key")], ..Sync::default() }),
        }
        stage.run(10);
        assert!(brought_by_syncs(&stage.syncs(1)).is_empty(), "{way}: it waits");
        confirm(&mut stage);
        stage.run(1000);
        check_void(&brought_by_syncs(&stage.syncs(1)));
    }
}

#[test]
fn what_another_server_has_not_acknowledged_is_void_once_its_tombstones_are_confirmed() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 1);
    let written = stage.write("key", Some("v"));
    stage.run(1500);
    let sent = stage.frames(0).into_iter().filter_map(|frame| frame.data).next_back().unwrap();
    let tombstone = Entry::new(Stamp { counter: 1, ..written }, "key", None);
    let sweep = say_begin(1, &[tombstone]);
    stage.say(Sync { from: 1, sweep, ..Sync::default() });
    stage.run(10);
    assert_eq!(stage.swept(), Some(1), "it has confirmed the round");
    stage.frame(0, |frame| frame.ack = lost(sent.stream, sent.sent));
    stage.run(500);
    let brought = brought_by_frames(&stage.frames(0));
    assert!(brought.iter().any(|entry| entry.key() == "key"), "it is sent again");
    check_void(&brought);
}

#[test]
fn what_was_written_lately_is_void_once_its_tombstones_are_confirmed() {
    let mut stage = Stage::of(0, 2, KEEPING);
    let written = stage.write("key", Some("v"));
    stage.write("other", Some("v"));
    stage.run(1500);
    let tombstone = Entry::new(Stamp { counter: 1, ..written }, "key", None);
    let sweep = say_begin(1, &[tombstone]);
    stage.say(Sync { from: 1, sweep, ..Sync::default() });
    stage.meet(7, 1);
    assert_eq!(stage.swept(), Some(1), "it has confirmed the round");
    let brought = brought_by_frames(&stage.frames(0));
    assert!(brought.iter().any(|entry| entry.key() == "other"), "a stream begins with it");
    check_void(&brought);
}

#[test]
fn what_waits_for_another_server_is_void_once_its_tombstones_are_confirmed() {
    for way in ["a chunk", "comparing"] {
        let mut stage = Stage::of(0, 2, KEEPING);
        stage.meet(7, 1);
        stage.say(Sync { from: 1, entries: vec![old("key", 5, Some("v"))], ..Sync::default() });
        stage.run(200);
        stage.write("first", Some("now the next frame has to wait"));
        stage.frames(0);
        stage.frame(0, |frame| match way {
            "a chunk" => frame.request = everything(),
            _ => frame.digest = Some(wants("key")),
        });
        stage.run(10);
        let brought = brought_by_frames(&stage.frames(0));
        assert!(brought.iter().all(|entry| entry.key() != "key"), "{way}: it waits");
        confirm(&mut stage);
        stage.run(1000);
        check_void(&brought_by_frames(&stage.frames(0)));
    }
}

#[test]
fn what_was_found_in_comparing_is_void_once_its_tombstones_are_confirmed() {
    let mut stage = Stage::searching();
    confirm(&mut stage);
    stage.run(1000);
    check_void(&brought_by_syncs(&stage.syncs(1)));
}

#[test]
fn what_another_server_is_being_given_is_void_once_its_tombstones_are_confirmed() {
    let mut stage = Stage::giving();
    confirm(&mut stage);
    stage.run(1000);
    let brought = brought_by_frames(&stage.frames(0));
    assert_eq!(brought.len(), MANY + 1);
    check_void(&brought);
}

#[test]
fn tombstones_that_are_collected_are_told_to_nobody() {
    let mut stage = Stage::of(0, 2, KEEPING);
    stage.meet(7, 1);
    stage.write("first", Some("now the next message has to wait"));
    stage.syncs(1);
    let tombstone = old("key", 6, None);
    stage.frame(0, |frame| frame.data = data(1, std::slice::from_ref(&tombstone)));
    stage.run(10);
    confirm(&mut stage);
    stage.say(Sync { from: 1, mark: Mark::of_round(1), ..Sync::default() });
    stage.frame(0, |frame| frame.mark = Mark::of_round(1));
    stage.run(10);
    assert_eq!(stage.look(|actor| actor.replica.tombstones()), 0, "it is collected");
    stage.run(1000);
    let brought = brought_by_syncs(&stage.syncs(1));
    assert!(!brought.contains(&tombstone), "{brought:?}");
}

#[test]
fn a_round_is_not_collected_before_all_that_came_earlier_is_merged() {
    let mut stage = Stage::of(0, 2, KEEPING);
    confirm(&mut stage);
    let mut entries = many(MANY);
    entries.push(old("key", 5, Some("v")));
    stage.say(Sync { from: 1, entries, ..Sync::default() });
    stage.say(Sync { from: 1, mark: Mark::of_round(1), ..Sync::default() });
    stage.run(1000);
    assert_eq!(stage.look(|actor| actor.replica.tombstones()), 0, "it is collected");
    assert_eq!(stage.get("key"), None);
    assert_eq!(stage.look(|actor| actor.replica.len()), MANY);
}
