//! Clients that cost as much as they can, and what others notice of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::SinkExt;
use kvcommon::limits::{MAX_MESSAGE_BYTES, MAX_VALUE_BYTES};
use kvcommon::{Query, QueryId, frame};
use kvserver::{Config, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;

/// The slowest of many Gets, one after the other, by a client who does nothing wrong.
async fn slowest_get(address: SocketAddr, time: Duration) -> Duration {
    let mut client = Client::connect(address).await;
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < time {
        let asked = Instant::now();
        client.get("key").await;
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times.sort_unstable();
    println!("median {:?}, slowest {:?}", times[times.len() / 2], times[times.len() - 1]);
    times[times.len() - 1]
}

/// What this process holds in memory, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// A message full of queries whose answers are as large as possible.
fn greedy(query: &Query<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    let mut ids = 0..;
    while message.len() + 20 < MAX_MESSAGE_BYTES {
        let id = ids.next().expect("without end");
        frame::encode_query(&mut message, QueryId(id), query);
    }
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_ask_for_everything_and_never_read_cost_others_nothing() {
    let server = start(Config::default()).await.unwrap();
    let address = server.queries()[0];
    let mut client = Client::connect(address).await;
    let large = "v".repeat(MAX_VALUE_BYTES);
    for number in 0..20 {
        client.put(&format!("large/{number}"), &large).await;
    }
    let before = resident();
    let mut greedy_ones = Vec::new();
    for _ in 0..10 {
        let mut greedy_one = Client::connect(address).await;
        greedy_ones.push(tokio::spawn(async move {
            let message = greedy(&Query::List { prefix: "", after: None });
            while greedy_one.socket.send(Message::Binary(message.clone().into())).await.is_ok() {}
        }));
    }
    let slowest = slowest_get(address, Duration::from_secs(2)).await;
    let grown = resident().saturating_sub(before);
    println!("memory grew by {grown} bytes for 10 clients");
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    // A batch and a message of answers each, in the server, and as much again in these clients.
    assert!(grown < 10 * 8 * MAX_MESSAGE_BYTES, "{grown}");
    for greedy_one in greedy_ones {
        greedy_one.abort();
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_floods_and_reads_leaves_room_for_others() {
    let server = start(Config::default()).await.unwrap();
    let address = server.queries()[0];
    let flood = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        let message = greedy(&Query::Get { key: "key" });
        loop {
            let mut expected = message.len() / 10;
            client.send(message.clone()).await;
            while expected > 0 {
                expected = expected.saturating_sub(client.answers().await.len());
            }
        }
    });
    let slowest = slowest_get(address, Duration::from_secs(2)).await;
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    assert!(!flood.is_finished());
    flood.abort();
    server.shutdown().await;
}

/// How long it takes to send these messages and to get all the answers.
async fn time_of(client: &mut Client, messages: &[Vec<u8>], mut answers: usize) -> Duration {
    let start = Instant::now();
    for message in messages {
        client.send(message.clone()).await;
    }
    while answers > 0 {
        answers -= client.answers().await.len();
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_costs_the_same_in_a_long_message() {
    const QUERY_BYTES: usize = 4;
    const QUERIES: usize = MAX_MESSAGE_BYTES / QUERY_BYTES;
    let server = start(Config::default()).await.unwrap();
    let mut client = Client::connect(server.queries()[0]).await;
    let mut long = Vec::new();
    for _ in 0..QUERIES {
        frame::encode_query(&mut long, QueryId(1), &Query::Get { key: "k" });
    }
    let short: Vec<Vec<u8>> = long.chunks(1024 * QUERY_BYTES).map(<[u8]>::to_vec).collect();
    let long = [long];
    // The best of three: other tests are using this machine, too.
    let (mut in_one, mut in_many) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        in_one = in_one.min(time_of(&mut client, &long, QUERIES).await);
        in_many = in_many.min(time_of(&mut client, &short, QUERIES).await);
    }
    println!("{QUERIES} Gets in one message {in_one:?}, in messages of 1,024 {in_many:?}");
    assert!(in_one < 8 * in_many, "{in_one:?}, not {in_many:?}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_dawdle_are_dropped_in_the_handshake_and_harmless_after_it() {
    let server = start(Config::default()).await.unwrap();
    let address = server.queries()[0];
    let begun = Instant::now();
    let mut dawdlers = Vec::new();
    for _ in 0..50 {
        dawdlers.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for byte in b"GET / HTTP/1.1\r\nX-Slow: ".iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                let mut buffer = [0; 64];
                let nothing_yet = stream.read(&mut buffer);
                let closed = tokio::time::timeout(Duration::from_millis(200), nothing_yet).await;
                if let Ok(Ok(0) | Err(_)) = closed {
                    break;
                }
            }
        }));
    }
    // One byte at a time of a message that claims to be large, over an open WebSocket.
    let mut slow = Client::connect(address).await;
    let slow = tokio::spawn(async move {
        let header = [0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0, 1, 2, 3, 4];
        for byte in header.iter().chain(std::iter::repeat(&7)) {
            slow.socket.get_mut().write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let slowest = slowest_get(address, Duration::from_secs(1)).await;
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    for dawdler in dawdlers {
        dawdler.await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(!slow.is_finished(), "a slow sender is let be");
    slow.abort();
    server.shutdown().await;
}
