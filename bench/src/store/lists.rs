//! List: what it costs among few and among many keys, and whether others wait while one client reads
//! everything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Dialect, list_everything};

const LISTED: usize = 100;
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
const READERS: usize = 50;
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";

/// 16 bytes; [`LISTED`] of them share a prefix.
fn key(number: usize) -> String {
    format!("group/{:07}/{:02}", number / LISTED, number % LISTED)
}

struct Store {
    process: Process,
    one: Crowd,
}

impl Store {
    fn new(process: Process, keys: usize) -> Result<Self> {
        let fill = |number: usize| {
            let keys: Vec<String> = (number * LISTED..(number + 1) * LISTED).map(key).collect();
            let asks: Vec<_> = keys.iter().map(|key| Ask::Set(key, VALUE)).collect();
            process.dialect.request(&asks)
        };
        let bytes: Vec<_> = (0..keys / LISTED).map(fill).collect();
        let fill = Requests { dialect: process.dialect, queries: LISTED as u64, bytes };
        let mut one = Crowd::connect(process.dialect, &process.ports[..1], 1)?;
        one.send_all(&fill)?;
        Ok(Self { process, one })
    }

    fn median(&mut self, requests: &Requests, setting: &Setting<'_>) -> Result<f64> {
        Ok(self.one.run(requests, setting.span())?.micros(0.5))
    }
}

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let program = &setting.args.kvserver;
    let mut few = Store::new(Process::kvserver(program, 1, &[])?, FEW)?;
    let mut many = Store::new(Process::kvserver(program, 1, &[])?, MANY)?;
    let echo = Process::echo(1)?;
    let mut echo_one = Crowd::connect(Dialect::Echo, &echo.ports, 1)?;
    let redis = setting.args.redis.as_deref().map(Process::redis).transpose()?;
    let mut redis = redis.map(|process| Store::new(process, MANY)).transpose()?;

    let list = |dialect, keys| {
        let prefix = key(keys / 2)[.."group/0000000/".len()].to_owned();
        Requests { dialect, queries: 1, bytes: vec![dialect.request(&[Ask::List(&prefix)])] }
    };
    // An echo of the answer's size, so that what is compared is the List and not the bytes.
    let answer = LISTED * (key(0).len() + VALUE.len() + 18);
    let of_that_size = "x".repeat(answer);
    let echoed = Requests {
        dialect: Dialect::Echo,
        queries: 1,
        bytes: vec![Dialect::Echo.request(&[Ask::List(&of_that_size)])],
    };
    let (mut ours, mut small, mut limit, mut theirs) = <[Vec<f64>; 4]>::default().into();
    for _ in 0..setting.rounds() {
        small.push(few.median(&list(Dialect::Kv, FEW), setting)?);
        ours.push(many.median(&list(Dialect::Kv, MANY), setting)?);
        limit.push(echo_one.run(&echoed, setting.span())?.micros(0.5));
        if let Some(redis) = &mut redis {
            theirs.push(redis.median(&list(Dialect::Resp, MANY), setting)?);
        }
    }
    let name = "List of 100 keys out of 1,000,000, median";
    let mut rows = vec![
        Row::compared(name, "µs", &ours, ("of 1,000", &small), Some(Target::RatioAtMost(1.2))),
        Row::compared(name, "µs", &ours, ("echo", &limit), Some(Target::RatioAtMost(1.5))),
    ];
    if redis.is_some() {
        rows.push(Row::compared(name, "µs", &ours, ("SCAN MATCH", &theirs), None));
    }
    rows.extend(others_meanwhile(setting, &many)?);
    Ok(rows)
}

/// The latency of other clients while one lists everything, again and again.
fn others_meanwhile(setting: &Setting<'_>, many: &Store) -> Result<Vec<Row>> {
    let port = many.process.ports[0];
    let get = Requests::new(Dialect::Kv, 1, 1, |_| Ask::Get("group/0001234/56"));
    let mut readers = Crowd::connect(Dialect::Kv, &many.process.ports, READERS)?;
    let over = AtomicBool::new(false);
    let (mut p99, mut seconds) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let lister = scope.spawn(|| -> Result<Vec<f64>> {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let (time, count) = list_everything(port)?;
                ensure!(count == MANY, "a List found {count} keys of {MANY}");
                times.push(time.as_secs_f64());
            }
            Ok(times)
        });
        let measured = (0..setting.rounds())
            .map(|_| readers.run(&get, setting.span().max(Duration::from_secs(1))))
            .collect::<Result<Vec<_>>>();
        over.store(true, Ordering::Relaxed);
        seconds = lister.join().ok().context("the lister panicked")??;
        p99 = measured?.iter().map(|measured| measured.micros(0.99) / 1e3).collect();
        anyhow::Ok(())
    })?;
    Ok(vec![
        Row::alone(
            "Gets of 50 clients while one lists 1,000,000 keys, p99",
            "ms",
            &p99,
            Some(Target::AtMost(10.0)),
        ),
        Row::alone("List of 1,000,000 keys meanwhile", "s", &seconds, None),
    ])
}
