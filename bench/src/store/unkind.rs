//! What clients that flood, never read, or send a byte a second do to the others.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::{Ask, Dialect};

const OTHERS: usize = 20;
/// The others ask so often: the server has time for them.
const PERIOD: Duration = Duration::from_millis(20);
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";

/// What the server may hold for a client: a batch, its answers, and what it reads and writes with.
const BOUND_MIB: f64 = 4.0;

#[derive(Clone, Copy, Debug)]
enum Unkind {
    Floods,
    NeverReads,
    OneByteASecond,
}

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let server = Process::kvserver(&setting.args.kvserver, 1, &[])?;
    let port = server.ports[0];
    let mut others = Crowd::connect(Dialect::Kv, &server.ports, OTHERS)?;
    let keys: Vec<String> = (0..1000).map(|number| format!("key:{number:012}")).collect();
    others.send_all(&Requests::new(Dialect::Kv, 10, 100, |n| Ask::Set(&keys[n], VALUE)))?;
    let get = Requests::new(Dialect::Kv, 1000, 1, |number| Ask::Get(&keys[number]));
    let span = setting.span().max(Duration::from_secs(1));
    let mut rows = Vec::new();
    for kind in [Unkind::Floods, Unkind::NeverReads, Unkind::OneByteASecond] {
        let (mut with, mut without, mut memory) = <(Vec<f64>, Vec<f64>, Vec<f64>)>::default();
        for _ in 0..setting.rounds() {
            without.push(others.run_paced(&get, PERIOD, span)?.micros(0.99));
            let before = server.resident();
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                let client = scope.spawn(|| be_unkind(kind, port, &over));
                // The first moments are for the sockets to fill.
                thread::sleep(Duration::from_millis(200));
                let measured = others.run_paced(&get, PERIOD, span);
                memory.push(server.resident().saturating_sub(before) as f64 / (1 << 20) as f64);
                over.store(true, Ordering::Relaxed);
                client.join().ok().context("the client panicked")??;
                with.push(measured?.micros(0.99));
                anyhow::Ok(())
            })?;
        }
        let name = format!("One client {}: others' p99", describe(kind));
        let without = ("without", without.as_slice());
        rows.push(Row::compared(name, "µs", &with, without, Some(Target::RatioAtMost(2.0))));
        let name = format!("One client {}: memory", describe(kind));
        rows.push(Row::alone(name, "MiB", &memory, Some(Target::AtMost(BOUND_MIB))));
    }
    Ok(rows)
}

fn describe(kind: Unkind) -> &'static str {
    match kind {
        Unkind::Floods => "floods",
        Unkind::NeverReads => "never reads",
        Unkind::OneByteASecond => "sends a byte a second",
    }
}

fn be_unkind(kind: Unkind, port: SocketAddr, over: &AtomicBool) -> Result<()> {
    let mut stream = Dialect::Kv.connect(port)?;
    let request = Dialect::Kv.request(&[Ask::Get("key:000000000001"); 1000]);
    let mut scratch = vec![0; 1 << 20];
    let mut written = 0;
    stream.set_nonblocking(true)?;
    while !over.load(Ordering::Relaxed) {
        if matches!(kind, Unkind::OneByteASecond) {
            stream.write_all(&request[written..=written])?;
            written += 1;
            thread::sleep(Duration::from_secs(1));
            continue;
        }
        let mut idle = true;
        match stream.write(&request[written..]) {
            Ok(length) => {
                written = (written + length) % request.len();
                idle = false;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if matches!(kind, Unkind::Floods) {
            match stream.read(&mut scratch) {
                Ok(_) => idle = false,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        if idle {
            thread::sleep(Duration::from_micros(50));
        }
    }
    Ok(())
}
