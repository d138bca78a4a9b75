//! What it costs a server to take in a million entries of another one, and whether its clients wait
//! meanwhile.

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
    let get = Requests::new(Dialect::Newcomer, 1, 1, |_| Ask::Get("key:000000123456"));
    let (mut rate, mut p99, mut seconds) = <(Vec<f64>, Vec<f64>, Vec<f64>)>::default();
    for _ in 0..setting.rounds() {
        let begun = Instant::now();
        let new = Process::kvserver(program, 1, &["--join", join])?;
        let mut clients = Crowd::connect(Dialect::Newcomer, &new.ports, CLIENTS)?;
        let port = new.ports[0];
        let ready = thread::spawn(move || ready_after(port, begun));
        let mut slowest = 0.0_f64;
        let mut queries = 0;
        while !ready.is_finished() {
            let (period, span) = (Duration::from_millis(10), Duration::from_millis(500));
            let measured = clients.run_paced(&get, period, span)?;
            queries += measured.queries;
            slowest = slowest.max(measured.micros(0.99) / 1e3);
        }
        let cpu = new.cpu().as_secs_f64();
        ensure!(queries > 0, "no client asked anything meanwhile");
        seconds.push(ready.join().ok().context("no panic")??);
        rate.push(KEYS as f64 / cpu);
        p99.push(slowest);
    }
    let at_least = Some(Target::AtLeast(2e6));
    Ok(vec![
        Row::alone("Entries of a peer merged, all costs counted", "1/s of CPU", &rate, at_least),
        Row::alone("Gets of 20 clients meanwhile, p99", "ms", &p99, Some(Target::AtMost(10.0))),
        Row::alone("1,000,000 entries until the newcomer is ready", "s", &seconds, None),
    ])
}

/// The seconds from `begun` until the server answers a List.
fn ready_after(port: std::net::SocketAddr, begun: Instant) -> Result<f64> {
    let mut asker = Asker::connect(port)?;
    let list = Query::List { prefix: "nothing begins with this", after: None };
    while matches!(asker.ask(&list)?, Answer::Refused(_)) {
        ensure!(begun.elapsed() < PATIENCE, "the newcomer is not ready");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(begun.elapsed().as_secs_f64())
}
