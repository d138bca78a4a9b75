//! How fast a newcomer gets the store, what the giver's clients notice of it, and what memory it takes.
//!
//! `cargo bench -p kvserver --bench bootstrap [-- KEYS]`: a server of two actors holds the keys, 150
//! bytes each; another one of two actors joins it, while a client writes 1,000 keys a second to the
//! first one and another client reads from it. Each server is a process of its own.
//!
//! Memory beyond the data is what a server has at most, beyond what the first one had before the other
//! one came: there the same store was at rest.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kvclient::{Address, Client, Fixed};
use serde_json::Value;
use tokio::time::{interval, sleep};

#[tokio::main]
async fn main() {
    let keys = std::env::args().nth(1).and_then(|keys| keys.parse().ok()).unwrap_or(1_000_000);
    let old = Process::start(&[]);
    let empty = old.resident();
    fill(&old.client(), keys).await;

    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(old.client(), done.clone()));
    let reader = tokio::spawn(read(old.client(), keys, done.clone()));
    sleep(Duration::from_secs(2)).await;

    let before = old.resident();
    let began = Instant::now();
    let new = Process::start(&["--join", &old.description]);
    let newcomer = new.client();
    let last = format!("key/{:08}", keys - 1);
    let (mut most_old, mut most_new) = (before, 0);
    // A List is refused until the newcomer is ready.
    while newcomer.list(&last).await.is_err() {
        most_old = most_old.max(old.resident());
        most_new = most_new.max(new.resident());
        sleep(Duration::from_millis(10)).await;
    }
    let ready = began.elapsed();
    done.store(true, Ordering::Relaxed);
    let written = writer.await.expect("no panic");
    let mut times = reader.await.expect("no panic");
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    // What is released late counts as well.
    for _ in 0..100 {
        most_old = most_old.max(old.resident());
        most_new = most_new.max(new.resident());
        sleep(Duration::from_millis(10)).await;
    }

    println!(
        "{keys} keys of 150 bytes; {written} Puts and {} Gets on the first server meanwhile",
        times.len()
    );
    println!("Gets there: median {:.2?}, p99 {p99:.2?}", times[times.len() / 2]);
    for (name, server, most) in [("first", &old, most_old), ("new", &new, most_new)] {
        println!(
            "the {name} server: {} MiB at most, {} MiB now",
            mib(most),
            mib(server.resident())
        );
    }
    println!("the first server before: {} MiB, empty: {} MiB", mib(before), mib(empty));
    println!();
    println!("| {:45} | {:>8} | {:>10} | met |", "figure", "target", "measured");
    println!("|-{0:-<45}-|-{0:-<7}:|-{0:-<9}:|-----|", "");
    let row = |figure: &str, target: &str, measured: String, met: bool| {
        println!(
            "| {figure:45} | {target:>8} | {measured:>10} | {:3} |",
            if met { "yes" } else { "NO" }
        );
    };
    row("ready", "10 s", format!("{ready:.2?}"), ready <= Duration::from_secs(10));
    row(
        "Get on the first server, p99",
        "10 ms",
        format!("{p99:.2?}"),
        p99 < Duration::from_millis(10),
    );
    for (name, most) in [("first", most_old), ("new", most_new)] {
        let beyond = most.saturating_sub(before);
        let figure = format!("memory beyond the data, the {name} server");
        row(&figure, "64 MiB", format!("{} MiB", mib(beyond)), beyond < 64 << 20);
    }
}

/// A server of two actors, killed with the value.
struct Process {
    child: Child,
    queries: Address,
    description: String,
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kvserver"))
            .args(["--port", "0", "--actors", "2", "--json"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let out = child.stdout.take().expect("it is piped");
        let mut said = String::new();
        BufReader::new(out).read_line(&mut said).expect("it says where it listens");
        let said: Value = serde_json::from_str(&said).expect("a line of JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let queries = text(&said["queries"][0]).parse().expect("an address");
        Self { child, queries, description: text(&said["desc"]) }
    }

    /// A client of its first actor.
    fn client(&self) -> Client {
        Client::new(Fixed::new(self.queries.clone())).with_deadline(Duration::from_secs(20))
    }

    /// The memory that is in use, in bytes.
    fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a system with /proc, and the server is up");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
        kib.expect("a line of it says so") * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mib(bytes: usize) -> usize {
    bytes >> 20
}

async fn fill(client: &Client, keys: usize) {
    let value = "v".repeat(150 - "key/00000000".len());
    for from in (0..keys).step_by(5_000) {
        let names: Vec<_> =
            (from..keys.min(from + 5_000)).map(|key| format!("key/{key:08}")).collect();
        let puts = names.iter().map(|key| client.put(key, &value));
        for put in join_all(puts).await {
            put.expect("the server is up");
        }
    }
}

async fn write(client: Client, done: Arc<AtomicBool>) -> usize {
    let mut written = 0;
    let mut tick = interval(Duration::from_millis(10));
    while !done.load(Ordering::Relaxed) {
        tick.tick().await;
        let names: Vec<_> = (0..10).map(|key| format!("new/{}", (written + key) % 5_000)).collect();
        join_all(names.iter().map(|key| client.put(key, "value"))).await;
        written += 10;
    }
    written
}

async fn read(client: Client, keys: usize, done: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let key = format!("key/{:08}", times.len() * 7919 % keys);
        let asked = Instant::now();
        client.get(&key).await.expect("the server is up");
        times.push(asked.elapsed());
        sleep(Duration::from_millis(1)).await;
    }
    times
}
