//! What a server tells of itself and of the others to a client that asks.

use std::time::{Duration, Instant};

use kvclient::{Client, ErrorKind, Fixed};
use kvserver::{Config, Server, start};
use serde_json::Value;
use tokio::time::sleep;

use crate::client::PATIENCE;

fn client(server: &Server) -> Client {
    Client::new(Fixed::new(server.queries()[0].into()))
}

/// The status, once it is as wanted.
async fn status(client: &Client, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        match client.status().await {
            Ok(status) => {
                assert!(status.age < Duration::from_secs(5), "{:?} old", status.age);
                let json = serde_json::from_str(&status.json).unwrap();
                if is_wanted(&json) {
                    return json;
                }
                assert!(since.elapsed() < PATIENCE, "{json}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotReady, "{error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn members_are_shown_and_only_those_that_are_gone_can_be_forgotten() {
    let first = start(Config { actors: 2, ..Config::default() }).await.unwrap();
    let join = vec![first.actor_system().to_string()];
    let second = start(Config { join, ..Config::default() }).await.unwrap();
    client(&first).put("k", "v").await.unwrap();

    let second_address = second.actor_system().to_string();
    let clients = [client(&first), client(&second)];
    for (client, actors) in clients.iter().zip([2, 1]) {
        let is_whole = |status: &Value| {
            let member = &status["members"][0];
            status["keys"] == 1
                && status["ready"] == true
                && member["lag_entries"] == 0
                && member["state"] == "live"
                && member["clock_offset_ms"].is_i64()
        };
        let status = status(client, is_whole).await;
        assert_eq!(status["actors"], actors);
        let member = &status["members"][0];
        for field in ["bytes_sent", "entries_sent", "bytes_received", "entries_received"] {
            assert!(member[field].is_u64(), "{member}");
        }
    }
    let live = clients[0].forget(&second_address).await.unwrap_err();
    assert_eq!(live.kind(), ErrorKind::Invalid);
    // One that was killed a second ago counts as alive, too.
    for part in ["still answers, or did a moment ago", "wait for 9 s, and try again"] {
        assert!(live.to_string().contains(part), "{part} in {live}");
    }
    let unknown = clients[0].forget("nobody:6000").await.unwrap_err();
    assert!(unknown.to_string().contains("no member nobody:6000"), "{unknown}");
    let itself = first.actor_system().to_string();
    let itself = clients[0].forget(&itself).await.unwrap_err();
    for part in ["is this server itself", "end it", "ask another server"] {
        assert!(itself.to_string().contains(part), "{part} in {itself}");
    }
    first.shutdown().await;
    second.shutdown().await;
}
