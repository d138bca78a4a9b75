//! Links and lives, by script.

use std::time::Duration;

use actor::{
    ActorRef, Cause, Report,
    sim::{Faults, Sim},
};

use crate::diary::{Diary, Entry, KNOWN, Two, causes, seen, two};

const SECOND: u64 = 1000;

#[test]
fn a_one_way_cut_stops_one_way_only() {
    let mut two = two(Faults::none());
    two.sim.cut(two.a, two.b);
    two.tell(0..3);
    let back = Entry::Tell { to: two.here.clone(), numbers: 10..13 };
    two.sim.tell(two.b, &two.there, back);
    two.run(5 * SECOND);
    assert_eq!(two.there(), [0_u64; 0]);
    assert_eq!(seen(&two.sim, &two.here), [10, 11, 12]);
    two.sim.heal(two.a, two.b);
    two.run(SECOND);
    assert_eq!(two.there(), [0, 1, 2]);
}

#[test]
fn partitions_need_not_be_transitive() {
    let Two { mut sim, a, b, here, there } = two(Faults::none());
    let c = sim.add_system("c:1", |_, _| {});
    let third = sim.spawn(c, Diary::default);
    sim.partition(a, b);
    for (from, to, number) in
        [(&here, &there, 1), (&here, &third, 2), (&third, &there, 3), (&third, &here, 4)]
    {
        let system = if from == &here { a } else { c };
        sim.tell(system, from, Entry::Tell { to: to.clone(), numbers: number..number + 1 });
    }
    sim.run_for(Duration::from_secs(5));
    assert_eq!(seen(&sim, &there), [3]);
    assert_eq!(seen(&sim, &third), [2]);
    assert_eq!(seen(&sim, &here), [4]);
}

#[test]
fn a_short_cut_delays_and_a_long_one_loses_what_was_sent_first() {
    for (cut_for, expected) in [(5 * SECOND, vec![0, 1, 2, 3, 4]), (20 * SECOND, vec![0, 3, 4])] {
        let mut two = two(Faults::none());
        two.tell(0..1);
        two.run(SECOND); // there is a connection now
        two.sim.partition(two.a, two.b);
        two.tell(1..3);
        two.run(cut_for - SECOND);
        two.tell(3..4);
        two.run(SECOND);
        two.sim.heal(two.a, two.b);
        two.tell(4..5);
        two.run(2 * SECOND);
        assert_eq!(two.there(), expected);
    }
}

#[test]
fn a_break_loses_what_is_on_its_way_and_nothing_else() {
    let faults = Faults {
        latency: Duration::from_millis(200)..Duration::from_millis(200),
        ..Faults::none()
    };
    let mut two = two(faults);
    two.tell(0..1);
    two.run(2 * SECOND);
    for number in 1..10 {
        two.tell(number..number + 1);
        two.run(50);
    }
    // 1 to 5 were sent more than 200 ms ago.
    two.sim.break_link(two.a, two.b);
    two.tell(10..12);
    two.run(5 * SECOND);
    assert_eq!(two.there(), [0, 1, 2, 3, 4, 5, 10, 11]);
    let broken = two.sim.reports(two.a).iter();
    let broken = broken.filter(|(_, report)| matches!(report, Report::LinkFailed { .. }));
    assert_eq!(broken.count(), 1);
}

#[test]
fn five_messages_are_on_their_way_within_one_latency() {
    let ms = Duration::from_millis;
    let mut two = two(Faults { latency: ms(200)..ms(200), ..Faults::none() });
    two.tell(0..1);
    two.run(2 * SECOND);
    for number in 1..=5 {
        two.tell(number..number + 1);
        two.run(20);
    }
    assert_eq!(two.there(), [0]);
    two.run(200);
    assert_eq!(two.there(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn refs_to_an_earlier_life_reach_nobody() {
    let mut two = two(Faults::none());
    let ordinary = two.sim.spawn(two.b, Diary::default);
    two.sim.tell(two.a, &ordinary, Entry::Note(1));
    two.tell(0..2);
    two.run(SECOND);
    assert_eq!((seen(&two.sim, &ordinary), two.there()), (vec![1], vec![0, 1]));
    two.sim.crash(two.b);
    assert!(!two.sim.is_up(two.b));
    assert_eq!(two.sim.inspect(&two.there, |_: &Diary| ()), None);
    two.tell(2..4); // waits for the system to come back
    two.run(5 * SECOND);
    two.sim.restart(two.b);
    let same_number = two.sim.spawn(two.b, Diary::default);
    assert_ne!(ordinary, same_number);
    two.sim.tell(two.a, &ordinary, Entry::Note(2));
    two.run(2 * SECOND);
    assert_eq!(two.there(), [2, 3]);
    assert_eq!(seen(&two.sim, &same_number), [0_u64; 0]);
    assert_eq!(causes(&two.sim, two.b), [Cause::OtherIncarnation]);
}

#[test]
fn a_message_within_a_system_dies_with_it() {
    let mut two = two(Faults::none());
    two.sim.tell(two.b, &two.there, Entry::Note(1));
    two.sim.tell_after(two.b, Duration::from_millis(1), &two.there, Entry::Note(2));
    two.sim.restart(two.b);
    two.sim.tell(two.b, &two.there, Entry::Note(3));
    two.run(SECOND);
    assert_eq!(two.there(), [3]);
}

#[test]
fn a_system_that_is_away_too_long_misses_what_was_said() {
    let mut two = two(Faults::none());
    two.sim.crash(two.b);
    two.tell(0..5);
    two.run(40 * SECOND);
    two.tell(5..7);
    two.run(10 * SECOND);
    two.sim.restart(two.b);
    two.run(2 * SECOND);
    assert_eq!(two.there(), [5, 6]);
    let lost =
        |(_, report): &(Duration, Report)| matches!(report, Report::Lost { messages: 5, .. });
    assert!(two.sim.reports(two.a).iter().any(lost));
    // An address at which nobody ever was.
    let nobody = ActorRef::well_known(&actor::Address::new("nobody:1"), KNOWN);
    two.sim.tell(two.a, &nobody, Entry::Note(1));
    two.run(SECOND);
    let failed = two.sim.reports(two.a).last().unwrap().1.to_string();
    assert_eq!(failed, "the link to nobody:1 failed: nobody is there");
}

#[test]
fn what_a_crash_leaves_on_its_way_never_mixes_with_the_next_life() {
    for seed in 0..50 {
        let mut sim = Sim::new(seed, Faults::lossy());
        let a = sim.add_system("a:1", |sim, me| {
            sim.spawn_well_known(me, KNOWN, Diary::default);
        });
        let b = sim.add_system("b:1", |_, _| {});
        let sender: ActorRef<Entry> = ActorRef::well_known(sim.address(a), KNOWN);
        let receiver = sim.spawn(b, Diary::default);
        for life in 0..5 {
            let numbers = 100 * life..100 * life + 5;
            sim.tell(a, &sender, Entry::Tell { to: receiver.clone(), numbers });
            sim.run_for(Duration::from_millis(700));
            sim.restart(a);
        }
        sim.run_for(Duration::from_secs(60));
        let seen = seen(&sim, &receiver);
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    }
}

#[test]
fn a_throttled_link_builds_a_backlog() {
    let mut two = two(Faults::none());
    two.sim.throttle(two.a, two.b, Some(10_000));
    for _ in 0..5 {
        two.sim.tell(two.a, &two.there, Entry::Blob(vec![0; 10_000]));
    }
    two.run(2 * SECOND + 500);
    assert_eq!(two.there().len(), 2);
    two.sim.tell(two.b, &two.there, Entry::Note(1)); // the other direction and the actor are not slow
    two.run(SECOND);
    assert_eq!(two.there().len(), 4);
    two.sim.throttle(two.a, two.b, None);
    two.run(3 * SECOND);
    assert_eq!(two.there().len(), 6);
}

#[test]
fn a_link_may_have_a_latency_of_its_own() {
    let ms = Duration::from_millis;
    let mut two = two(Faults::none());
    two.sim.set_latency(two.a, two.b, &(ms(250)..ms(250)));
    two.tell(0..1);
    two.run(999);
    assert_eq!(two.there(), [0_u64; 0], "the handshakes take four latencies");
    two.run(2);
    assert_eq!(two.there(), [0]);
}

#[test]
fn each_of_two_twins_answers_to_their_name() {
    let mut to_each = [0, 0];
    for seed in 0..20 {
        let mut sim = Sim::new(seed, Faults::none());
        let a = sim.add_system("a:1", |_, _| {});
        let boot = |sim: &mut Sim, me| {
            sim.spawn_well_known(me, KNOWN, Diary::default);
        };
        let b = sim.add_system("b:1", boot);
        let twin = sim.add_twin(b, boot);
        let known: ActorRef<Entry> = ActorRef::well_known(sim.address(b), KNOWN);
        let ordinary: [_; 2] = [b, twin].map(|system| sim.spawn(system, Diary::default));
        assert_eq!(ordinary[0], ordinary[1], "one identity");
        sim.tell(a, &known, Entry::Note(1));
        sim.run_for(Duration::from_secs(1));
        for (system, count) in [b, twin].into_iter().zip(&mut to_each) {
            *count += sim.inspect_in(system, &known, |diary: &Diary| diary.seen.len()).unwrap();
        }
        // Each means itself by the name.
        sim.tell(twin, &known, Entry::Note(2));
        sim.run_for(Duration::from_secs(1));
        let seen = sim.inspect_in(twin, &known, |diary: &Diary| diary.seen.clone()).unwrap();
        assert_eq!(seen.last(), Some(&2));
    }
    assert_eq!(to_each[0] + to_each[1], 20);
    assert!(to_each[0] > 2 && to_each[1] > 2, "{to_each:?}");
}

#[test]
fn everything_heals() {
    let mut two = two(Faults::chaos());
    two.sim.cut(two.a, two.b);
    two.sim.slow_down(two.b, Duration::from_secs(5));
    two.sim.pause(&two.there);
    two.run(100 * SECOND);
    two.sim.crash(two.b);
    two.sim.heal_everything();
    let (a, here) = (two.a, two.sim.spawn(two.a, Diary::default)); // the first may have crashed
    two.sim.tell(a, &here, Entry::Tell { to: two.there.clone(), numbers: 0..10 });
    two.run(5 * SECOND);
    assert_eq!(two.there(), (0..10).collect::<Vec<_>>());
    assert!(two.sim.is_up(two.a) && two.sim.is_up(two.b));
}
