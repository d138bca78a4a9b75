//! Two servers a quarter of a second apart: how long a Put takes to be seen, and what it costs on the
//! way.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kvcommon::{Answer, Query};
use serde_json::Value;
use testproxy::Proxy;

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Asker, Dialect};

const ONE_WAY: Duration = Duration::from_millis(250);
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";
const KEYS: usize = 100_000;
/// Puts that travel together in a request of the load.
const TOGETHER: usize = 100;
const LOAD: u32 = 20_000;
/// Puts whose way is watched in a round.
const PROBES: usize = 20;

/// Two servers whose actor systems reach each other through proxies only.
struct World {
    near: Process,
    far: Process,
    _runtime: tokio::runtime::Runtime,
    _proxies: Vec<Proxy>,
}

impl World {
    fn new(setting: &Setting<'_>) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (mut proxies, mut places) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let port = free_port()?;
            let to = format!("127.0.0.1:{port}");
            let proxy = runtime.block_on(Proxy::start("127.0.0.1:0", to))?;
            proxy.delay(ONE_WAY);
            places.push((port.to_string(), proxy.near().to_string()));
            proxies.push(proxy);
        }
        let start = |(port, name): &(String, String), more: &[&str]| {
            let mut args = vec!["--advertise", name, "--http", "127.0.0.1:0"];
            args.extend_from_slice(more);
            Process::kvserver_at(&setting.args.kvserver, port, 1, &args)
        };
        let near = start(&places[0], &[])?;
        let far = start(&places[1], &["--join", &places[0].1])?;
        let world = Self { near, far, _runtime: runtime, _proxies: proxies };
        world.wait_until_ready()?;
        Ok(world)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let mut asker = Asker::connect(self.far.ports[0])?;
        let begun = Instant::now();
        while matches!(asker.ask(&Query::List { prefix: "x", after: None })?, Answer::Refused(_)) {
            ensure!(begun.elapsed() < Duration::from_secs(30), "the far server is not ready");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How long each of some Puts takes from its answer here until it is seen there, in milliseconds.
    fn probe(&self, round: usize, pause: Duration) -> Result<Vec<f64>> {
        let mut here = Asker::connect(self.near.ports[0])?;
        let mut there = Asker::connect(self.far.ports[0])?;
        let mut times = Vec::new();
        for number in 0..PROBES {
            let key = format!("probe/{round}/{number}");
            ensure!(
                matches!(
                    here.ask(&Query::Put { key: &key, value: VALUE, floor: None })?,
                    Answer::Stored { .. }
                ),
                "a Put was refused"
            );
            let begun = Instant::now();
            while !matches!(there.ask(&Query::Get { key: &key })?, Answer::Found { .. }) {
                ensure!(begun.elapsed() < Duration::from_secs(20), "a Put never arrives");
                thread::sleep(Duration::from_micros(300));
            }
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            // Not in step with the pace of the servers.
            thread::sleep(pause + Duration::from_millis(number as u64 * 37 % 125));
        }
        Ok(times)
    }
}

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let world = World::new(setting)?;
    let mut idle = Vec::new();
    for round in 0..setting.rounds().min(3) {
        idle.extend(world.probe(round, Duration::from_millis(300))?);
    }
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number:012}")).collect();
    let puts = Requests::new(Dialect::Kv, KEYS / TOGETHER, TOGETHER, |number| {
        Ask::Set(&keys[number], VALUE)
    });
    let over = AtomicBool::new(false);
    let mut loaded = Vec::new();
    let before = traffic(&world.near)?;
    thread::scope(|scope| {
        let load = scope.spawn(|| -> Result<()> {
            let mut writer = Crowd::connect(Dialect::Kv, &world.near.ports, 4)?;
            let period = Duration::from_secs(1) * 4 * u32::try_from(TOGETHER)? / LOAD;
            while !over.load(Ordering::Relaxed) {
                writer.run_paced(&puts, period, Duration::from_secs(1))?;
            }
            Ok(())
        });
        thread::sleep(Duration::from_secs(2));
        let probes = (0..setting.rounds())
            .map(|round| world.probe(1000 + round, Duration::ZERO))
            .collect::<Result<Vec<_>>>();
        over.store(true, Ordering::Relaxed);
        load.join().ok().context("no panic")??;
        loaded.extend(probes?.into_iter().flatten());
        anyhow::Ok(())
    })?;
    thread::sleep(Duration::from_secs(2));
    let after = traffic(&world.near)?;
    let each = (after.0 - before.0) / (after.1 - before.1).max(1.0);
    let content = (keys[0].len() + VALUE.len()) as f64;
    let at_most = |bound| Some(Target::AtMost(bound));
    let name = "Put to visible, 250 ms one way";
    Ok(vec![
        Row::alone(format!("{name}, idle, p50"), "ms", &[quantile(&mut idle, 0.5)], at_most(260.0)),
        Row::alone(
            format!("{name}, idle, p99"),
            "ms",
            &[quantile(&mut idle, 0.99)],
            at_most(300.0),
        ),
        Row::alone(
            format!("{name}, 20,000 Puts/s, p50"),
            "ms",
            &[quantile(&mut loaded, 0.5)],
            None,
        ),
        Row::alone(
            format!("{name}, 20,000 Puts/s, p99"),
            "ms",
            &[quantile(&mut loaded, 0.99)],
            at_most(550.0),
        ),
        Row::alone(
            "A replicated Put, beyond its key and value",
            "bytes",
            &[each - content],
            at_most(12.0),
        ),
    ])
}

fn quantile(times: &mut [f64], quantile: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let place = ((times.len() as f64 * quantile) as usize).min(times.len().saturating_sub(1));
    times.get(place).copied().unwrap_or(0.0)
}

/// The bytes and the entries that the server has sent to others.
fn traffic(server: &Process) -> Result<(f64, f64)> {
    let http = server.http.as_deref().context("the server has an HTTP port")?;
    let mut stream = TcpStream::connect(http)?;
    write!(stream, "GET /stats.json HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("an HTTP answer has a body")?;
    let stats: Value = serde_json::from_str(body).context("the statistics are JSON")?;
    let members = stats["members"].as_array().context("there are members")?;
    let sum = |field| members.iter().filter_map(|member| find(member, field)).sum::<f64>();
    Ok((sum("bytes_sent"), sum("entries_sent")))
}

/// A number of this name, wherever in the object it is.
fn find(value: &Value, name: &str) -> Option<f64> {
    let object = value.as_object()?;
    let here = object.get(name).and_then(Value::as_f64);
    here.or_else(|| object.values().find_map(|value| find(value, name)))
}

/// A port below those of outgoing connections, that with its successor is free.
fn free_port() -> Result<u16> {
    let first = 21_000 + (std::process::id() % 4000) as u16;
    let is_free = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    static NEXT: AtomicU16 = AtomicU16::new(0);
    (0..100)
        .map(|_| first + 2 * NEXT.fetch_add(1, Ordering::Relaxed))
        .find(|port| is_free(*port).is_ok() && is_free(port + 1).is_ok())
        .context("there is no free port")
}
