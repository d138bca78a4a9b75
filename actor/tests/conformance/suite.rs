//! The checks. Each gets a fresh world; a failure is a sentence.

use std::time::{Duration, Instant};

use actor::{ActorRef, Cause, Report, WellKnown};

use crate::{
    probe::Say,
    world::{
        Place::{self, Here, There},
        World,
    },
};

type Check = fn(&mut dyn World) -> Result<(), String>;

const CHECKS: [(&str, Check); 10] = [
    ("messages_of_a_pair_keep_their_order", messages_of_a_pair_keep_their_order),
    ("messages_from_outside_keep_their_order", messages_from_outside_keep_their_order),
    ("telling_never_blocks", telling_never_blocks),
    ("sending_does_not_wait_for_an_answer", sending_does_not_wait_for_an_answer),
    ("a_reply_address_takes_one_answer", a_reply_address_takes_one_answer),
    ("timers_fire_in_order", timers_fire_in_order),
    ("a_panic_costs_the_state_and_nothing_else", a_panic_costs_the_state_and_nothing_else),
    ("refs_travel_through_third_parties", refs_travel_through_third_parties),
    ("a_restart_keeps_well_known_refs_only", a_restart_keeps_well_known_refs_only),
    ("nothing_happens_after_a_shutdown", nothing_happens_after_a_shutdown),
];

/// Each sender has its numbers from a multiple of this on, and fewer of them.
pub const PART: u64 = 10_000;

/// Runs all checks and gives what failed.
pub fn failures(world: impl Fn() -> Box<dyn World>) -> Vec<String> {
    CHECKS
        .iter()
        .filter_map(|(name, check)| {
            check(&mut *world()).err().map(|failure| format!("{name}: {failure}"))
        })
        .collect()
}

fn messages_of_a_pair_keep_their_order(world: &mut dyn World) -> Result<(), String> {
    let log = world.spawn(There, None);
    let senders = [(Here, 0), (Here, PART), (There, 2 * PART)]
        .map(|(at, first)| (at, world.spawn(at, None), first));
    for part in [0, 300, 600] {
        for (at, sender, first) in &senders {
            let numbers = first + part..first + part + 300;
            world.tell(*at, sender, Say::Flood { to: log.clone(), numbers });
        }
    }
    let notes = read_until(world, Here, &log, 2700)?;
    for (_, _, first) in senders {
        let own = notes.iter().copied().filter(|note| (first..first + PART).contains(note));
        same("the notes of one sender", own.collect(), (first..first + 900).collect())?;
    }
    same("the number of notes", vec![notes.len() as u64], vec![2700])
}

fn messages_from_outside_keep_their_order(world: &mut dyn World) -> Result<(), String> {
    let log = world.spawn(There, None);
    for number in 0..1000 {
        world.tell(Here, &log, Say::Note(number));
    }
    same("notes", read_until(world, Here, &log, 1000)?, (0..1000).collect())
}

fn telling_never_blocks(world: &mut dyn World) -> Result<(), String> {
    let log = world.spawn(There, None);
    world.shut_down(There);
    let started = Instant::now();
    for number in 0..10_000 {
        world.tell(Here, &log, Say::Note(number));
    }
    let time = started.elapsed();
    if time > Duration::from_secs(2) {
        return Err(format!("10,000 tells to nobody took {time:?}"));
    }
    Ok(())
}

fn sending_does_not_wait_for_an_answer(world: &mut dyn World) -> Result<(), String> {
    let latency = world.latency();
    let log = world.spawn(There, None);
    read_until(world, Here, &log, 0)?; // opens the link
    for number in 0..5 {
        world.tell(Here, &log, Say::Note(number));
        world.pass(latency / 20);
    }
    // The last is sent after a quarter of the latency, and an answer takes one more.
    world.pass(latency + Duration::from_millis(50));
    same("notes within two latencies", read_until(world, There, &log, 0)?, (0..5).collect())
}

fn a_reply_address_takes_one_answer(world: &mut dyn World) -> Result<(), String> {
    let log = world.spawn(There, None);
    world.tell(Here, &log, Say::Note(1));
    same("the answer", world.read_twice(Here, &log).ok_or("no answer")?, vec![1])?;
    world.pass(2 * world.latency() + Duration::from_millis(50)); // the second answer is a pair of its own
    let refused = world
        .reports(Here)
        .into_iter()
        .filter(|report| matches!(report, Report::Undeliverable { cause: Cause::ReplyUsed, .. }));
    same("reports of a second answer", vec![refused.count() as u64], vec![1])
}

fn timers_fire_in_order(world: &mut dyn World) -> Result<(), String> {
    let log = world.spawn(There, None);
    let ms = Duration::from_millis;
    let timers =
        vec![(ms(60), 60), (ms(20), 20), (ms(40), 40), (ms(20), 21), (ms(0), 0), (ms(60), 61)];
    world.tell(There, &log, Say::Timers(timers));
    let all = vec![0, 20, 21, 40, 60, 61];
    same("notes", read_until(world, There, &log, all.len())?, all)
}

fn a_panic_costs_the_state_and_nothing_else(world: &mut dyn World) -> Result<(), String> {
    let (log, sibling) = (world.spawn(There, None), world.spawn(There, None));
    world.tell(Here, &sibling, Say::Note(7));
    for say in [Say::Note(1), Say::Timers(vec![(Duration::from_millis(30), 9)]), Say::Panic] {
        world.tell(Here, &log, say);
    }
    for number in 2..5 {
        world.tell(Here, &log, Say::Note(number)); // these wait behind the panic
    }
    read_until(world, Here, &log, 3)?;
    world.pass(Duration::from_millis(100));
    same("the fresh state's notes", read_until(world, Here, &log, 3)?, vec![2, 3, 4])?;
    same("the sibling's notes", read_until(world, Here, &sibling, 1)?, vec![7])?;
    let panics = world
        .reports(There)
        .into_iter()
        .filter(|report| matches!(report, Report::Panicked { restarted: true, .. }));
    same("reported panics", vec![panics.count() as u64], vec![1])
}

fn refs_travel_through_third_parties(world: &mut dyn World) -> Result<(), String> {
    let (here, there) = (world.spawn(Here, None), world.spawn(There, None));
    let log = world.spawn(Here, None);
    // `here` makes `there` know `log`, and `there` uses what it was given.
    world.tell(Here, &here, Say::Introduce { to: there.clone(), whom: log.clone() });
    // Between different senders no order is promised: `there` must have its ref first.
    read_until(world, Here, &here, 0)?;
    world.pass(2 * world.latency() + Duration::from_millis(20));
    for number in 0..100 {
        world.tell(Here, &there, Say::TellKept(number));
    }
    same("notes", read_until(world, Here, &log, 100)?, (0..100).collect())
}

fn a_restart_keeps_well_known_refs_only(world: &mut dyn World) -> Result<(), String> {
    let (known, ordinary) = (world.spawn(There, Some(WellKnown(5))), world.spawn(There, None));
    for log in [&known, &ordinary] {
        world.tell(Here, log, Say::Note(1));
        same("notes of the first life", read_until(world, Here, log, 1)?, vec![1])?;
    }
    world.restart(There);
    let (known_again, other) = (world.spawn(There, Some(WellKnown(5))), world.spawn(There, None));
    if known_again != known || other == ordinary {
        return Err("well-known refs stay the same and others do not".to_owned());
    }
    // What is sent before the end of the first life is noticed may be lost; after an answer nothing is.
    same("notes of the new life", read_until(world, Here, &known, 0)?, vec![])?;
    world.tell(Here, &ordinary, Say::Note(2));
    world.tell(Here, &known, Say::Note(3));
    same("notes of the well-known actor", read_until(world, Here, &known, 1)?, vec![3])?;
    same("notes of the other", read_until(world, Here, &other, 0)?, vec![])
}

fn nothing_happens_after_a_shutdown(world: &mut dyn World) -> Result<(), String> {
    let log = world.spawn(There, None);
    world.tell(There, &log, Say::Timers(vec![(Duration::from_millis(10), 1)]));
    world.shut_down(There);
    world.tell(There, &log, Say::Note(2));
    match world.read(There, &log) {
        None => Ok(()),
        Some(notes) => Err(format!("an actor answered after the shutdown: {notes:?}")),
    }
}

/// Asks until there are so many notes, but not for ever.
fn read_until(
    world: &mut dyn World,
    from: Place,
    log: &ActorRef<Say>,
    count: usize,
) -> Result<Vec<u64>, String> {
    const STEP: Duration = Duration::from_millis(10);
    const STEPS: u32 = 300;
    let mut last = None;
    for _ in 0..STEPS {
        last = world.read(from, log).or(last);
        match last {
            Some(notes) if notes.len() >= count => return Ok(notes),
            _ => world.pass(STEP),
        }
    }
    Err(format!("{count} notes were expected, and {last:?} came"))
}

#[allow(clippy::needless_pass_by_value, reason = "every caller has just made both")]
fn same(what: &str, found: Vec<u64>, expected: Vec<u64>) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let at = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
    Err(format!(
        "{what}: {} instead of {}, different from number {at} on: {:?} instead of {:?}",
        found.len(),
        expected.len(),
        found.get(at),
        expected.get(at),
    ))
}
