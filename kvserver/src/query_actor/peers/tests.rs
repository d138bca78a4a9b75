//! Two actors of two servers, in virtual time, over a link that loses what it likes.

use std::collections::BTreeSet;

use actor::{Address, WellKnown};
use kvcommon::Stamp;
use proptest::prelude::*;

use super::super::pack::Unpacker;
use super::super::stream::Data;
use super::*;

mod forgotten;
mod meeting;
mod telling;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn member(server: u64) -> Member {
    Member { address: Address::new(&format!("host{server}:1")), server, actors: 1 }
}

/// Both ends, what each has received, and when each has sent.
struct Pair {
    ends: [Peers; 2],
    replicas: [Replica; 2],
    under_way: Vec<(Duration, usize, Frame)>,
    received: [BTreeSet<String>; 2],
    sent: [Vec<Duration>; 2],
    now: Duration,
}

impl Pair {
    fn new() -> Self {
        let end = |server| Peers::new(Some(member(server)), 0, 100 + server, true);
        let mut ends = [end(0), end(1)];
        ends[0].meet(member(1), &Replica::default(), ms(0));
        Self {
            ends,
            replicas: Default::default(),
            under_way: Vec::new(),
            received: Default::default(),
            sent: Default::default(),
            now: ms(0),
        }
    }

    fn write(&mut self, end: usize, key: &str) {
        let millis = self.now.as_millis() as u64;
        let entry = Entry::new(Stamp { millis, counter: 0, uid: end as u64 }, key, Some("v"));
        self.replicas[end].merge(entry.clone());
        let at = self.replicas[end].find(key).unwrap();
        self.ends[end].wrote(&entry, at, self.now);
    }

    /// Lets time pass, with 100 ms from one to the other.
    fn run(&mut self, time: Duration, mut is_lost: impl FnMut() -> bool) {
        let end = self.now + time;
        while self.now < end {
            self.now += ms(5);
            for from in 0..2 {
                for (_, frame) in self.ends[from].take(Mark::default(), self.now) {
                    self.sent[from].push(self.now);
                    if !is_lost() {
                        self.under_way.push((self.now + ms(100), 1 - from, frame));
                    }
                }
            }
            for (at, to, frame) in std::mem::take(&mut self.under_way) {
                if at > self.now {
                    self.under_way.push((at, to, frame));
                } else if let Some((link, arrived)) =
                    self.ends[to].take_in(frame, &self.replicas[to], self.now)
                    && let Some((pack, place)) = arrived.news
                {
                    for entry in Unpacker::from(pack) {
                        self.received[to].insert(entry.unwrap().key().to_owned());
                    }
                    self.ends[to].merged_frame(link, place);
                }
            }
        }
    }

    fn largest_rate(&self) -> usize {
        let in_second = |sent: &[Duration], from: Duration| {
            sent.iter().filter(|at| (from..from + ms(1000)).contains(at)).count()
        };
        let rates = self.sent.iter().flat_map(|sent| sent.iter().map(|at| in_second(sent, *at)));
        rates.max().unwrap_or(0)
    }
}

#[test]
fn the_first_frame_introduces_who_sends_it_and_both_ways_work() {
    let mut pair = Pair::new();
    pair.write(0, "a");
    pair.run(ms(120), || false);
    assert!(pair.received[1].contains("a"), "nobody else has told of the sender");
    pair.write(1, "b");
    pair.run(ms(120), || false);
    assert!(pair.received[0].contains("b"));
}

#[test]
fn after_quiet_nothing_is_said_at_all() {
    let mut pair = Pair::new();
    pair.write(0, "a");
    pair.run(ms(3000), || false);
    let messages = pair.sent[0].len() + pair.sent[1].len();
    pair.run(ms(60_000), || false);
    assert_eq!(pair.sent[0].len() + pair.sent[1].len(), messages);
    assert!(messages <= 6, "{messages}");
}

#[test]
fn a_new_life_at_the_same_address_takes_the_place_of_the_old_one() {
    let mut peers = Peers::new(Some(member(0)), 0, 1, true);
    peers.meet(member(1), &Replica::default(), ms(0));
    peers.meet(Member { server: 2, ..member(1) }, &Replica::default(), ms(10));
    assert_eq!((peers.actors_of(1), peers.actors_of(2)), (None, Some(1)));
    assert!(
        peers.take(Mark::default(), ms(11)).is_empty(),
        "the pair may have been used a moment ago"
    );
    assert!(!peers.take(Mark::default(), ms(511)).is_empty());
}

#[test]
fn a_copy_of_a_member_makes_no_stream_begin_anew() {
    let mut pair = Pair::new();
    pair.write(0, "a");
    pair.write(1, "b");
    pair.run(ms(3000), || false);
    let frame = |state, introduce| Frame {
        server: 1,
        from: 0,
        state,
        to_state: None,
        introduce,
        data: None,
        ack: None,
        request: None,
        chunk: None,
        digest: None,
        mark: Mark::default(),
        sweep: None,
    };
    let elsewhere = Member { address: Address::new("copy:1"), ..member(1) };
    for (state, introduce, is_believed) in [
        (101, None, true),
        (777, None, false),
        (777, Some(elsewhere), false),
        (778, Some(member(1)), true),
        (101, Some(member(1)), false),
        (778, None, true),
    ] {
        let came =
            pair.ends[0].take_in(frame(state, introduce.clone()), &pair.replicas[0], pair.now);
        assert_eq!(came.is_some(), is_believed, "{state} {introduce:?}");
    }
}

fn introduction(server: u64) -> Frame {
    let mut peers = Peers::new(Some(member(server)), 0, 100 + server, true);
    peers.meet(member(0), &Replica::default(), ms(0));
    peers.take(Mark::default(), ms(0)).pop().unwrap().1
}

#[test]
fn nonsense_that_begins_a_stream_is_not_answered_for_ever() {
    let mut peers = Peers::new(Some(member(0)), 0, 1, true);
    peers.meet(Member { actors: 2, ..member(1) }, &Replica::default(), ms(0));
    // The other server's second actor is not told anything, so there is nothing but acks for it.
    let data = Data { stream: 1, whole: true, sent: 1000, oldest: 1, entries: None };
    let nonsense = Frame { from: 1, introduce: None, data: Some(data), ..introduction(1) };
    assert!(peers.take_in(nonsense, &Replica::default(), ms(0)).is_some());
    let to = ActorRef::<Message>::well_known(&member(1).address, WellKnown(2));
    let frames = (0..100).flat_map(|tick| peers.take(Mark::default(), ms(tick * 100)));
    assert_eq!(frames.filter(|(other, _)| *other == to).count(), 0);
}

#[test]
fn each_pair_of_servers_has_one_way_for_the_news_of_each_actor() {
    for (own, other) in [(1, 1), (1, 4), (4, 1), (2, 3), (3, 2)] {
        for me in 0..own {
            let home = Member { actors: own, ..member(0) };
            let mut peers = Peers::new(Some(home), me, 1, true);
            peers.meet(Member { actors: other, ..member(1) }, &Replica::default(), ms(0));
            let carries: Vec<_> =
                peers.links.iter_mut().filter_map(|(id, link)| link.out().map(|_| id.1)).collect();
            assert_eq!(carries, [me % other]);
            let heard = (0..other).filter(|place| place % own == me);
            assert!(heard.clone().all(|place| peers.has((1, place))));
            assert!(peers.slices(other).eq(heard));
        }
    }
}

#[test]
fn a_stream_begins_with_what_others_have_not_acknowledged() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    peers.meet(member(1), &Replica::default(), ms(0));
    let entry = Entry::new(Stamp { millis: 1, counter: 0, uid: 0 }, "old", Some("v"));
    let mut replica = Replica::default();
    replica.merge(entry.clone());
    peers.wrote(&entry, replica.find("old").unwrap(), ms(1));
    // Longer ago than the history reaches.
    let later = ms(10_000);
    let entry = Entry::new(entry.stamp(), "new", Some("v"));
    replica.merge(entry.clone());
    peers.wrote(&entry, replica.find("new").unwrap(), later);
    peers.meet(member(2), &replica, later);
    assert_eq!(peers.standings(later)[&2].lag, 2, "it may be all that is left of the old one");
}

#[test]
fn a_new_state_tells_nothing_of_what_the_old_one_knew() {
    let mut pair = Pair::new();
    pair.write(0, "told");
    pair.run(ms(3000), || false);
    pair.write(0, "not yet told");
    pair.replicas[0] = Replica::default();
    pair.ends[0].begin_anew(200, &pair.replicas[0], pair.now);
    assert_eq!(pair.ends[0].history_bytes(), 0);
    pair.received[1].clear();
    pair.run(ms(3000), || false);
    assert!(pair.received[1].is_empty(), "{:?}", pair.received[1]);
    pair.write(0, "of the new one");
    pair.run(ms(1000), || false);
    assert!(pair.received[1].contains("of the new one"));
}

#[test]
fn what_is_being_fetched_is_not_asked_for_from_its_beginning_again() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    peers.meet(member(1), &Replica::default(), ms(0));
    let asked = |peers: &mut Peers, times: std::ops::Range<u64>| {
        let frames = times.flat_map(|time| peers.take(Mark::default(), ms(time * 10)));
        frames.filter_map(|(_, frame)| frame.request).collect::<Vec<_>>()
    };
    peers.catch_up((1, 0));
    let first = asked(&mut peers, 0..100);
    assert_eq!(first.len(), 1, "{first:?}");
    peers.catch_up((1, 0));
    assert_eq!(asked(&mut peers, 100..200), [], "the answer may be on its way");
    assert_eq!(asked(&mut peers, 200..400), first);
}

#[test]
fn a_late_frame_to_an_earlier_life_does_not_stop_the_stream_to_the_next() {
    let mut pair = Pair::new();
    for key in ["a", "b", "c"] {
        pair.write(0, key);
        pair.run(ms(1000), || false);
    }
    pair.write(0, "late");
    let late = pair.ends[0].take(Mark::default(), pair.now).pop().unwrap().1;
    // The other server starts again at the same address, and hears what was sent to its last life.
    let next = Member { server: 7, ..member(1) };
    pair.ends[1] = Peers::new(Some(next.clone()), 0, 107, true);
    pair.ends[1].meet(member(0), &pair.replicas[1], pair.now);
    pair.ends[1].take_in(late, &pair.replicas[1], pair.now);
    pair.ends[0].meet(next, &pair.replicas[0], pair.now);
    pair.received[1].clear();
    pair.run(ms(3000), || false);
    pair.write(0, "d");
    pair.run(ms(3000), || false);
    assert!(pair.received[1].contains("d"), "{:?}", pair.received[1]);
    assert_eq!(pair.ends[0].standings(pair.now)[&7].lag, 0);
}

fn groups() -> digest::Message {
    digest::Message::Groups(digest::Round::default(), vec![digest::Sum::default(); 256])
}

#[test]
fn comparing_does_not_hold_up_a_write() {
    let mut pair = Pair::new();
    pair.write(0, "before");
    pair.run(ms(3000), || false);
    for number in 0..20 {
        pair.ends[0].compare((1, 0), groups());
        pair.run(ms(5), || false);
        let key = number.to_string();
        pair.write(0, &key);
        pair.run(ms(110), || false);
        assert!(pair.received[1].contains(&key), "{key} had to wait");
        pair.run(ms(20 + 20 * number), || false);
    }
}

#[test]
fn comparing_keeps_to_the_budget_beside_writes() {
    let mut pair = Pair::new();
    for number in 0..400 {
        pair.ends[number % 2].compare((1 - number as u64 % 2, 0), groups());
        pair.write(number % 3 % 2, &number.to_string());
        pair.run(ms(25), || false);
    }
    assert!(pair.largest_rate() <= 10, "{}", pair.largest_rate());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn everything_arrives_within_the_budget_whatever_is_lost(
        writes in prop::collection::vec((0..2_usize, 0..30_u8, 0..200_u64), 1..80),
        losses in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        let mut pair = Pair::new();
        // An end that first hears of the other when its history no longer goes back to the beginning has it
        // fetched, which is not the stream's doing.
        pair.ends[1].meet(member(0), &pair.replicas[1], ms(0));
        let mut losses = losses.into_iter().cycle();
        let mut written: [BTreeSet<String>; 2] = Default::default();
        for (end, key, pause) in writes {
            let key = key.to_string();
            pair.write(end, &key);
            written[1 - end].insert(key);
            pair.run(ms(pause), || losses.next() == Some(true));
        }
        pair.run(ms(6_000), || false);
        prop_assert_eq!(&pair.received, &written);
        prop_assert!(pair.largest_rate() <= 10, "{}", pair.largest_rate());
        for standing in pair.ends.iter().flat_map(|end| end.standings(pair.now).into_values()) {
            prop_assert_eq!((standing.lag, standing.lag_age, standing.held), (0, None, 0));
        }
    }
}

/// A server that has died is still written to when it is back at its address, in a new life, and has
/// met the others before they know of it.
#[test]
fn a_stream_to_an_earlier_life_is_not_taken_for_the_one_to_this_life() {
    let mut pair = Pair::new();
    for number in 0..20 {
        pair.write(0, &format!("before/{number}"));
        pair.run(ms(200), || false);
    }
    let reborn = Member { server: 7, ..member(1) };
    pair.ends[1] = Peers::new(Some(reborn.clone()), 0, 107, true);
    pair.received[1].clear();
    pair.ends[1].meet(member(0), &pair.replicas[1], pair.now);
    for number in 0..10 {
        pair.write(0, &format!("unaware/{number}"));
        pair.run(ms(200), || false);
    }
    pair.ends[0].meet(reborn, &pair.replicas[0], pair.now);
    for number in 0..30 {
        pair.write(0, &format!("aware/{number}"));
        pair.run(ms(200), || false);
    }
    pair.run(ms(5000), || false);
    let unaware = |number| format!("unaware/{number}");
    let aware = |number| format!("aware/{number}");
    let missing = (0..10).map(unaware).chain((0..30).map(aware));
    let missing: Vec<_> = missing.filter(|key| !pair.received[1].contains(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn only_what_comes_from_one_of_two_that_are_cut_off_is_passed_on_to_the_other() {
    let mut peers = Peers::new(Some(member(0)), 0, 100, true);
    (1..=3).for_each(|server| peers.meet(member(server), &Replica::default(), ms(0)));
    peers.relay_between(vec![(1, 2), (2, 1)]);
    let entry = Entry::new(Stamp { millis: 1, counter: 0, uid: 7 }, "key", Some("v"));
    peers.relay(3, &entry, ms(0));
    assert!(peers.have_all(&[1, 2, 3]));
    peers.relay(1, &entry, ms(0));
    assert!(!peers.have_all(&[2]) && peers.have_all(&[1, 3]));
}
