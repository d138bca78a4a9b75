//! How servers become one store.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::join_all;
use kvcommon::{Query, RefusalKind};
use kvserver::{Config, start};
use tokio::time::sleep;

use crate::client::{Client, Got};
use crate::nodes::{
    FAR, IN_TIME, LOOK, Node, POLL, check_budget, is_ready, node, nodes, ready_nodes, replicas,
    shut_down, try_get, until_equal, until_everywhere, until_ready, until_ready_at,
};
use crate::ports::free_port;
use crate::process::Process;

const OLD_KEYS: usize = 300;

/// Reads on a replica that fetches the store until it has everything that is expected; it must never
/// say that any of it does not exist.
async fn watch_arrival(address: SocketAddr, expected: &[(String, &str)]) {
    let mut client = Client::connect(address).await;
    let gets: Vec<_> = expected.iter().map(|(key, _)| Query::Get { key }).collect();
    loop {
        let answers = client.ask(&gets).await;
        let list = client.ask(&[Query::List { prefix: "old/", after: None }]).await.remove(0);
        if let Got::Page(keys, _) = list {
            assert!(keys.len() >= OLD_KEYS, "it lists only {}", keys.len());
        }
        let mut is_complete = true;
        for (got, (key, value)) in answers.into_iter().zip(expected) {
            match got {
                Got::Found(found) => is_complete &= found == *value,
                Got::Refused(RefusalKind::NotReady) => is_complete = false,
                other => panic!("of {key} it says {other:?}"),
            }
        }
        if is_complete {
            return;
        }
        sleep(POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_fetches_the_store_in_time_and_never_says_that_it_is_empty() {
    let newcomers = FAR.map(async |delay| {
        // The newcomer is told of one server, and hears of the other one from it.
        let mut nodes = ready_nodes(&[2, 1], delay).await;
        let mut old = Client::connect(nodes[0].server.queries()[1]).await;
        for number in 0..OLD_KEYS {
            old.put(&format!("old/{number}"), "old").await;
        }

        let join = [nodes[1].server.description().to_string()];
        let newcomer = node(3, delay, &join).await;
        let began = Instant::now();
        assert!(!is_ready(newcomer.server.http().unwrap()).await);
        let mut new = Client::connect(newcomer.server.queries()[1]).await;
        new.put("fresh", "new").await;
        new.put("old/1", "new").await;
        old.put("old/2", "newer").await;
        let mut expected: Vec<_> =
            (0..OLD_KEYS).map(|number| (format!("old/{number}"), "old")).collect();
        (expected[1].1, expected[2].1) = ("new", "newer");
        let places = newcomer.server.queries().to_vec();
        join_all(places.iter().map(|address| watch_arrival(*address, &expected))).await;
        nodes.push(newcomer);
        let everyone = replicas(&nodes);
        for (key, value) in [("old/1", "new"), ("old/2", "newer"), ("fresh", "new")] {
            until_everywhere(&everyone, key, value).await;
        }
        let visible = began.elapsed();
        until_ready(&nodes[2].server).await;
        let ready = began.elapsed();
        println!("{delay:?} away: all is visible after {visible:?}, ready after {ready:?}");
        assert_eq!(until_equal(&everyone, LOOK).await.1.len(), OLD_KEYS + 1);
        check_budget(&nodes).await;
        shut_down(nodes).await;
        visible
    });
    let slowest = join_all(newcomers).await.into_iter().max().unwrap();
    assert!(slowest < IN_TIME, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_everywhere_while_a_server_joins_is_on_all_in_time() {
    let mut nodes = ready_nodes(&[1, 2], FAR[1]).await;
    let mut old = Client::connect(nodes[0].server.queries()[0]).await;
    for number in 0..OLD_KEYS {
        old.put(&format!("old/{number}"), "old").await;
    }
    let join = [nodes[0].server.description().to_string()];
    nodes.push(node(4, FAR[1], &join).await);
    let mut new = Client::connect(nodes[2].server.queries()[3]).await;
    // Both overwrite, each its own keys, and one key by turns, until the newcomer is ready.
    let mut round = 0;
    while round < 20 || !is_ready(nodes[2].server.http().unwrap()).await {
        old.put(&format!("old/{}", round % 100), &format!("by the old, {round}")).await;
        new.put(&format!("old/{}", 100 + round % 100), &format!("by the new, {round}")).await;
        new.put(&format!("new/{round}"), "value").await;
        let one = if round % 2 == 0 { &mut old } else { &mut new };
        one.put("disputed", &round.to_string()).await;
        round += 1;
        sleep(Duration::from_millis(10)).await;
    }
    let (took, store) = until_equal(&replicas(&nodes), LOOK).await;
    println!("after {round} rounds of writes during a join, all are equal after {took:?}");
    assert!(took < IN_TIME, "{took:?}");
    assert_eq!(store.len(), OLD_KEYS + round + 1);
    assert_eq!(store["disputed"].1, (round - 1).to_string());
    for back in 1..=20 {
        let last = round - back;
        assert_eq!(store[&format!("old/{}", last % 100)].1, format!("by the old, {last}"));
        let by_the_new = format!("old/{}", 100 + last % 100);
        assert_eq!(store[&by_the_new].1, format!("by the new, {last}"));
    }
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_that_start_one_after_another_are_one_store_in_time() {
    let mut nodes: Vec<Node> = Vec::new();
    let mut last_start = Instant::now();
    for actors in [1, 2, 3, 4] {
        // Each is told only of the one before it, which may not be ready itself.
        let join = nodes.last().map(|node| node.server.description().to_string());
        nodes.push(node(actors, FAR[0], join.as_slice()).await);
        last_start = Instant::now();
        let own = nodes.last().unwrap().server.queries()[actors - 1];
        Client::connect(own).await.put(&format!("by/{actors}"), "value").await;
        sleep(Duration::from_millis(700)).await;
    }
    let everyone = replicas(&nodes);
    for actors in [1, 2, 3, 4] {
        until_everywhere(&everyone, &format!("by/{actors}"), "value").await;
    }
    let visible = last_start.elapsed();
    let (_, store) = until_equal(&everyone, LOOK).await;
    let equal = last_start.elapsed();
    println!(
        "after the last start, all is visible everywhere after {visible:?}, listed after {equal:?}"
    );
    assert_eq!(store.len(), 4);
    assert!(visible < IN_TIME, "{visible:?}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_the_same_moment_find_each_other() {
    let ports = [free_port(), free_port(), free_port()];
    let address = |place: usize| format!("127.0.0.1:{}", ports[place % 3]);
    let begin = |place: usize| {
        let http = Some(([127, 0, 0, 1], 0).into());
        let join = vec![address(place + 1)];
        start(Config { port: ports[place], http, join, ..Config::default() })
    };
    let (one, two, three) = tokio::join!(begin(0), begin(1), begin(2));
    let servers = [one.unwrap(), two.unwrap(), three.unwrap()];
    for server in &servers {
        until_ready(server).await;
        assert_eq!(server.stats().await.members.len(), 2);
    }
    Client::connect(servers[0].queries()[0]).await.put("key", "value").await;
    let replicas: Vec<_> = servers.iter().map(|server| server.queries()[0]).collect();
    until_everywhere(&replicas, "key", "value").await;
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_address_does_not_keep_a_newcomer_from_the_living() {
    let nodes = nodes(&[1], Duration::ZERO).await;
    Client::connect(nodes[0].server.queries()[0]).await.put("key", "value").await;
    let http = Some(([127, 0, 0, 1], 0).into());
    let dead = format!("127.0.0.1:{}", free_port());
    let join = vec![dead.clone(), nodes[0].server.description().to_string()];
    let newcomer = start(Config { http, join, ..Config::default() }).await.unwrap();
    let took = until_ready(&newcomer).await;
    println!("with a dead address: ready after {took:?}");
    let knows_it = async |server: &kvserver::Server| {
        let members = server.stats().await.members;
        members.iter().any(|member| member.status.address.as_str() == dead)
    };
    assert!(knows_it(&newcomer).await, "it goes on trying");
    assert!(!knows_it(&nodes[0].server).await, "the store need not know of it");
    assert_eq!(Client::connect(newcomer.queries()[0]).await.get("key").await.unwrap(), "value");
    newcomer.shutdown().await;
    shut_down(nodes).await;
}

#[tokio::test]
async fn a_newcomer_whose_addresses_are_all_dead_is_not_ready() {
    let http = Some(([127, 0, 0, 1], 0).into());
    let join = vec![format!("127.0.0.1:{}", free_port())];
    let newcomer = start(Config { http, join, ..Config::default() }).await.unwrap();
    sleep(Duration::from_secs(4)).await;
    assert!(!is_ready(newcomer.http().unwrap()).await);
    let mut client = Client::connect(newcomer.queries()[0]).await;
    assert_eq!(try_get(&mut client, "key").await, Err(RefusalKind::NotReady));
    client.put("key", "value").await;
    assert_eq!(client.get("key").await.as_deref(), Some("value"));
    newcomer.shutdown().await;
}

/// The first hello has waited at the link, so it took long; nobody's clock is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_starts_late_is_met_without_an_alarm_about_clocks() {
    let port = free_port().to_string();
    let join = format!("127.0.0.1:{port}");
    let early = Process::start(&["--port", "0", "--actors", "1", "--join", &join]);
    early.until_logged(&["does not answer", &join]).await;
    let _late = Process::start(&["--port", &port, "--actors", "1"]);
    until_ready_at(early.http).await;
    assert!(!early.log().contains("its clock is"), "{}", early.log());
}
