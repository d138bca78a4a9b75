//! What is said of sums that are not up to date.

use super::*;

/// Twelve entries of this time: more than are summed up in five turns.
fn twelve(millis: u64) -> impl Iterator<Item = Entry> {
    ('a'..='l').map(move |key| entry(&key.to_string(), millis, Some("v")))
}

/// A replica in which all wait to be summed up.
fn overwritten() -> Replica {
    let mut replica = replica(FEW, &twelve(1).collect::<Vec<_>>());
    assert!(twelve(2).all(|entry| replica.merge(entry)));
    replica
}

#[test]
fn what_is_said_of_sums_waits_for_them_and_entries_do_not() {
    let mut replica = overwritten();
    let mut comparison = Comparison::default();
    let mut say = |message| comparison.on_message(message, &mut replica, Duration::ZERO);
    let root = |round| Message::Root(Round(round), Sum::default());
    assert!(say(root(1)).send.is_empty() && say(Message::Open(Round(1), vec![0])).send.is_empty());
    let new = entry("new", 3, Some("v"));
    assert_eq!(say(Message::Settle { entries: vec![new.clone()], want: vec![] }).learned, [new]);
    assert!(say(root(2)).send.is_empty(), "the last one of a kind counts");
    assert!(comparison.waiting_bytes() > 0);
    assert!(comparison.begin(&mut replica).is_none(), "a round of one's own waits as well");
    let mut send = Vec::new();
    for turn in 3.. {
        // Whatever is written meanwhile, a turn brings the end nearer.
        assert!(turn < 9 && comparison.has_work());
        assert!(twelve(turn).all(|entry| replica.merge(entry)));
        send.extend(comparison.work(&mut replica, 1, Duration::ZERO).send);
        if !send.is_empty() {
            break;
        }
    }
    let sums = recomputed(FEW, &live(&replica));
    assert_eq!(
        send,
        [
            Message::Opened(Round(1), vec![(0, sums.buckets(0))]),
            Message::Groups(Round(2), sums.groups().to_vec()),
            Message::Root(Round(1), sums.root()),
        ]
    );
    assert!(!comparison.has_work());
}

#[test]
fn a_round_whose_answer_waits_for_sums_is_not_begun_anew() {
    let mut replica = replica(FEW, &[]);
    let mut comparison = Comparison::default();
    assert!(comparison.begin(&mut replica).is_some());
    replica = overwritten();
    let groups = Message::Groups(Round(1), vec![Sum::default(); FEW]);
    assert!(comparison.on_message(groups, &mut replica, Duration::ZERO).send.is_empty());
    for _ in 0..3 {
        assert!(comparison.begin(&mut replica).is_none());
    }
    while comparison.has_work() {
        let send = comparison.work(&mut replica, 1, Duration::ZERO).send;
        assert!(send.is_empty(), "what has differed for the first time may be under way");
    }
    assert_eq!(comparison.tally().rounds, 1);
}
