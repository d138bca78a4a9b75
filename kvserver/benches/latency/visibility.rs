//! The time from a Put until every replica shows it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kvcommon::Query;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Row;
use super::world::{Client, World};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// All load together, in Puts a second.
const LOAD: u64 = 20_000;

/// One server of four actors.
pub async fn one_server() -> Vec<Row> {
    let world = World::start(1, 4, ms(0)).await;
    let idle = times(&world, 300, ms(160), ms(0)).await;
    print("one server, idle", &idle);
    let load = Load::start(world.replicas());
    sleep(ms(2000)).await;
    let loaded = times(&world, 500, ms(20), ms(1)).await;
    let rate = load.end().await;
    print(&format!("one server, {rate} Puts a second"), &loaded);
    world.end().await;
    vec![
        Row::time("one server, idle: p50", ms(2), percentile(&idle, 50)),
        Row::time("one server, 20,000 Puts a second: p99", ms(150), percentile(&loaded, 99)),
        Row::formula("one server: Puts a second meanwhile", LOAD as f64, rate as f64),
    ]
}

/// Three servers of two actors, 250 ms apart.
pub async fn far_servers() -> Vec<Row> {
    let world = World::start(3, 2, ms(250)).await;
    // Each server is asked in turn, so each pair of actors has been quiet for a while.
    let idle = times(&world, 201, ms(430), ms(1)).await;
    print("three servers, idle", &idle);
    let load = Load::start(world.replicas());
    sleep(ms(3000)).await;
    let loaded = times(&world, 600, ms(25), ms(1)).await;
    let rate = load.end().await;
    print(&format!("three servers, {rate} Puts a second"), &loaded);
    let largest = world.largest_rate().await;
    world.end().await;
    vec![
        Row::time("3 servers 250 ms apart, idle: p50", ms(260), percentile(&idle, 50)),
        Row::time("3 servers 250 ms apart, idle: p99", ms(300), percentile(&idle, 99)),
        Row::time("3 servers, 20,000 Puts a second: p99", ms(550), percentile(&loaded, 99)),
        Row::formula("3 servers: Puts a second meanwhile", LOAD as f64, rate as f64),
        Row::at_most("3 servers: messages a second of a pair", 10.0, largest as f64),
    ]
}

/// Two servers of two actors, 200 ms apart, which are cut from each other for 3 s.
pub async fn healed_cut() -> Vec<Row> {
    const KEYS: usize = 10_000;
    let world = World::start(2, 2, ms(200)).await;
    let keys: Vec<_> = (0..KEYS).map(|number| format!("key/{number:06}")).collect();
    let replicas = world.replicas();
    let mut client = Client::connect(replicas[0]).await;
    let mut slowest = ms(0);
    for round in 0..4 {
        let value = format!("value of round {round}");
        world.proxies.iter().filter(|_| round > 0).for_each(|proxy| proxy.cut());
        for keys in keys.chunks(1000) {
            client.put_all(keys, &value).await;
        }
        if round == 0 {
            until_all_have(&replicas, &keys, &value).await;
            continue;
        }
        sleep(ms(3000)).await;
        world.proxies.iter().for_each(|proxy| proxy.heal());
        let took = until_all_have(&replicas, &keys, &value).await;
        println!("a cut of 3 s, {KEYS} changed keys: visible {took:.1?} after the heal");
        slowest = slowest.max(took);
        sleep(ms(2000)).await;
    }
    world.end().await;
    vec![Row::time("10,000 keys after a healed cut, 200 ms apart", ms(2000), slowest)]
}

/// Waits until every replica has this value for all keys.
pub async fn until_all_have(replicas: &[SocketAddr], keys: &[String], value: &str) -> Duration {
    let since = Instant::now();
    let wait = replicas.iter().map(async |address| {
        let mut client = Client::connect(*address).await;
        for keys in keys.chunks(500) {
            let gets: Vec<_> = keys.iter().map(|key| Query::Get { key }).collect();
            while client.ask(&gets).await.iter().any(|found| found.as_deref() != Some(value)) {
                sleep(ms(5)).await;
            }
        }
    });
    join_all(wait).await;
    since.elapsed()
}

/// How long so many Puts took to be visible everywhere, one every `every`, each on another server than
/// the one before; sorted.
async fn times(world: &World, puts: usize, every: Duration, pause: Duration) -> Vec<Duration> {
    let (issue, issued) = watch::channel(0);
    let prefix = format!("probe/{:?}", Instant::now());
    let watcher = Watcher { prefix: prefix.clone(), puts, pause, issued };
    let watching = tokio::spawn(watcher.watch(world.replicas()));
    let mut clients = Vec::new();
    for server in &world.servers {
        for address in server.queries() {
            clients.push(Client::connect(*address).await);
        }
    }
    let actors = world.servers[0].queries().len();
    let mut sent = Vec::new();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..puts {
        ticks.tick().await;
        // A server after the other, and with each round another actor of it.
        let (server, round) = (number % world.servers.len(), number / world.servers.len());
        let key = format!("{prefix}/{number}");
        sent.push(Instant::now());
        clients[server * actors + round % actors].put_all(&[key], "value").await;
        issue.send_replace(number + 1);
    }
    let seen = watching.await.expect("no panic");
    let mut times: Vec<_> = sent.iter().zip(seen).map(|(sent, seen)| seen - *sent).collect();
    times.sort_unstable();
    times
}

/// Asks all replicas for the Puts that were issued.
struct Watcher {
    prefix: String,
    puts: usize,
    pause: Duration,
    issued: watch::Receiver<usize>,
}

impl Watcher {
    /// When each Put was seen on the last replica.
    async fn watch(self, replicas: Vec<SocketAddr>) -> Vec<Instant> {
        let watching = replicas.into_iter().map(|address| self.watch_one(address));
        let all = join_all(watching).await;
        (0..self.puts)
            .map(|put| all.iter().map(|seen| seen[put]).max().expect("a replica"))
            .collect()
    }

    async fn watch_one(&self, address: SocketAddr) -> Vec<Instant> {
        let mut client = Client::connect(address).await;
        let mut issued = self.issued.clone();
        let mut seen = vec![None; self.puts];
        let mut first_unseen = 0;
        while first_unseen < self.puts {
            let newest = *issued.borrow_and_update();
            let unseen: Vec<_> =
                (first_unseen..newest).filter(|put| seen[*put].is_none()).collect();
            let keys: Vec<_> = unseen.iter().map(|put| format!("{}/{put}", self.prefix)).collect();
            let gets: Vec<_> = keys.iter().map(|key| Query::Get { key }).collect();
            if gets.is_empty() {
                issued.changed().await.expect("not all were issued");
                continue;
            }
            let answers = client.ask(&gets).await;
            let now = Instant::now();
            for (put, _) in unseen.iter().zip(answers).filter(|(_, found)| found.is_some()) {
                seen[*put] = Some(now);
            }
            while first_unseen < self.puts && seen[first_unseen].is_some() {
                first_unseen += 1;
            }
            if !self.pause.is_zero() {
                sleep(self.pause).await;
            }
        }
        seen.into_iter().map(|at| at.expect("all were seen")).collect()
    }
}

/// Clients of all replicas that write together [`LOAD`] Puts a second.
struct Load {
    written: Arc<AtomicU64>,
    began: Instant,
    done: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(replicas: Vec<SocketAddr>) -> Self {
        const EVERY: Duration = ms(10);
        let (written, done) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let at_once = LOAD * EVERY.as_millis() as u64 / 1000 / replicas.len() as u64;
        let tasks = replicas.into_iter().map(|address| {
            let (written, done) = (written.clone(), done.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut ticks = interval(EVERY);
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    let keys = number..number + at_once;
                    let keys: Vec<_> =
                        keys.map(|n| format!("load/{address}/{}", n % 10_000)).collect();
                    client.put_all(&keys, "a value of forty bytes, as games have it").await;
                    number += at_once;
                    written.fetch_add(at_once, Ordering::Relaxed);
                }
            })
        });
        Self { tasks: tasks.collect(), began: Instant::now(), written, done }
    }

    /// How many Puts a second it was in truth.
    async fn end(self) -> u64 {
        let rate = self.written.load(Ordering::Relaxed) as f64 / self.began.elapsed().as_secs_f64();
        self.done.store(true, Ordering::Relaxed);
        join_all(self.tasks).await;
        rate as u64
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

fn print(what: &str, sorted: &[Duration]) {
    println!(
        "{what}: {} Puts, visible everywhere after p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, max {:.1?}",
        sorted.len(),
        percentile(sorted, 50),
        percentile(sorted, 90),
        percentile(sorted, 99),
        sorted[sorted.len() - 1]
    );
}
