//! Actors in trouble: pauses, late timers, slow systems, wrong clocks, panics.

use std::time::Duration;

use actor::{
    MAX_RESTARTS, Report,
    sim::{Episodes, Faults, Sim},
};

use crate::diary::{Diary, Entry, seen, two};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn a_paused_actor_wakes_to_its_mail_and_its_timers() {
    let mut two = two(Faults::none());
    two.sim.tell(two.a, &two.here, Entry::Timers(vec![(100, 1), (300, 4), (200, 2)]));
    two.run(50);
    let here = two.here.clone();
    two.sim.pause(&here);
    two.sim.tell(two.a, &here, Entry::Note(3));
    two.run(1000);
    assert_eq!(seen(&two.sim, &here), [0_u64; 0]);
    two.sim.resume(&here);
    two.run(1);
    let mut seen = seen(&two.sim, &here);
    let timers: Vec<_> = seen.extract_if(.., |number| *number != 3).collect();
    assert_eq!((timers, seen), (vec![1, 2, 4], vec![3]));
}

#[test]
fn timers_may_be_late_but_not_early_nor_out_of_order() {
    let mut late = 0;
    for seed in 0..50 {
        let faults = Faults { late_timers: 0.5, ..Faults::none() };
        let mut sim = Sim::new(seed, faults);
        let a = sim.add_system("a:1", |_, _| {});
        let diary = sim.spawn(a, Diary::default);
        let timers: Vec<_> = (0..20).map(|number| (50 * (20 - number), number)).collect();
        sim.tell(a, &diary, Entry::Timers(timers));
        sim.run_for(MS(3000));
        let expected: Vec<u64> = (0..20).rev().collect();
        assert_eq!(seen(&sim, &diary), expected, "seed {seed}");
        let times = sim.inspect(&diary, |diary: &Diary| diary.times.clone()).unwrap();
        for (due, (time, _)) in (1..).map(|number| MS(50 * number)).zip(times) {
            assert!(time >= due);
            late += u32::from(time > due + MS(1));
        }
    }
    assert!(late > 200, "{late} of 1000");
}

#[test]
fn timers_from_outside_come_in_time_and_order() {
    let mut two = two(Faults::none());
    let (a, here) = (two.a, two.here.clone());
    for (millis, number) in [(20, 2), (10, 1), (20, 3), (0, 0)] {
        two.sim.tell_after(a, MS(millis), &here, Entry::Note(number));
    }
    two.run(15);
    assert_eq!(seen(&two.sim, &here), [0, 1]);
    two.run(15);
    assert_eq!(seen(&two.sim, &here), [0, 1, 2, 3]);
    two.sim.tell_after(a, Duration::MAX, &here, Entry::Note(4)); // no overflow
    two.run(1000);
    assert_eq!(seen(&two.sim, &here).len(), 4);
}

#[test]
fn a_slow_system_takes_its_time_for_every_message() {
    let mut two = two(Faults::none());
    two.sim.slow_down(two.b, MS(100));
    for number in 0..10 {
        two.sim.tell(two.b, &two.there, Entry::Note(number));
    }
    two.run(450);
    assert_eq!(two.there(), [0, 1, 2, 3, 4]);
    two.run(2000);
    assert_eq!(two.there(), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_clock_that_jumps_moves_the_wall_time_and_nothing_else() {
    let mut two = two(Faults::none());
    let (a, here) = (two.a, two.here.clone());
    two.sim.tell(a, &here, Entry::Timers(vec![(1000, 1), (2000, 2), (3000, 3)]));
    two.run(1500);
    two.sim.jump_clock(two.a, -3_600_000);
    two.run(1000);
    two.sim.jump_clock(two.a, 7_200_000);
    two.run(1000);
    let times = two.sim.inspect(&here, |diary: &Diary| diary.times.clone()).unwrap();
    let [(first, wall), (second, wall_after), (third, wall_at_last)] = times[..] else {
        panic!("{times:?}")
    };
    for (elapsed, expected) in [(first, 1000), (second, 2000), (third, 3000)] {
        assert_eq!(elapsed.as_millis(), expected);
    }
    assert_eq!(wall_after, wall + 1000 - 3_600_000);
    assert_eq!(wall_at_last, wall + 2000 + 3_600_000);
}

#[test]
fn wall_clocks_differ_and_drift_as_far_as_they_may() {
    let faults = Faults { clock_offset: MS(500), clock_drift_ppm: 1000, ..Faults::none() };
    let mut sim = Sim::new(4, faults);
    let systems: Vec<_> =
        (0..20).map(|number| sim.add_system(&format!("s{number}:1"), |_, _| {})).collect();
    let walls = |sim: &Sim| -> Vec<u64> {
        systems.iter().map(|&system| sim.now_in(system).wall_millis).collect()
    };
    let spread = |walls: &[u64]| walls.iter().max().unwrap() - walls.iter().min().unwrap();
    let at_first = walls(&sim);
    assert!((500..=1000).contains(&spread(&at_first)), "{at_first:?}");
    sim.run_for(Duration::from_secs(10_000));
    let drifts: Vec<u64> =
        walls(&sim).iter().zip(&at_first).map(|(later, first)| later - first).collect();
    assert!(drifts.iter().all(|drift| (9_990_000..=10_010_000).contains(drift)), "{drifts:?}");
    assert!(spread(&drifts) > 10_000, "{drifts:?}");
}

#[test]
fn a_panic_is_reported_and_a_fresh_state_goes_on() {
    let mut two = two(Faults::none());
    let here = two.here.clone();
    let tell = |sim: &mut Sim, entry| sim.tell(two.a, &here, entry);
    tell(&mut two.sim, Entry::Setup(42));
    tell(&mut two.sim, Entry::Tick { every_millis: 5, number: 100 });
    let reply =
        two.sim.ask(two.a, &here, |reply_to| Entry::ReadLater { reply_to, after_millis: 60 });
    two.sim.run_for(MS(1));
    tell(&mut two.sim, Entry::Panic);
    tell(&mut two.sim, Entry::Note(2));
    two.sim.run_for(MS(100));
    assert_eq!(seen(&two.sim, &here), [2], "the lost state's timers are silent");
    assert_eq!(two.sim.inspect(&here, |diary: &Diary| diary.setup), Some(Some(42)));
    assert_eq!(two.sim.run_until_answer(reply, MS(100)), None);
    two.sim.panic_actor(&here);
    assert_eq!(seen(&two.sim, &here), [0_u64; 0]);
    let [(_, first), (_, second)] = two.sim.reports(two.a) else { panic!() };
    for (report, text) in [(first, "a bad page"), (second, "a panic made by the simulator")] {
        let Report::Panicked { uid, panic, restarted, .. } = report else { panic!("{report}") };
        assert_eq!((uid, panic.as_str(), *restarted), (&here.uid(), text, true));
    }
}

#[test]
fn a_restart_storm_stops_the_actor() {
    let mut two = two(Faults::none());
    for _ in 0..=MAX_RESTARTS {
        two.sim.tell(two.a, &two.here, Entry::Panic);
    }
    let reply = two.sim.ask(two.a, &two.here, Entry::Read);
    assert!(two.sim.run_until_quiet(MS(100)));
    assert_eq!(Sim::poll(&mut { reply }), std::task::Poll::Ready(None));
    assert_eq!(two.sim.inspect(&two.here, |_: &Diary| ()), None);
}

#[test]
fn chance_brings_every_fault_that_is_asked_for() {
    let often = || Some(Episodes { every: MS(200), lasting: MS(10)..MS(50) });
    let every = Some(MS(200));
    let worlds = [
        ("is cut", Faults { partitions: often(), ..Faults::none() }),
        ("broken by chance", Faults { link_breaks: every, ..Faults::none() }),
        ("crashes", Faults { crashes: often(), ..Faults::none() }),
        ("panicked", Faults { panics: every, ..Faults::none() }),
        ("pauses", Faults { pauses: often(), ..Faults::none() }),
        ("gets slow", Faults { slow_systems: often(), ..Faults::none() }),
        ("gets slow", Faults { slow_links: often(), ..Faults::none() }),
        ("jumps by", Faults { clock_jumps: every, ..Faults::none() }),
        ("is lost", Faults { message_loss: 0.2, ..Faults::none() }),
    ];
    for (text, faults) in worlds {
        let mut two = two(faults);
        for number in 0..100 {
            let from_b = Entry::Tell { to: two.there.clone(), numbers: number..number + 1 };
            two.sim.tell(two.b, &two.there, from_b);
            two.tell(number..number + 1);
            two.run(100);
        }
        let count = two.sim.trace().filter(|line| line.contains(text)).count();
        assert!(count >= 10, "{text}: {count}");
    }
}
