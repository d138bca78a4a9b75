//! What replication costs, and how much it can carry.

use std::time::{Duration, Instant};

use tokio::time::{interval, sleep};

use super::Row;
use super::visibility::until_all_have;
use super::world::{Client, World};

/// What a server has received, in all.
struct Received {
    bytes: u64,
    entries: u64,
}

async fn received(world: &World) -> Received {
    let mut sums = Received { bytes: 0, entries: 0 };
    for server in &world.servers {
        let stats = server.stats().await;
        sums.bytes += stats.system.remote_bytes_received;
        sums.entries += stats.members.iter().map(|member| member.entries_received).sum::<u64>();
    }
    sums
}

/// Bytes between servers for each replicated Put in batches of 120, and how often entries come twice: all
/// that comes in over the links of three servers, whatever it is for.
pub async fn bytes_and_repeats() -> Vec<Row> {
    const SERVERS: usize = 3;
    const BATCHES: usize = 150;
    const BATCH: usize = 120;
    let value = "a value of forty bytes, as games have it";
    let world = World::start(SERVERS, 2, Duration::from_millis(250)).await;
    let mut clients = Vec::new();
    for server in &world.servers {
        clients.push(Client::connect(server.queries()[0]).await);
    }
    // When servers meet, they compare their stores once.
    sleep(Duration::from_secs(3)).await;
    let before = received(&world).await;
    // A little slower than the pace, so that each frame carries one batch.
    let mut ticks = interval(Duration::from_millis(135));
    let mut keys = Vec::new();
    for batch in 0..BATCHES {
        ticks.tick().await;
        for (place, client) in clients.iter_mut().enumerate() {
            let range = batch * BATCH..(batch + 1) * BATCH;
            let batch: Vec<_> = range.map(|number| format!("key/{place}/{number:06}")).collect();
            client.put_all(&batch, value).await;
            keys.extend(batch);
        }
    }
    until_all_have(&world.replicas(), &keys, value).await;
    sleep(Duration::from_secs(2)).await;
    let after = received(&world).await;
    world.end().await;
    let replicated = (keys.len() * (SERVERS - 1)) as f64;
    let beside_data =
        (after.bytes - before.bytes) as f64 / replicated - (keys[0].len() + value.len()) as f64;
    let twice = (after.entries - before.entries) as f64 / replicated - 1.0;
    println!(
        "{} Puts in batches of {BATCH}: {beside_data:.2} bytes each beside key and value; {:.2}% twice",
        keys.len(),
        twice * 100.0
    );
    vec![
        Row::at_most("bytes per replicated Put beside key and value", 12.0, beside_data),
        Row::at_most("% of entries delivered twice", 5.0, twice * 100.0),
    ]
}

/// How many Puts a second one actor can send to another one for long, beside what the budget allows:
/// eight frames of 3.5 MiB.
pub async fn ceiling() -> Vec<Row> {
    let mut rows = Vec::new();
    for delay in [0, 250] {
        let formula = 8.0 * 3.5 * 1024.0 * 1024.0 / (KEY_AND_VALUE + 6) as f64;
        let measured = most_puts(Duration::from_millis(delay)).await;
        let figure = format!("ceiling: Puts of 1,000 bytes a second, {delay} ms apart");
        rows.push(Row::formula(&figure, formula, measured));
    }
    rows
}

const KEY_AND_VALUE: usize = 1000;

/// Keeps as much waiting as a stream holds for its receiver, and counts what arrives.
async fn most_puts(delay: Duration) -> f64 {
    /// More than fits on the way, less than the stream lets go of.
    const WAITING: usize = 48_000;
    /// More than are waiting: no key is overwritten while it waits.
    const KEYS: usize = 60_000;
    const WARM_UP: Duration = Duration::from_secs(4);
    const MEASURED: Duration = Duration::from_secs(8);
    let world = World::start(2, 1, delay).await;
    let value = "v".repeat(KEY_AND_VALUE - "key/000000".len());
    let mut client = Client::connect(world.servers[0].queries()[0]).await;
    let (began, mut next, mut counted, mut least) = (Instant::now(), 0, None, usize::MAX);
    loop {
        let lag = world.servers[0].stats().await.members[0].lag_entries;
        if counted.is_some() {
            least = least.min(lag);
        }
        let room = WAITING.saturating_sub(lag).min(8_000);
        for _ in 0..room / 500 {
            let keys: Vec<_> =
                (next..next + 500).map(|number| format!("key/{:06}", number % KEYS)).collect();
            client.put_all(&keys, &value).await;
            next += 500;
        }
        match counted {
            None if began.elapsed() >= WARM_UP => {
                counted = Some((Instant::now(), received(&world).await.entries));
            }
            Some((since, before)) if since.elapsed() >= MEASURED => {
                let arrived = received(&world).await.entries - before;
                let rate = arrived as f64 / since.elapsed().as_secs_f64();
                world.end().await;
                println!(
                    "{delay:?} apart: {rate:.0} Puts a second, with {least} or more under way"
                );
                return rate;
            }
            _ => sleep(Duration::from_millis(10)).await,
        }
    }
}
