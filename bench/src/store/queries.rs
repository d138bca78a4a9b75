//! GET and SET beside Redis and the bare echo: throughput, the server's processor time for each, and
//! the latency of one connection.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Setting;
use super::load::{Crowd, Measured, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Dialect};

const CONNECTIONS: usize = 50;
const ACTORS: usize = 2;
const KEYS: usize = 100_000;
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";

/// What is in flight between siblings has been merged by then, and its cost is counted.
const SETTLE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Get,
    Set,
}

/// A server under load, and what it did in each round.
struct Side {
    process: Process,
    crowd: Crowd,
    one: Crowd,
}

impl Side {
    fn new(process: Process, keys: &[String]) -> Result<Self> {
        let (dialect, ports) = (process.dialect, &process.ports);
        let mut crowd = Crowd::connect(dialect, ports, CONNECTIONS)?;
        let one = Crowd::connect(dialect, ports, 1)?;
        let fill = Requests::new(dialect, KEYS / 100, 100, |n| Ask::Set(&keys[n % KEYS], VALUE));
        crowd.send_all(&fill)?;
        thread::sleep(SETTLE);
        Ok(Self { process, crowd, one })
    }

    /// The load of a round, and the processor time in microseconds that a query took.
    fn load(&mut self, requests: &Requests, span: Duration) -> Result<(Measured, f64)> {
        let before = self.process.cpu();
        let measured = self.crowd.run(requests, span)?;
        thread::sleep(SETTLE);
        let cpu = (self.process.cpu() - before).as_secs_f64() * 1e6;
        let each = cpu / measured.queries as f64;
        Ok((measured, each))
    }
}

/// Figures by round.
#[derive(Default)]
struct Figures {
    rate: Vec<f64>,
    cpu: Vec<f64>,
}

impl Figures {
    fn add(&mut self, (measured, cpu): &(Measured, f64)) {
        self.rate.push(measured.rate());
        self.cpu.push(*cpu);
    }
}

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number:012}")).collect();
    let program = &setting.args.kvserver;
    let mut ours = Side::new(Process::kvserver(program, ACTORS, &[])?, &keys)?;
    let mut echo = Side::new(Process::echo(ACTORS)?, &keys)?;
    let mut redis = match &setting.args.redis {
        Some(program) => Some(Side::new(Process::redis(program)?, &keys)?),
        None => None,
    };
    let mut rows = Vec::new();
    let pipelines = setting.args.pipelines.iter();
    for (&pipeline, kind) in pipelines.flat_map(|p| [(p, Kind::Get), (p, Kind::Set)]) {
        let requests = |dialect| requests(dialect, kind, pipeline, &keys);
        let (for_us, for_redis) = (requests(Dialect::Kv), requests(Dialect::Resp));
        let for_echo = requests(Dialect::Echo);
        let (mut us, mut them, mut limit) = <(Figures, Figures, Figures)>::default();
        for _ in 0..setting.rounds() {
            us.add(&ours.load(&for_us, setting.span())?);
            if let Some(redis) = &mut redis {
                them.add(&redis.load(&for_redis, setting.span())?);
            }
            if pipeline == 1 {
                limit.add(&echo.load(&for_echo, setting.span())?);
            }
        }
        let name = format!("{kind:?}, {CONNECTIONS} connections, pipeline {pipeline}");
        let (rate, cpu) = match pipeline {
            64 => (Some(Target::RatioAtLeast(1.3)), Some(Target::RatioAtMost(0.6))),
            16 => (Some(Target::RatioAtLeast(1.0)), None),
            _ => (None, None),
        };
        rows.push(compared(&name, "1/s", &us.rate, ("Redis", &them.rate), rate));
        rows.push(compared(&name, "µs of CPU", &us.cpu, ("Redis", &them.cpu), cpu));
        if pipeline == 1 {
            let target = Some(Target::RatioAtLeast(0.9));
            rows.push(compared(&name, "1/s", &us.rate, ("echo", &limit.rate), target));
            rows.push(compared(&name, "µs of CPU", &us.cpu, ("echo", &limit.cpu), None));
        }
    }
    rows.extend(latency(setting, &keys, &mut ours, &mut echo, redis.as_mut())?);
    Ok(rows)
}

/// A row, with nothing beside it if there is nothing.
fn compared(
    name: &str,
    unit: &'static str,
    ours: &[f64],
    other: (&'static str, &[f64]),
    target: Option<Target>,
) -> Row {
    match other.1 {
        [] => Row::alone(name, unit, ours, target),
        _ => Row::compared(name, unit, ours, other, target),
    }
}

fn latency(
    setting: &Setting<'_>,
    keys: &[String],
    ours: &mut Side,
    echo: &mut Side,
    mut redis: Option<&mut Side>,
) -> Result<Vec<Row>> {
    let requests = |dialect| requests(dialect, Kind::Get, 1, keys);
    let (for_us, for_redis) = (requests(Dialect::Kv), requests(Dialect::Resp));
    let for_echo = requests(Dialect::Echo);
    let (mut us, mut them, mut limit) = <(Vec<f64>, Vec<f64>, Vec<f64>)>::default();
    for _ in 0..setting.rounds() {
        us.push(ours.one.run(&for_us, setting.span())?.micros(0.5));
        limit.push(echo.one.run(&for_echo, setting.span())?.micros(0.5));
        if let Some(redis) = &mut redis {
            them.push(redis.one.run(&for_redis, setting.span())?.micros(0.5));
        }
    }
    let name = "Get, 1 connection, median latency";
    let target = Some(Target::RatioAtMost(1.15));
    Ok(vec![
        compared(name, "µs", &us, ("echo", &limit), target),
        compared(name, "µs", &us, ("Redis", &them), None),
    ])
}

/// Requests that touch keys all over the store.
fn requests(dialect: Dialect, kind: Kind, pipeline: usize, keys: &[String]) -> Requests {
    /// Coprime to the number of keys, so that every key has its turn.
    const STRIDE: usize = 7919;
    let count = (KEYS / pipeline).min(8192);
    Requests::new(dialect, count, pipeline, |number| {
        let key = &keys[number * STRIDE % KEYS];
        match kind {
            Kind::Get => Ask::Get(key),
            Kind::Set => Ask::Set(key, VALUE),
        }
    })
}
