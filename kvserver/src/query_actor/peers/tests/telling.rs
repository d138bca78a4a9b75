//! What another actor is told when it is met, or is in a new state, and with whom stores are compared.

use super::super::super::pack::Packer;
use super::*;
use crate::replica::Walk;

impl Pair {
    /// The second end loses its state. Returns with what the first one's stream begins anew.
    fn lose_state(&mut self) -> Data {
        self.ends[1] = Peers::new(Some(member(1)), 0, 201, false);
        self.ends[1].meet(member(0), self.now);
        self.now += ms(500);
        let frame = self.ends[1].take(Mark::default(), self.now).pop().unwrap().1;
        self.ends[0].take_in(frame, self.now);
        self.now += ms(500);
        self.ends[0].take(Mark::default(), self.now).pop().unwrap().1.data.unwrap()
    }
}

fn keys(data: &Data) -> Vec<String> {
    let entries = data.entries.iter().cloned().flat_map(Unpacker::from);
    entries.map(|entry| entry.unwrap().key().to_owned()).collect()
}

fn entry(key: &str, millis: u64, value: Option<&str>) -> Entry {
    Entry::new(Stamp { millis, counter: 0, uid: 0 }, key, value)
}

#[test]
fn a_new_state_is_told_what_was_written_lately() {
    let mut pair = Pair::new();
    pair.write(0, "first");
    pair.run(ms(1000), || false);
    pair.write(0, "second");
    pair.run(ms(1000), || false);
    let data = pair.lose_state();
    assert_eq!((data.whole, keys(&data)), (true, vec!["first".to_owned(), "second".to_owned()]));
}

#[test]
fn a_new_state_is_not_told_what_it_has_to_fetch_in_any_case() {
    let mut pair = Pair::new();
    pair.write(0, "old");
    pair.run(ms(10_000), || false);
    let data = pair.lose_state();
    assert_eq!((data.whole, keys(&data)), (false, vec![]));
}

#[test]
fn a_new_state_is_told_what_the_old_one_has_not_acknowledged() {
    let mut pair = Pair::new();
    pair.run(ms(1000), || false);
    pair.write(0, "lost");
    pair.run(ms(10_000), || true);
    let data = pair.lose_state();
    assert_eq!((data.whole, keys(&data)), (false, vec!["lost".to_owned()]));
}

#[test]
fn a_server_that_is_met_is_told_what_was_written_lately_and_whether_that_is_all() {
    for (pause, whole, told) in [(1000, true, vec!["key".to_owned()]), (10_000, false, vec![])] {
        let mut peers = Peers::new(Some(member(0)), 0, 100, true);
        peers.wrote(&entry("key", 1, Some("v")), ms(0));
        peers.meet(member(1), ms(pause));
        let data = peers.take(Mark::default(), ms(pause)).pop().unwrap().1.data.unwrap();
        assert_eq!((data.whole, keys(&data)), (whole, told));
    }
}

#[test]
fn what_was_deleted_for_good_is_told_nobody_who_is_met() {
    let (value, tombstone) = (entry("key", 1, Some("v")), entry("key", 2, None));
    let mut packer = Packer::default();
    packer.push(&tombstone);
    let tombstones = Tombstones::read(&packer.finish()).unwrap();
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    peers.wrote(&value, ms(0));
    peers.wrote(&entry("other", 1, Some("v")), ms(0));
    let bytes = peers.history_bytes();
    for (server, collected, tells) in [(1, false, 2), (2, true, 1)] {
        peers.purge(&tombstones, collected, ms(1));
        peers.meet(member(server), ms(1));
        let frames = peers.take(Mark::default(), ms(600 * server));
        let to = ActorRef::<Message>::well_known(&member(server).address, WellKnown(1));
        let (_, frame) = frames.into_iter().find(|(other, _)| *other == to).unwrap();
        let told = Unpacker::from(frame.data.unwrap().entries.unwrap());
        let told: Vec<_> = told.map(|entry| entry.unwrap()).collect();
        assert!(!told.contains(&value), "{told:?}");
        assert_eq!((told.len(), told.contains(&tombstone)), (tells, !collected));
    }
    assert!(peers.history_bytes() < bytes);
    peers.wrote(&entry("later", 9, Some("v")), ms(10_000));
    peers.forget(&member(1).address);
    peers.forget(&member(2).address);
    peers.meet(member(3), ms(20_000));
    assert_eq!(peers.history_bytes(), 0, "nothing is left, and no byte of it is counted");
}

#[test]
fn what_was_written_lately_is_kept_within_a_limit() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    let large = "v".repeat(256 << 10);
    for number in 0..100 {
        peers.wrote(&entry(&format!("{number:02}"), 1, Some(&large)), ms(0));
    }
    assert!((7 << 20..=8 << 20).contains(&peers.history_bytes()), "{}", peers.history_bytes());
    peers.meet(member(1), ms(0));
    let data = peers.take(Mark::default(), ms(0)).pop().unwrap().1.data.unwrap();
    assert!(!data.whole);
    assert_eq!(peers.standings(ms(0))[&1].lag, 31, "the latest ones");
    peers.wrote(&entry("later", 1, Some("v")), ms(10_000));
    assert!(peers.history_bytes() < 200);
}

#[test]
fn stores_are_compared_with_the_first_actor_of_each_server_by_the_one_with_the_smaller_number() {
    let mut peers = Peers::new(Some(Member { actors: 2, ..member(5) }), 0, 100, true);
    assert_eq!(peers.first_of_smallest_server(), None);
    for server in [7, 8] {
        peers.meet(Member { actors: 4, ..member(server) }, ms(0));
    }
    assert_eq!(peers.first_of_smallest_server(), None, "it is this one");
    for server in [3, 4] {
        peers.meet(Member { actors: 4, ..member(server) }, ms(0));
    }
    assert!(peers.first_of_larger_servers().eq([(7, 0), (8, 0)]));
    assert_eq!(peers.first_of_smallest_server(), Some((3, 0)));
}

#[test]
fn what_is_fetched_is_asked_for_as_fast_as_it_is_merged() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    peers.meet(member(1), ms(0));
    peers.fetch(1);
    let mut chunks = 0;
    for second in 0..10 {
        let frames = peers.take(Mark::default(), ms(second * 1000));
        let Some(request) = frames.into_iter().find_map(|(_, frame)| frame.request) else {
            assert_eq!(chunks, 2, "two are yet to be merged");
            chunks = 0;
            (0..2).for_each(|_| peers.merged((1, 0)));
            continue;
        };
        let chunk = Chunk { turn: request.turn, parts: vec![], next: Walk::default(), ready: true };
        let frame = Frame { to_state: Some(100), chunk: Some(chunk), ..introduction(1) };
        assert!(peers.take_in(frame, ms(second * 1000)).unwrap().1.brought.is_some());
        chunks += 1;
    }
}
