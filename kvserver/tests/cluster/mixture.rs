//! Many clients that do whatever they like, all over the store.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use kvcommon::{Query, Stamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use crate::client::{Client, Got};
use crate::nodes::{
    FAR, IN_TIME, LOOK, check_budget, ready_nodes, replicas, shut_down, until_equal,
};

const CLIENTS: u64 = 64;
const OPERATIONS: usize = 100;
const KEYS: u32 = 50;

/// What was written last, by stamp: a value, or nothing for a deletion.
type Latest = HashMap<String, (Stamp, Option<String>)>;

/// A client's operations, and the last that it has written of each key.
async fn operate(address: SocketAddr, number: u64) -> Latest {
    let mut dice = StdRng::seed_from_u64(number);
    let mut client = Client::connect(address).await;
    let mut latest = Latest::new();
    for operation in 0..OPERATIONS {
        let key = format!("key/{}", dice.random_range(0..KEYS));
        let value = format!("{number}/{operation}");
        let query = match dice.random_range(0..10) {
            0..5 => Query::Put { key: &key, value: &value, floor: None },
            5..7 => Query::Delete { key: &key, floor: None },
            7..9 => Query::Get { key: &key },
            _ => Query::List { prefix: "key/", after: None },
        };
        let writes = matches!(query, Query::Put { .. }).then_some(value.clone());
        match client.ask(&[query]).await.remove(0) {
            Got::Stored(stamp) => {
                let beaten = latest.insert(key, (stamp, writes));
                assert!(beaten.is_none_or(|(before, _)| before < stamp), "stamps of a key grow");
            }
            Got::Found(_) | Got::Missing | Got::Page(..) => {}
            other => panic!("{other:?}"),
        }
        sleep(Duration::from_millis(dice.random_range(0..20))).await;
    }
    latest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_64_clients_of_100_random_operations_all_stores_are_equal_in_time() {
    let nodes = ready_nodes(&[1, 2, 3, 4], FAR[1]).await;
    let everyone = replicas(&nodes);
    let places = everyone.iter().cycle().zip(0..CLIENTS);
    let clients: Vec<_> =
        places.map(|(address, number)| tokio::spawn(operate(*address, number))).collect();
    let mut expected = Latest::new();
    for latest in join_all(clients).await {
        for (key, write) in latest.unwrap() {
            let kept = expected.entry(key).or_insert_with(|| write.clone());
            if kept.0 < write.0 {
                *kept = write;
            }
        }
    }
    let (took, store) = until_equal(&everyone, LOOK).await;
    println!("{} replicas are equal after {took:?}, with {} keys", everyone.len(), store.len());
    assert!(took < IN_TIME, "{took:?}");
    // Equal, and right: of each key the write with the largest stamp.
    for (key, (stamp, value)) in expected {
        assert_eq!(store.get(&key).cloned(), value.map(|value| (stamp, value)), "{key}");
    }
    check_budget(&nodes).await;
    shut_down(nodes).await;
}
