//! What replication costs.

use std::time::Duration;

use tokio::time::{interval, sleep};

use crate::client::Client;
use crate::nodes::{
    FAR, Node, check_budget, node, ready_nodes, replicas, shut_down, stats_json, until_everywhere,
    until_ready,
};

/// What all servers have sent so far, as `/stats.json` has it: all bytes between actors, and the
/// bytes of entries to other servers.
async fn sent(nodes: &[Node]) -> [u64; 2] {
    let mut sums = [0, 0];
    for node in nodes {
        let stats = stats_json(node.server.http().unwrap()).await;
        sums[0] += stats["bytes_sent"].as_u64().unwrap();
        let members = stats["members"].as_array().unwrap();
        sums[1] += members.iter().map(|m| m["bytes_sent"].as_u64().unwrap()).sum::<u64>();
    }
    sums
}

/// What a Put of one key costs until it is everywhere and that is acknowledged. What servers say
/// besides, a few times a second, may fall into a measurement: the least of several, which are not
/// in step with that, is the Put's own.
async fn cost_of_a_put(nodes: &[Node]) -> [u64; 2] {
    let mut client = Client::connect(nodes[0].server.queries()[0]).await;
    let mut least = [u64::MAX; 2];
    for number in 0..6 {
        // Quiet, so that it is told at once.
        sleep(Duration::from_millis(150 + 60 * number)).await;
        let before = sent(nodes).await;
        let value = format!("value {number}");
        client.put("key", &value).await;
        until_everywhere(&replicas(nodes), "key", &value).await;
        sleep(FAR[0] + Duration::from_millis(100)).await;
        let after = sent(nodes).await;
        for (least, (after, before)) in least.iter_mut().zip(after.into_iter().zip(before)) {
            *least = (*least).min(after - before);
        }
    }
    least
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_costs_no_more_when_the_store_holds_a_thousand_other_keys() {
    let nodes = ready_nodes(&[2, 1, 2], FAR[0]).await;
    let before = cost_of_a_put(&nodes).await;
    let mut client = Client::connect(nodes[1].server.queries()[0]).await;
    for number in 0..1000 {
        client.put(&format!("other/{number}"), "value").await;
    }
    until_everywhere(&replicas(&nodes), "other/999", "value").await;
    sleep(Duration::from_millis(1500)).await;
    let after = cost_of_a_put(&nodes).await;
    println!(
        "a Put costs {} bytes ({} of them entries between servers), after 1,000 other keys {} ({})",
        before[0], before[1], after[0], after[1]
    );
    assert!(before[1] > 0 && after[1] == before[1], "{before:?} {after:?}");
    assert!(after[0] <= 2 * before[0], "{before:?} {after:?}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_four_actors_receives_no_more_than_one_of_one() {
    let mut nodes = ready_nodes(&[2], FAR[1]).await;
    let join = [nodes[0].server.description().to_string()];
    for actors in [1, 4] {
        nodes.push(node(actors, FAR[1], &join).await);
    }
    for node in &nodes {
        until_ready(&node.server).await;
    }
    // When servers meet, they compare their stores once.
    sleep(Duration::from_secs(1)).await;
    let received = async || {
        let mut received = Vec::new();
        for node in &nodes[1..] {
            received.push(node.server.stats().await.system.remote_bytes_received);
        }
        received
    };
    let before = received().await;
    let mut clients = Vec::new();
    for address in nodes[0].server.queries() {
        clients.push(Client::connect(*address).await);
    }
    // Long, so that what servers say besides is little beside it.
    let value = "a long value ".repeat(40);
    let mut ticks = interval(Duration::from_millis(10));
    for number in 0..200 {
        ticks.tick().await;
        for (place, client) in clients.iter_mut().enumerate() {
            client.put(&format!("key/{place}/{number}"), &value).await;
        }
    }
    until_everywhere(&replicas(&nodes), "key/1/199", &value).await;
    let after = received().await;
    let (one, four) = (after[0] - before[0], after[1] - before[1]);
    println!("for 400 Puts, a server of 1 actor received {one} bytes, one of 4 actors {four}");
    assert!(four * 100 < one * 115 && one * 100 < four * 115, "{one} {four}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}
