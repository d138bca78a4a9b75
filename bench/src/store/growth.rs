//! What a further actor costs: each GET and SET on servers of one, two and four.

use std::thread;
use std::time::Duration;

use anyhow::Result;

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

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number:012}")).collect();
    let requests = |set: bool| {
        Requests::new(Dialect::Kv, KEYS / PIPELINE, PIPELINE, |number| {
            let key = &keys[number * 7919 % KEYS];
            if set { Ask::Set(key, VALUE) } else { Ask::Get(key) }
        })
    };
    let (get, set) = (requests(false), requests(true));
    let mut servers = [1, 2, 4]
        .into_iter()
        .map(|actors| {
            let process = Process::kvserver(&setting.args.kvserver, actors, &[])?;
            let mut crowd = Crowd::connect(Dialect::Kv, &process.ports, CONNECTIONS)?;
            crowd.send_all(&set)?;
            thread::sleep(SETTLE);
            Ok((process, crowd))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut figures = <[[Vec<f64>; 3]; 2]>::default();
    for _ in 0..setting.rounds() {
        for (requests, figures) in [&get, &set].into_iter().zip(&mut figures) {
            for ((process, crowd), figures) in servers.iter_mut().zip(figures) {
                let before = process.cpu();
                let queries = crowd.run(requests, setting.span())?.queries;
                thread::sleep(SETTLE);
                let cpu = (process.cpu() - before).as_secs_f64() * 1e6;
                figures.push(cpu / queries as f64);
            }
        }
    }
    let [[get_1, get_2, get_4], [set_1, set_2, set_4]] = figures;
    let further: Vec<f64> =
        set_4.iter().zip(&set_1).map(|(four, one)| (four - one) / 3.0).collect();
    let unit = "µs of CPU";
    let name = |what: &str| format!("{what}, pipeline {PIPELINE}");
    let at_most = Some(Target::RatioAtMost(1.15));
    Ok(vec![
        Row::compared(name("GET of 2 actors"), unit, &get_2, ("1 actor", &get_1), at_most),
        Row::compared(name("GET of 4 actors"), unit, &get_4, ("1 actor", &get_1), None),
        Row::compared(name("SET of 2 actors"), unit, &set_2, ("1 actor", &set_1), None),
        Row::alone(name("SET, each further replica"), unit, &further, None),
    ])
}
