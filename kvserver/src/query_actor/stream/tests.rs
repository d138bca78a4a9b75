//! Both ends of a stream, over a link that loses what it likes.

use kvcommon::Stamp;
use proptest::prelude::*;

use super::super::pack::Unpacker;
use super::*;

const BUDGET: usize = 1 << 20;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn entry(key: &str, millis: u64) -> Entry {
    Entry::new(Stamp { millis, counter: 0, uid: 1 }, key, Some("v"))
}

fn stream() -> Outgoing {
    Outgoing::new(1, true, std::iter::empty(), ms(0))
}

fn entries(data: &Data) -> Vec<Entry> {
    let pack = data.entries.clone().into_iter();
    pack.flat_map(Unpacker::from).map(|entry| entry.unwrap()).collect()
}

fn send(out: &mut Outgoing, key: &str, millis: u64) -> Data {
    out.tell(entry(key, millis), ms(millis));
    out.take(ms(millis), BUDGET)
}

/// The answer of `inc` to those of the positions that come.
fn answer(inc: &mut Incoming, come: &[&Data]) -> Ack {
    for data in come {
        come_in(inc, data);
    }
    inc.ack().unwrap()
}

/// What comes is merged at once.
fn come_in(inc: &mut Incoming, data: &Data) -> Came {
    let came = inc.take_in(data);
    inc.merged(data.stream, data.sent);
    came
}

#[test]
fn what_has_come_is_forgotten() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    assert!(out.is_new() && !out.has_frame());
    let data = send(&mut out, "a", 10);
    assert_eq!(entries(&data), [entry("a", 10)]);
    assert_eq!(come_in(&mut inc, &data), Came::Begun);
    assert_eq!(out.take_in(&inc.ack().unwrap(), ms(30)), Some(ms(20)));
    assert_eq!((out.lag(), out.held, out.bytes_in_flight), (0, 0, 0));
    assert_eq!(out.probe_at(), None);
    assert!(!out.is_new() && !out.has_frame());
}

#[test]
fn a_frame_that_was_overtaken_is_lost_and_only_its_last_keys_are_sent_again() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    out.tell(entry("a", 1), ms(1));
    out.tell(entry("b", 1), ms(1));
    let _lost = out.take(ms(1), BUDGET);
    let second = send(&mut out, "a", 2);
    let ack = answer(&mut inc, &[&second]);
    assert_eq!((ack.through, ack.beyond, ack.heard), (0, 2, 2));
    out.take_in(&ack, ms(3));
    let again = out.take(ms(4), BUDGET);
    assert_eq!(entries(&again), [entry("b", 1)], "a went out later, and that has come");
    assert_eq!(again.oldest, 3, "frame 1 is wanted no more");
    let ack = answer(&mut inc, &[&again]);
    assert_eq!((ack.through, ack.beyond), (3, 0));
    out.take_in(&ack, ms(5));
    assert_eq!((out.lag(), out.held), (0, 0));
}

#[test]
fn a_lost_key_is_sent_again_even_if_an_earlier_frame_with_it_has_come() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let first = send(&mut out, "a", 1);
    let _lost = send(&mut out, "a", 2);
    let third = send(&mut out, "b", 3);
    out.take_in(&answer(&mut inc, &[&first, &third]), ms(4));
    assert_eq!(entries(&out.take(ms(5), BUDGET)), [entry("a", 2)]);
}

#[test]
fn a_probe_finds_the_last_frame_lost() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let first = send(&mut out, "a", 1);
    out.take_in(&answer(&mut inc, &[&first]), ms(2));
    let _lost = send(&mut out, "b", 3);
    assert_eq!(out.probe_at(), Some(ms(3) + ANSWER_WITHIN));
    let probe = out.take(ms(1003), BUDGET);
    assert_eq!((probe.entries.is_none(), probe.sent), (true, 2));
    assert_eq!(come_in(&mut inc, &probe), Came::More);
    out.take_in(&inc.ack().unwrap(), ms(1004));
    assert_eq!(entries(&out.take(ms(1005), BUDGET)), [entry("b", 3)]);
}

#[test]
fn the_lag_is_as_old_as_what_is_missing_and_what_is_held_counts_what_was_overwritten() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let size = cost(&ByKey(entry("a", 1)));
    assert_eq!((out.lag_since(), out.held()), (None, 0));
    let first = send(&mut out, "a", 1);
    out.tell(entry("a", 5), ms(5));
    out.tell(entry("b", 7), ms(7));
    assert_eq!((out.lag(), out.lag_since(), out.held()), (3, Some(ms(1)), 3 * size));
    let second = out.take(ms(10), BUDGET);
    assert_eq!((out.lag(), out.held()), (2, 3 * size), "frame 1 still has its entry");
    out.take_in(&answer(&mut inc, &[&first]), ms(11));
    assert_eq!((out.lag(), out.lag_since(), out.held()), (2, Some(ms(5)), 2 * size));
    let third = send(&mut out, "c", 20);
    out.take_in(&answer(&mut inc, &[&third]), ms(21));
    assert_eq!((out.lag_since(), out.again()), (Some(ms(5)), 2), "the second frame is lost");
    let again = out.take(ms(22), BUDGET);
    assert_eq!(entries(&again).len(), entries(&second).len());
    out.take_in(&answer(&mut inc, &[&again]), ms(23));
    assert_eq!((out.lag(), out.lag_since(), out.held(), out.again()), (0, None, 0, 2));
}

#[test]
fn what_has_come_is_answered_when_it_is_merged() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let frames: Vec<_> = (1..6).map(|number| send(&mut out, &number.to_string(), number)).collect();
    for frame in [0, 1, 3, 4] {
        inc.take_in(&frames[frame]);
    }
    let check = |inc: &Incoming, expected| {
        let Ack { through, beyond, heard, .. } = inc.ack().unwrap();
        assert_eq!((through, beyond, heard), expected);
    };
    check(&inc, (0, 0, 0));
    inc.merged(1, 1);
    check(&inc, (1, 0, 1));
    inc.merged(7, 2);
    check(&inc, (1, 0, 1));
    inc.merged(1, 2);
    check(&inc, (2, 0, 3));
    inc.merged(1, 5);
    check(&inc, (2, 0, 3));
    inc.merged(1, 4);
    check(&inc, (2, 6, 5));
    out.take_in(&inc.ack().unwrap(), ms(9));
    assert_eq!(entries(&out.take(ms(10), BUDGET)), [entry("3", 3)], "only the third was lost");
}

#[test]
fn what_comes_twice_is_not_looked_at_twice() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let first = send(&mut out, "a", 1);
    let second = send(&mut out, "b", 2);
    assert_eq!(come_in(&mut inc, &first), Came::Begun);
    assert_eq!(come_in(&mut inc, &first), Came::Nothing);
    assert_eq!(come_in(&mut inc, &second), Came::More);
    assert_eq!(come_in(&mut inc, &first), Came::Nothing);
    assert_eq!(come_in(&mut inc, &second), Came::Nothing);
}

#[test]
fn the_window_closes_and_opens_again() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let mut sent = Vec::new();
    while {
        out.tell(entry(&sent.len().to_string(), 1), ms(1));
        out.has_frame()
    } {
        sent.push(out.take(ms(1), BUDGET));
    }
    assert_eq!(sent.len() as u64, WINDOW);
    assert!(out.take(ms(2), BUDGET).entries.is_none(), "a probe may go all the same");
    out.take_in(&answer(&mut inc, &[&sent[0]]), ms(3));
    assert!(out.has_frame());
    for data in &sent[1..] {
        assert_eq!(come_in(&mut inc, data), Came::More);
    }
    assert_eq!(inc.ack().unwrap().through, WINDOW);
}

#[test]
fn an_older_entry_takes_no_place() {
    let mut out = stream();
    out.tell(entry("a", 2), ms(2));
    out.tell(entry("a", 1), ms(3));
    assert_eq!(entries(&out.take(ms(4), BUDGET)), [entry("a", 2)]);
    assert_eq!(out.lag(), 1);
}

#[test]
fn no_more_bytes_are_under_way_than_the_window_allows() {
    let mut out = stream();
    let large = "v".repeat(kvcommon::limits::MAX_VALUE_BYTES);
    let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
    for number in 0..200 {
        out.tell(Entry::new(stamp, &format!("key/{number}"), Some(&large)), ms(1));
    }
    let mut bytes = 0;
    while out.has_frame() {
        bytes += out.take(ms(1), 2 * BUDGET).entries.unwrap().len();
    }
    assert!(out.lag() == 200 && (WINDOW_BYTES..WINDOW_BYTES + 3 * BUDGET).contains(&bytes));
    assert!(out.take(ms(2), BUDGET).entries.is_none(), "the rest waits for an answer");
}

#[test]
fn a_receiver_that_is_away_costs_bounded_memory_and_finds_out() {
    let mut out = stream();
    let large = "v".repeat(kvcommon::limits::MAX_VALUE_BYTES);
    let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
    let mut most = 0;
    for number in 0..1000 {
        out.tell(Entry::new(stamp, &format!("key/{number}"), Some(&large)), ms(1));
        most = most.max(out.held);
    }
    assert!(most <= MAX_HELD_BYTES, "{most}");
    let data = out.take(ms(1), BUDGET);
    assert!(!data.whole && data.stream > 1);
    assert_eq!(Incoming::default().take_in(&data), Came::Begun);
}

#[test]
fn a_frame_keeps_to_its_budget_and_no_key_starves() {
    let mut out = stream();
    for number in 0..1000 {
        out.tell(entry(&format!("{number:04}"), 1), ms(1));
    }
    let first = out.take(ms(1), 2000);
    assert!(first.entries.as_ref().unwrap().len() < 2100);
    for number in 0..1000 {
        out.tell(entry(&format!("{number:04}"), 2), ms(2));
    }
    let second = out.take(ms(2), 2000);
    assert!(entries(&second)[0].key() > entries(&first).last().unwrap().key());
}

#[test]
fn a_stream_that_begins_anew_is_taken_in_and_the_old_one_is_over() {
    let (mut out, mut inc) = (stream(), Incoming::default());
    let old = send(&mut out, "a", 1);
    come_in(&mut inc, &old);
    out.restart(true, [entry("a", 1)].into_iter(), ms(1));
    let new = out.take(ms(2), BUDGET);
    assert_eq!(entries(&new), [entry("a", 1)]);
    assert_eq!(come_in(&mut inc, &new), Came::Begun);
    assert_eq!(come_in(&mut inc, &old), Came::Nothing);
    let stale = Ack { stream: 1, ..inc.ack().unwrap() };
    assert_eq!(out.take_in(&stale, ms(3)), None);
    assert_eq!(out.lag(), 1, "an answer to the old stream says nothing of the new");
}

#[derive(Clone, Debug)]
enum Event {
    Write(u8),
    Send { lost: bool },
    Answer { lost: bool },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0..20_u8).prop_map(Event::Write),
        3 => any::<bool>().prop_map(|lost| Event::Send { lost }),
        2 => any::<bool>().prop_map(|lost| Event::Answer { lost }),
    ];
    prop::collection::vec(event, 0..400)
}

proptest! {
    #[test]
    fn whatever_is_lost_all_arrives_in_the_end_and_nothing_twice(events in events()) {
        let (mut out, mut inc) = (stream(), Incoming::default());
        let mut written = BTreeMap::new();
        let mut received: BTreeMap<String, u64> = BTreeMap::new();
        let mut now = 0;
        let heal = std::iter::repeat_n([Event::Send { lost: false }, Event::Answer { lost: false }], 4);
        for event in events.into_iter().chain(heal.flatten()) {
            now += 1;
            match event {
                Event::Write(key) => {
                    written.insert(key.to_string(), now);
                    out.tell(entry(&key.to_string(), now), ms(now));
                }
                Event::Send { lost } => {
                    let data = out.take(ms(now), BUDGET);
                    if !lost && come_in(&mut inc, &data) != Came::Nothing {
                        for entry in entries(&data) {
                            let before = received.insert(entry.key().to_owned(), entry.stamp().millis);
                            prop_assert!(before.is_none_or(|before| before < entry.stamp().millis));
                        }
                    }
                }
                Event::Answer { lost } => {
                    if let Some(ack) = inc.ack().filter(|_| !lost) {
                        out.take_in(&ack, ms(now));
                    }
                }
            }
        }
        prop_assert_eq!(received, written);
        prop_assert_eq!((out.lag(), out.held, out.bytes_in_flight), (0, 0, 0));
    }

    #[test]
    fn no_position_panics(
        positions in prop::collection::vec((0..4_u32, any::<u64>(), any::<u64>(), any::<bool>()), 1..20),
        acks in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 1..20),
    ) {
        let (mut out, mut inc) = (stream(), Incoming::default());
        for (stream, sent, oldest, full) in positions {
            let entries = full.then(|| Packer::default().finish());
            come_in(&mut inc, &Data { stream, whole: true, sent, oldest, entries });
        }
        for (through, beyond, heard) in acks {
            send(&mut out, "key", 1);
            out.take_in(&Ack { stream: 1, through, beyond, heard }, ms(1));
        }
    }
}

#[test]
fn no_more_frames_wait_to_be_merged_than_may_be_unanswered() {
    let mut inc = Incoming::default();
    let pack = Packer::default().finish();
    let mut data = Data { stream: 1, whole: true, sent: 0, oldest: 0, entries: Some(pack) };
    for sent in 1..=WINDOW {
        (data.sent, data.oldest) = (sent, sent);
        assert_ne!(inc.take_in(&data), Came::Nothing);
    }
    (data.sent, data.oldest) = (WINDOW + 1, WINDOW + 1);
    assert_eq!(inc.take_in(&data), Came::Nothing);
    inc.merged(1, 1);
    assert_eq!(inc.take_in(&data), Came::More);
}
