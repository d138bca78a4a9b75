//! Ten thousand clients: idle, and with a query a second each.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Dialect};

const CLIENTS: usize = 10_000;
const ACTORS: usize = 2;

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    // The server inherits this.
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let server = Process::kvserver(&setting.args.kvserver, ACTORS, &[])?;
    let before = server.resident();
    let mut crowd = Crowd::connect(Dialect::Kv, &server.ports, CLIENTS)?;
    // Each has asked something once, as clients do.
    let get = Requests::new(Dialect::Kv, CLIENTS, 1, |_| Ask::Get("greeting"));
    crowd.send_all(&get)?;
    thread::sleep(Duration::from_secs(1));
    let idle = (server.resident() - before) as f64 / CLIENTS as f64 / 1024.0;
    let cpu = server.cpu();
    thread::sleep(Duration::from_secs(2));
    let quiet = (server.cpu() - cpu).as_secs_f64() / 2.0;

    let (mut p99, mut cores) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds() {
        let cpu = server.cpu();
        let measured = crowd.run_paced(&get, Duration::from_secs(1), Duration::from_secs(3))?;
        p99.push(measured.micros(0.99) / 1e3);
        cores.push((server.cpu() - cpu).as_secs_f64() / measured.time.as_secs_f64());
    }
    Ok(vec![
        Row::alone("10,000 idle clients, each", "KiB", &[idle], Some(Target::AtMost(12.0))),
        Row::alone("10,000 idle clients", "cores", &[quiet], None),
        Row::alone("10,000 clients, 1 query/s each, p99", "ms", &p99, Some(Target::AtMost(50.0))),
        Row::alone("10,000 clients, 1 query/s each", "cores", &cores, Some(Target::AtMost(1.0))),
    ])
}
