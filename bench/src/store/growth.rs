//! What a further actor costs: each GET and SET on servers of one, two and four.
//!
//! Servers that are free to use all cores do not all do the same for a query: the one with one actor
//! has a core to itself and more than it can do, so it never sleeps; the actors of others outrun
//! the generator, sleep between requests, and are woken for one or two. So the rows also say how
//! often a server sleeps, and GETs are measured once more where nobody sleeps: with all of a server's
//! threads on one core and the generator on another.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Dialect};

const CONNECTIONS: usize = 48;
const PIPELINE: usize = 16;
const KEYS: usize = 100_000;
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";
const SETTLE: Duration = Duration::from_millis(400);

/// A server, those who load it, and what each query has cost, in rounds.
struct Side {
    process: Process,
    crowd: Crowd,
    get: Figures,
    set: Figures,
}

#[derive(Default)]
struct Figures {
    /// Microseconds of the processor for each query.
    cpu: Vec<f64>,
    /// How often the server went to sleep for each request.
    sleeps: Vec<f64>,
}

impl Side {
    fn new(setting: &Setting<'_>, actors: usize, fill: &Requests) -> Result<Self> {
        let process = Process::kvserver(&setting.args.kvserver, actors, &[])?;
        let mut crowd = Crowd::connect(Dialect::Kv, &process.ports, CONNECTIONS)?;
        crowd.send_all(fill)?;
        thread::sleep(SETTLE);
        Ok(Self { process, crowd, get: Figures::default(), set: Figures::default() })
    }

    /// A round of GETs or SETs.
    fn load(&mut self, requests: &Requests, set: bool, span: Duration) -> Result<()> {
        let (cpu, sleeps) = (self.process.cpu(), self.process.sleeps());
        let queries = self.crowd.run(requests, span)?.queries as f64;
        let slept = (self.process.sleeps() - sleeps) as f64;
        thread::sleep(SETTLE);
        let cpu = (self.process.cpu() - cpu).as_secs_f64() * 1e6;
        let figures = if set { &mut self.set } else { &mut self.get };
        figures.cpu.push(cpu / queries);
        figures.sleeps.push(slept / queries * PIPELINE as f64);
        Ok(())
    }
}

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number:012}")).collect();
    let requests = |set: bool| {
        Requests::new(Dialect::Kv, KEYS / PIPELINE, PIPELINE, |number| {
            let key = &keys[number * 7919 % KEYS];
            if set { Ask::Set(key, VALUE) } else { Ask::Get(key) }
        })
    };
    let (get, set) = (requests(false), requests(true));
    let side = |actors| Side::new(setting, actors, &set);
    let (mut one, mut two, mut four) = (side(1)?, side(2)?, side(4)?);
    for _ in 0..setting.rounds() {
        for (requests, set) in [(&get, false), (&set, true)] {
            for side in [&mut one, &mut two, &mut four] {
                side.load(requests, set, setting.span())?;
            }
        }
    }
    let further = four.set.cpu.iter().zip(&one.set.cpu).map(|(four, one)| (four - one) / 3.0);
    let further: Vec<f64> = further.collect();
    let unit = "µs of CPU";
    let name = |what: &str| format!("{what}, pipeline {PIPELINE}");
    let at_most = Some(Target::RatioAtMost(1.15));
    let beside_one = |figures: &[f64], one: &[f64], what: &str, unit, target| {
        Row::compared(name(what), unit, figures, ("1 actor", one), target)
    };
    let (get_1, sleeps_1, set_1) = (&one.get.cpu, &one.get.sleeps, &one.set.cpu);
    let mut rows = vec![
        beside_one(&two.get.cpu, get_1, "GET of 2 actors", unit, at_most),
        beside_one(&four.get.cpu, get_1, "GET of 4 actors", unit, None),
        beside_one(&two.get.sleeps, sleeps_1, "GET of 2 actors", "sleeps of a request", None),
        beside_one(&two.set.cpu, set_1, "SET of 2 actors", unit, None),
        Row::alone(name("SET, each further replica"), unit, &further, None),
    ];
    drop((one, two, four));
    let all_cores = sched_getaffinity(None)?;
    if let Some((own, theirs)) = two_of(&all_cores) {
        // A thread hands its core down to the processes that it starts.
        sched_setaffinity(None, &theirs)?;
        let (mut one, mut two) = (side(1)?, side(2)?);
        sched_setaffinity(None, &own)?;
        for _ in 0..setting.rounds() {
            one.load(&get, false, setting.span())?;
            two.load(&get, false, setting.span())?;
        }
        sched_setaffinity(None, &all_cores)?;
        let what = "GET of 2 actors on one core";
        rows.insert(1, beside_one(&two.get.cpu, &one.get.cpu, what, unit, at_most));
    }
    Ok(rows)
}

/// A core for this thread and another one for the servers, if there are two.
fn two_of(cores: &CpuSet) -> Option<(CpuSet, CpuSet)> {
    let mut each = (0..CpuSet::MAX_CPU).filter(|core| cores.is_set(*core)).map(|core| {
        let mut only = CpuSet::new();
        only.set(core);
        only
    });
    each.next().zip(each.next())
}
