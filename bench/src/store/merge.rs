//! What it costs a server to take in a million entries of another one, and whether its clients wait
//! meanwhile.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kvcommon::{Answer, Query};

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Asker, Dialect};

const KEYS: usize = 1_000_000;
const TOGETHER: usize = 100;
const CLIENTS: usize = 20;
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";

/// A newcomer that has not got everything by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server answers once it is ready, and the pause until it is asked again.
const NOTHING: Query<'_> = Query::List { prefix: "nothing begins with this", after: None };
const GLANCE: Duration = Duration::from_millis(20);

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let program = &setting.args.kvserver;
    let old = Process::kvserver(program, 1, &[])?;
    let mut one = Crowd::connect(Dialect::Kv, &old.ports, 1)?;
    for first in (0..KEYS).step_by(KEYS / 10) {
        let keys: Vec<String> =
            (first..first + KEYS / 10).map(|number| format!("key:{number:012}")).collect();
        one.send_all(&Requests::new(Dialect::Kv, keys.len() / TOGETHER, TOGETHER, |number| {
            Ask::Set(&keys[number], VALUE)
        }))?;
    }
    let join = old.actor_system.as_deref().context("the server has an actor system")?;
    let (mut rate, mut p99, mut seconds) = <(Vec<f64>, Vec<f64>, Vec<f64>)>::default();
    for _ in 0..setting.rounds() {
        let begun = Instant::now();
        let new = Process::kvserver(program, 1, &["--join", join])?;
        let time = ready_after(&new, begun)?;
        let cpu = new.cpu().saturating_sub(cpu_of_idling(program, time)?);
        drop(new);
        rate.push(KEYS as f64 / cpu.as_secs_f64());
        seconds.push(time.as_secs_f64());
        p99.push(slowest_meanwhile(&Process::kvserver(program, 1, &["--join", join])?)?);
    }
    let at_least = Some(Target::AtLeast(2e6));
    Ok(vec![
        Row::alone("Entries of a peer merged, sockets included", "1/s of CPU", &rate, at_least),
        Row::alone("Gets of 20 clients meanwhile, p99", "ms", &p99, Some(Target::AtMost(10.0))),
        Row::alone("1,000,000 entries until the newcomer is ready", "s", &seconds, None),
    ])
}

/// The processor time of a server that has nobody to fetch from, and otherwise does for so long what
/// the newcomer did: it starts, and is asked whether it is ready.
fn cpu_of_idling(program: &Path, time: Duration) -> Result<Duration> {
    let begun = Instant::now();
    let alone = Process::kvserver(program, 1, &[])?;
    let mut asker = Asker::connect(alone.ports[0])?;
    while begun.elapsed() < time {
        asker.ask(&NOTHING)?;
        thread::sleep(GLANCE);
    }
    Ok(alone.cpu())
}

/// The worst p99 of any half second until a newcomer is ready, in milliseconds.
fn slowest_meanwhile(new: &Process) -> Result<f64> {
    let get = Requests::new(Dialect::Newcomer, 1, 1, |_| Ask::Get("key:000000123456"));
    let mut clients = Crowd::connect(Dialect::Newcomer, &new.ports, CLIENTS)?;
    thread::scope(|scope| {
        let ready = scope.spawn(|| ready_after(new, Instant::now()));
        let (mut slowest, mut queries) = (0.0_f64, 0);
        while !ready.is_finished() {
            let (period, span) = (Duration::from_millis(10), Duration::from_millis(500));
            let measured = clients.run_paced(&get, period, span)?;
            queries += measured.queries;
            slowest = slowest.max(measured.micros(0.99) / 1e3);
        }
        ready.join().ok().context("no panic")??;
        ensure!(queries > 0, "no client asked anything meanwhile");
        Ok(slowest)
    })
}

/// The time from `begun` until the server answers a List.
fn ready_after(server: &Process, begun: Instant) -> Result<Duration> {
    let mut asker = Asker::connect(server.ports[0])?;
    while matches!(asker.ask(&NOTHING)?, Answer::Refused(_)) {
        ensure!(begun.elapsed() < PATIENCE, "the newcomer is not ready");
        thread::sleep(GLANCE);
    }
    Ok(begun.elapsed())
}
