//! Replicas that differ become equal by comparing alone, over any network.

use std::collections::VecDeque;
use std::time::Duration;

use kvcommon::Stamp;
use proptest::prelude::*;

use super::*;
use crate::entry::Entry;
use crate::replica::Replica;
use crate::stamp::Writer;

mod waiting;

const FEW: usize = 4;

fn entry(key: &str, millis: u64, value: Option<&str>) -> Entry {
    Entry::new(Stamp { millis, counter: 0, uid: 7 }, key, value)
}

fn replica(fanout: usize, entries: &[Entry]) -> Replica {
    let mut replica = Replica::with_digest(Digest::new(fanout));
    for entry in entries {
        replica.merge(entry.clone());
    }
    replica
}

fn live(replica: &Replica) -> Vec<Entry> {
    replica.live_after(None).cloned().collect()
}

/// A digest of what a replica holds, made anew.
fn recomputed(fanout: usize, entries: &[Entry]) -> Digest {
    let mut digest = Digest::new(fanout);
    for entry in entries {
        digest.add(entry);
    }
    digest
}

fn same(a: &Digest, b: &Digest) -> bool {
    a.root() == b.root()
        && a.groups() == b.groups()
        && (0..=u8::MAX).all(|group| a.buckets(group) == b.buckets(group))
}

/// Two replicas, and a network between them that may lose, repeat and reorder.
struct Pair {
    ends: [(Replica, Comparison); 2],
    flying: VecDeque<(usize, Message)>,
    now: Duration,
    sent: Vec<Message>,
}

impl Pair {
    fn new(a: Replica, b: Replica) -> Self {
        let ends = [(a, Comparison::default()), (b, Comparison::default())];
        Self { ends, flying: VecDeque::new(), now: Duration::ZERO, sent: Vec::new() }
    }

    fn begin(&mut self, end: usize) {
        let (replica, comparison) = &mut self.ends[end];
        let mut send = Vec::from_iter(comparison.begin(replica));
        while comparison.has_work() {
            send.extend(comparison.work(replica, 3, self.now).send);
        }
        self.send(end, send);
    }

    fn send(&mut self, from: usize, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            let bytes = postcard::to_stdvec(&message).unwrap();
            assert!(bytes.len() < 3 * ENTRIES_BYTES, "{} bytes", bytes.len());
            assert_eq!(postcard::from_bytes::<Message>(&bytes).as_ref(), Ok(&message));
            self.sent.push(message.clone());
            self.flying.push_back((1 - from, message));
        }
    }

    fn deliver(&mut self, to: usize, message: Message, slice: usize) {
        let (replica, comparison) = &mut self.ends[to];
        let mut send = comparison.on_message(message, replica, self.now).send;
        while comparison.has_work() {
            send.extend(comparison.work(replica, slice, self.now).send);
        }
        self.send(to, send);
    }

    /// Delivers everything, in order.
    fn settle(&mut self, slice: usize) {
        while let Some((to, message)) = self.flying.pop_front() {
            self.deliver(to, message, slice);
        }
    }

    /// A round of both ends over a good network.
    fn round(&mut self) {
        self.now += PEER_EVERY;
        for end in [0, 1] {
            self.begin(end);
            self.settle(3);
        }
    }

    fn is_equal(&self) -> bool {
        live(&self.ends[0].0) == live(&self.ends[1].0)
    }
}

#[test]
fn nothing_that_differs_costs_a_root_and_a_word() {
    let entries = [entry("a", 1, Some("1")), entry("b", 2, Some("2")), entry("c", 3, None)];
    let mut pair = Pair::new(replica(FANOUT, &entries), replica(FANOUT, &entries[..2]));
    for _ in 0..100 {
        pair.begin(0);
        pair.settle(1);
    }
    let bytes: usize =
        pair.sent.iter().map(|message| postcard::to_stdvec(message).unwrap().len()).sum();
    assert!(bytes <= 100 * 28, "{bytes} bytes");
    assert_eq!(pair.ends[0].1.tally().equal, 100);
}

#[test]
fn what_is_under_way_is_not_repaired_and_what_stays_is() {
    let mut pair = Pair::new(replica(FANOUT, &[]), replica(FANOUT, &[entry("lost", 1, Some("v"))]));
    pair.round();
    assert!(!pair.is_equal(), "it may be under way");
    pair.round();
    assert!(pair.is_equal());
    let tally = pair.ends[0].1.tally();
    assert_eq!((tally.rounds, tally.equal, tally.buckets_repaired), (2, 0, 1));
    assert_eq!(tally.entries_learned + pair.ends[1].1.tally().entries_given, 2);
}

#[test]
fn what_changes_all_the_time_is_repaired_all_the_same() {
    let mut pair = Pair::new(replica(1, &[]), replica(1, &[entry("lost", 1, Some("v"))]));
    // A minute until the group is looked into, another one for the bucket.
    let rounds = 2 * HOT_AFTER.as_secs() / PEER_EVERY.as_secs();
    for round in 0..=rounds {
        assert_eq!(pair.ends[0].0.len(), 0, "round {round}");
        let hot = entry("hot", 100 + round, Some("v"));
        pair.ends[1].0.merge(hot);
        pair.now += PEER_EVERY;
        pair.begin(0);
        pair.settle(3);
        if pair.ends[0].0.get("lost").is_some() {
            assert_eq!(round, rounds);
            return;
        }
    }
    panic!("it was never repaired");
}

#[test]
fn what_changes_all_the_time_is_repaired_once_a_minute() {
    let mut pair = Pair::new(replica(1, &[]), replica(1, &[]));
    for round in 0..=30 {
        pair.ends[1].0.merge(entry("hot", round, Some("v")));
        pair.now += PEER_EVERY;
        pair.begin(0);
        pair.settle(3);
    }
    // Five minutes, of which two pass before the first time.
    let repaired = pair.ends[0].1.tally().buckets_repaired;
    assert!((2..=4).contains(&repaired), "{repaired} times");
}

#[test]
fn a_tombstone_meets_the_stale_entry() {
    let stale = entry("k", 1, Some("stale"));
    for (a, b) in [(0, 1), (1, 0)] {
        let mut sides = [vec![stale.clone()], vec![entry("k", 2, None)]];
        let (first, second) = (std::mem::take(&mut sides[a]), std::mem::take(&mut sides[b]));
        let mut pair = Pair::new(replica(FEW, &first), replica(FEW, &second));
        for _ in 0..2 {
            pair.now += PEER_EVERY;
            pair.begin(0);
            pair.settle(1);
        }
        assert!(pair.ends.iter().all(|(replica, _)| replica.is_empty()), "asked by {a}");
    }
}

#[test]
fn equal_stamps_with_different_values_become_equal() {
    let mut pair = Pair::new(
        replica(FEW, &[entry("k", 1, Some("a"))]),
        replica(FEW, &[entry("k", 1, Some("b"))]),
    );
    pair.round();
    pair.round();
    assert!(pair.is_equal());
    assert_eq!(pair.ends[0].0.get("k").and_then(Entry::value), Some("b"));
}

#[test]
fn two_stores_that_have_nothing_in_common_become_one_in_bounded_messages() {
    let side = |name: &str| -> Vec<Entry> {
        (0..3000).map(|i| entry(&format!("{name}{i}"), i, Some(&"v".repeat(700)))).collect()
    };
    let mut pair = Pair::new(replica(FANOUT, &side("a")), replica(FANOUT, &side("b")));
    pair.round();
    pair.round();
    pair.round();
    assert!(pair.is_equal());
    assert_eq!(pair.ends[0].0.len(), 6000);
    let given: u64 = pair.ends.iter().map(|(_, end)| end.tally().entries_given).sum();
    assert_eq!(given, 6000, "each went once");
    let largest = |part: fn(&Message) -> usize| pair.sent.iter().map(part).max();
    let entries = |message: &Message| match message {
        Message::Settle { entries, .. } => entries.len(),
        _ => 0,
    };
    assert!(largest(entries).unwrap() <= MAX_ENTRIES);
}

#[test]
fn large_values_travel_one_message_at_a_time() {
    let large: Vec<Entry> =
        (0..20).map(|i| entry(&format!("{i}"), i, Some(&"v".repeat(256 * 1024)))).collect();
    let mut pair = Pair::new(replica(FEW, &large[..10]), replica(FEW, &large[10..]));
    pair.round();
    pair.round();
    assert!(pair.is_equal());
    assert_eq!(pair.ends[0].0.len(), 20);
}

#[test]
fn a_round_that_lost_a_message_is_begun_anew() {
    let mut pair = Pair::new(replica(FEW, &[]), replica(FEW, &[entry("k", 1, Some("v"))]));
    pair.begin(0);
    pair.flying.clear();
    pair.round();
    pair.round();
    assert!(pair.is_equal());
}

#[test]
fn a_stale_entry_gets_the_tombstone_and_is_not_asked_for() {
    let (stale, deleted) = (entry("k", 1, Some("stale")), entry("k", 2, None));
    let mut pair = Pair::new(replica(FEW, &[deleted]), replica(FEW, &[stale]));
    pair.round();
    pair.begin(0);
    pair.settle(1);
    assert!(pair.is_equal());
    let settled = |message: &&Message| matches!(message, Message::Settle { .. });
    let settled: Vec<_> = pair.sent.iter().filter(settled).collect();
    let [Message::Settle { entries, want }] = settled.as_slice() else { panic!("{settled:?}") };
    assert_eq!((entries.len(), want.len()), (1, 0));
}

#[test]
fn what_was_equal_in_between_is_under_way_again_at_first() {
    let lacks = || replica(FEW, &[]);
    let all = [entry("k", 1, Some("v"))];
    let mut pair = Pair::new(lacks(), replica(FEW, &all));
    let mut round = |one: Replica| {
        pair.ends[0].0 = one;
        pair.begin(0);
        pair.settle(1);
        pair.is_equal()
    };
    assert!(!round(lacks()), "it may be under way");
    assert!(round(replica(FEW, &all)));
    assert!(!round(lacks()), "it may be under way again");
    assert!(round(lacks()), "it is not");
}

#[test]
fn a_repair_of_many_buckets_goes_on_at_once() {
    let many: Vec<Entry> = (0..20_000).map(|i| entry(&format!("k{i}"), i, Some("v"))).collect();
    let mut pair = Pair::new(replica(FANOUT, &[]), replica(FANOUT, &many));
    for _ in 0..2 {
        pair.begin(0);
        pair.settle(5000);
    }
    assert!(pair.is_equal(), "{} are there", pair.ends[0].0.len());
    assert!(pair.ends[0].1.tally().buckets_repaired > MAX_REPAIR as u64);
}

#[test]
fn groups_that_never_settle_take_turns() {
    const BUSY: usize = 3 * HOT_GROUPS;
    let group = |key: &str| Digest::new(FANOUT).bucket(key) / FANOUT as Bucket;
    let mut keys = std::collections::BTreeMap::new();
    for number in 0.. {
        let key = format!("k{number}");
        keys.insert(group(&key), key);
        if keys.len() == BUSY {
            break;
        }
    }
    let mut pair = Pair::new(replica(FANOUT, &[]), replica(FANOUT, &[]));
    let mut opened = std::collections::BTreeSet::new();
    for round in 0..=HOT_AFTER.as_secs() / PEER_EVERY.as_secs() + 2 {
        for key in keys.values() {
            pair.ends[1].0.merge(entry(key, round, Some("v")));
        }
        pair.now += PEER_EVERY;
        pair.begin(0);
        pair.settle(100);
        let groups = pair.sent.drain(..).filter_map(|message| match message {
            Message::Open(_, groups) => Some(groups),
            _ => None,
        });
        let before = opened.len();
        opened.extend(groups.flatten());
        assert!(opened.len() - before <= HOT_GROUPS, "no more at a time");
    }
    assert_eq!(opened.len(), BUSY, "in three rounds each had its turn");
}

#[test]
fn a_list_that_was_not_asked_for_is_not_looked_at() {
    let mut pair = Pair::new(replica(FEW, &[]), replica(FEW, &[entry("k", 1, Some("v"))]));
    pair.round();
    pair.begin(0);
    let asked = loop {
        let (to, message) = pair.flying.pop_front().unwrap();
        if let Message::Ask { round, .. } = message {
            break round;
        }
        pair.deliver(to, message, 1);
    };
    let (replica, comparison) = &mut pair.ends[0];
    let mut list = |round: Round, after: Option<&str>| {
        let after = after.map(str::to_owned);
        let held = Message::Held { round, after, to: None, held: Vec::new() };
        comparison.on_message(held, replica, Duration::ZERO);
        comparison.has_work()
    };
    assert!(!list(Round(asked.0.wrapping_sub(1)), None), "of an earlier round");
    assert!(!list(asked, Some("j")), "of another stretch");
    assert!(list(asked, None));
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let value = prop_oneof![1 => Just(None), 3 => "[a-c]{0,2}".prop_map(Some)];
    ("[a-h]{1,2}", 0..4u64, value)
        .prop_map(|(key, millis, value)| entry(&key, millis, value.as_deref()))
}

/// The size of a value: nothing, little, or so much that it is summed at once.
fn any_size() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), Just(Some(1)), Just(Some(2)), Just(Some(1000))]
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::vec(any_entry(), 0..40)
}

/// What the network does to a message.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    Late,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Late),
    ];
    proptest::collection::vec(fate, 0..200)
}

proptest! {
    #[test]
    fn sums_kept_up_to_date_are_the_sums_made_anew(all in entries(), fanout in 1..=6usize) {
        let mut replica = replica(fanout, &all);
        let expected = recomputed(fanout, &live(&replica));
        prop_assert!(same(replica.digest(), &expected));
    }

    #[test]
    fn sums_are_right_whenever_they_are_asked_for(
        steps in proptest::collection::vec(("[a-e]", any_size(), 0..5u8), 0..60),
        fanout in 1..=6usize,
    ) {
        let (mut replica, writer) = (replica(fanout, &[]), Writer::new(1));
        for (millis, (key, size, then)) in (1..).zip(steps) {
            let value = size.map(|size| "v".repeat(size));
            let entry = entry(&key, millis, value.as_deref());
            if then == 2 {
                // In place, where the entry before was as long.
                replica.write(&writer, millis, &key, value.as_deref());
            } else {
                replica.merge(entry.clone());
            }
            if then == 0 {
                replica.collect(&entry);
            } else if then == 1 {
                let expected = recomputed(fanout, &live(&replica));
                prop_assert!(same(replica.digest(), &expected));
            } else if then == 3 {
                // The next steps come before the sums are up to date.
                replica.sum_up(1);
            }
        }
        let waiting = (1..).find(|_| replica.sum_up(1));
        prop_assert!(waiting <= Some(5), "there are five keys");
        let expected = recomputed(fanout, &live(&replica));
        prop_assert!(same(replica.digest(), &expected));
    }

    #[test]
    fn sums_are_equal_exactly_when_the_live_entries_are(a in entries(), b in entries()) {
        let (mut a, mut b) = (replica(FEW, &a), replica(FEW, &b));
        let equal = live(&a) == live(&b);
        prop_assert_eq!(a.digest().root() == b.digest().root(), equal);
        prop_assert_eq!(same(a.digest(), b.digest()), equal);
    }

    #[test]
    fn removing_what_was_counted_leaves_nothing(all in entries()) {
        let all = live(&replica(FEW, &all));
        let mut digest = recomputed(FEW, &all);
        for entry in &all {
            digest.take_out(entry);
        }
        prop_assert!(same(&digest, &Digest::new(FEW)));
    }

    #[test]
    fn replicas_become_equal_by_comparing_alone(
        a in entries(),
        b in entries(),
        fates in fates(),
        fanout in 1..=6usize,
        slice in 1..5usize,
    ) {
        let mut newest = replica(fanout, &a);
        b.iter().for_each(|entry| { newest.merge(entry.clone()); });
        let mut pair = Pair::new(replica(fanout, &a), replica(fanout, &b));
        let mut begun = 0;
        // Both begin rounds while messages meet their fates …
        for fate in fates {
            if pair.flying.is_empty() {
                pair.now += SIBLING_EVERY;
                pair.begin(begun % 2);
                begun += 1;
            }
            let Some((to, message)) = pair.flying.pop_front() else { continue };
            match fate {
                Fate::Arrives => pair.deliver(to, message, slice),
                Fate::Lost => {}
                Fate::Twice => {
                    pair.deliver(to, message.clone(), slice);
                    pair.deliver(to, message, slice);
                }
                Fate::Late => pair.flying.push_back((to, message)),
            }
        }
        // … and in the end the network is good again.
        pair.settle(slice);
        for _ in 0..4 {
            pair.round();
        }
        for (replica, _) in &pair.ends {
            prop_assert_eq!(live(replica), live(&newest));
        }
        // Whatever is said after that: nothing differs.
        let before = pair.ends[0].1.tally().equal;
        pair.round();
        prop_assert_eq!(pair.ends[0].1.tally().equal, before + 1);
    }

    #[test]
    fn no_message_makes_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        kind in 0..8u8,
    ) {
        let mut bytes = bytes;
        bytes.insert(0, kind);
        let (mut replica, mut comparison) =
            (replica(FEW, &[entry("k", 1, Some("v"))]), Comparison::default());
        comparison.begin(&mut replica);
        if let Ok((message, _)) = postcard::take_from_bytes::<Message>(&bytes) {
            comparison.on_message(message, &mut replica, Duration::ZERO);
            for _ in 0..10 {
                comparison.work(&mut replica, 2, Duration::ZERO);
            }
            prop_assert!(!comparison.has_work());
        }
    }
}
