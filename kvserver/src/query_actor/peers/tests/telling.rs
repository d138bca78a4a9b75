//! What another actor is told when it is met, or is in a new state, and with whom stores are compared.

use super::*;
use crate::replica::Walk;

impl Pair {
    /// The second end loses its state. Returns with what the first one's stream begins anew.
    fn lose_state(&mut self) -> Data {
        self.ends[1] = Peers::new(Some(member(1)), 0, 201, false);
        self.replicas[1] = Replica::default();
        self.ends[1].meet(member(0), &self.replicas[1], self.now);
        self.now += ms(500);
        let frame = self.ends[1].take(Mark::default(), self.now).pop().unwrap().1;
        self.ends[0].take_in(frame, &self.replicas[0], self.now);
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

/// A client writes to one actor.
fn write(peers: &mut Peers, replica: &mut Replica, entry: &Entry) {
    replica.merge(entry.clone());
    peers.wrote(entry, replica.find(entry.key()).unwrap(), ms(0));
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
        let mut replica = Replica::default();
        write(&mut peers, &mut replica, &entry("key", 1, Some("v")));
        peers.meet(member(1), &replica, ms(pause));
        let data = peers.take(Mark::default(), ms(pause)).pop().unwrap().1.data.unwrap();
        assert_eq!((data.whole, keys(&data)), (whole, told));
    }
}

#[test]
fn what_was_deleted_is_told_nobody_who_is_met() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    let mut replica = Replica::default();
    write(&mut peers, &mut replica, &entry("key", 1, Some("v")));
    write(&mut peers, &mut replica, &entry("other", 1, Some("v")));
    let tombstone = entry("key", 2, None);
    replica.merge(tombstone.clone());
    for server in [1, 2] {
        peers.meet(member(server), &replica, ms(1));
        let frames = peers.take(Mark::default(), ms(600 * server));
        let to = ActorRef::<Message>::well_known(&member(server).address, WellKnown(1));
        let (_, frame) = frames.into_iter().find(|(other, _)| *other == to).unwrap();
        assert_eq!(keys(&frame.data.unwrap()), ["other"]);
        replica.collect(&tombstone);
    }
}

#[test]
fn stores_are_compared_with_the_first_actor_of_each_server_by_the_one_with_the_smaller_number() {
    let mut peers = Peers::new(Some(Member { actors: 2, ..member(5) }), 0, 100, true);
    assert_eq!(peers.first_of_smallest_server(), None);
    for server in [7, 8] {
        peers.meet(Member { actors: 4, ..member(server) }, &Replica::default(), ms(0));
    }
    assert_eq!(peers.first_of_smallest_server(), None, "it is this one");
    for server in [3, 4] {
        peers.meet(Member { actors: 4, ..member(server) }, &Replica::default(), ms(0));
    }
    assert!(peers.first_of_larger_servers().eq([(7, 0), (8, 0)]));
    assert_eq!(peers.first_of_smallest_server(), Some((3, 0)));
}

#[test]
fn what_is_fetched_is_asked_for_as_fast_as_it_is_merged() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    peers.meet(member(1), &Replica::default(), ms(0));
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
        let (_, arrived) = peers.take_in(frame, &Replica::default(), ms(second * 1000)).unwrap();
        assert!(arrived.brought.is_some());
        chunks += 1;
    }
}
