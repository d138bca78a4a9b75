//! What networks do.

use std::time::Duration;

use futures::future::join_all;
use kvcommon::Query;
use tokio::time::sleep;

use crate::client::Client;
use crate::nodes::{
    FAR, IN_TIME, LOOK, check_budget, ready_nodes, replicas, shut_down, until_equal,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_on_both_sides_of_a_cut_is_on_all_in_time_after_the_heal() {
    let nodes = ready_nodes(&[2, 2], FAR[0]).await;
    for node in &nodes {
        node.proxy.cut();
    }
    for (side, node) in nodes.iter().enumerate() {
        let mut client = Client::connect(node.server.queries()[side]).await;
        for hundred in 0..10 {
            let keys: Vec<_> = (0..100).map(|n| format!("key/{side}/{hundred}/{n}")).collect();
            let puts = keys.iter().map(|key| Query::Put { key, value: "value", floor: None });
            client.ask(&puts.collect::<Vec<_>>()).await;
        }
    }
    sleep(Duration::from_secs(3)).await;
    for node in &nodes {
        node.proxy.heal();
    }
    let (took, store) = until_equal(&replicas(&nodes), LOOK).await;
    println!("2,000 keys are on both sides {took:?} after the heal");
    assert_eq!(store.len(), 2000);
    assert!(took < IN_TIME, "{took:?}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

/// Packets disappear and nobody is told: what was under way is lost without a trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_half_open_link_has_swallowed_arrives_once_it_passes_again() {
    let nodes = ready_nodes(&[2, 1, 1], FAR[0]).await;
    let mut clients = Vec::new();
    for address in replicas(&nodes) {
        clients.push(Client::connect(address).await);
    }
    for round in 0..100 {
        if round == 30 {
            nodes.iter().for_each(|node| node.proxy.hang());
        }
        let puts = clients.iter_mut().enumerate().map(async |(place, client)| {
            client.put(&format!("key/{place}/{}", round % 70), &round.to_string()).await
        });
        join_all(puts).await;
        sleep(Duration::from_millis(10)).await;
    }
    nodes.iter().for_each(|node| node.proxy.heal());
    let (took, store) = until_equal(&replicas(&nodes), LOOK).await;
    println!("after a hang of 0.7 s, all are equal {took:?} after the heal");
    assert_eq!(store.len(), 4 * 70);
    assert!((0..4).all(|place| store[&format!("key/{place}/29")].1 == "99"));
    assert!(took < IN_TIME, "{took:?}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}
