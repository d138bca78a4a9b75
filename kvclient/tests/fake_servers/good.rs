//! What works when the server does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use kvclient::{Addresses, Client, ErrorKind, Link, Random, RoundRobin, Router, Sticky};
use kvcommon::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use kvcommon::{Answer, Entry, Refusal, RefusalKind, frame};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

use crate::server::*;

#[tokio::test]
async fn each_query_gets_its_answer() {
    let address = start(|_, stream| async { echo_all(accept(stream).await).await }).await;
    let client = client(&address);
    let found = client.get("ada").await.unwrap().expect("the key has a value");
    assert_eq!((found.value.as_str(), found.stamp), ("ada", STAMP));
    assert_eq!(client.put("ada", "library").await, Ok(STAMP));
    assert_eq!(client.delete("ada").await, Ok(STAMP));
    assert_eq!(client.list("").await, Ok(vec![]));
    let status = client.status().await.unwrap();
    assert_eq!((status.age, status.json.as_str()), (Duration::from_millis(300), "{\"keys\":7}"));
    assert_eq!(client.forget("b:6000").await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_queries_from_many_tasks_share_one_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let address = start(move |_, stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { echo_all(accept(stream).await).await }
    })
    .await;
    let client = client(&address);
    let tasks = (0..50).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            for round in 0..20 {
                let keys: Vec<String> = (0..10).map(|n| format!("{task}/{round}/{n}")).collect();
                let answers = join_all(keys.iter().map(|key| client.get(key))).await;
                for (key, answer) in keys.iter().zip(answers) {
                    assert_eq!(&answer.unwrap().expect("a value").value, key);
                }
            }
        })
    });
    for result in join_all(tasks).await {
        result.unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn queries_that_wait_together_travel_together() {
    let (messages, mut seen) = mpsc::unbounded_channel();
    let address = start(move |_, stream| {
        let messages = messages.clone();
        async move {
            let mut socket = accept(stream).await;
            while let Some(message) = receive(&mut socket).await {
                messages.send(read(&message).len()).unwrap();
                send(&mut socket, echo(&message)).await;
            }
        }
    })
    .await;
    let client = client(&address);
    // Once in one future, once in tasks that all wake up on the same answer.
    join_all((0..300).map(|_| client.get("key"))).await;
    let tasks = (0..300).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                client.get("key").await.unwrap();
            }
        })
    });
    join_all(tasks).await;
    drop(client);
    seen.close();
    let mut sizes = Vec::new();
    while let Some(size) = seen.recv().await {
        sizes.push(size);
    }
    assert_eq!(sizes.iter().sum::<usize>(), 300 + 300 * 10);
    assert!(sizes.len() <= 15, "3300 queries took {} messages", sizes.len());
}

#[tokio::test]
async fn large_values_flow_both_ways_at_once() {
    // The server does not read on before it has written its answers, which are as large as the
    // queries: a client that does not read while it writes would block both.
    let value = "v".repeat(MAX_VALUE_BYTES);
    let answer = value.clone();
    let address = start(move |_, stream| {
        let value = answer.clone();
        async move {
            let mut socket = accept(stream).await;
            while let Some(message) = receive(&mut socket).await {
                for (id, _) in read(&message) {
                    let refusal = Refusal::new(RefusalKind::Invalid, value.clone());
                    send(&mut socket, one_answer(id, &Answer::Refused(refusal))).await;
                }
            }
        }
    })
    .await;
    let client = client(&address);
    for result in join_all((0..200).map(|_| client.put("key", &value))).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn the_pages_of_a_list_are_put_together() {
    let address = start(|_, stream| async {
        let mut socket = accept(stream).await;
        while let Some(message) = receive(&mut socket).await {
            let [(id, query)] = read(&message).try_into().expect("one page at a time");
            let (keys, more) = match query.as_str() {
                "List { prefix: \"k\", after: None }" => (["k1", "k2"], true),
                "List { prefix: \"k\", after: Some(\"k2\") }" => (["k3", "k4"], false),
                other => panic!("unexpected {other}"),
            };
            let entries = keys.map(|key| Entry { key, stamp: STAMP, value: "v" }).to_vec();
            send(&mut socket, one_answer(id, &Answer::Page { entries, more })).await;
        }
    })
    .await;
    let entries = client(&address).list("k").await.unwrap();
    let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["k1", "k2", "k3", "k4"]);
}

#[tokio::test]
async fn a_list_asks_one_server_and_other_queries_take_turns() {
    let page = |keys: [&'static str; 2]| {
        start(move |_, stream| async move {
            let mut socket = accept(stream).await;
            let mut pages = keys.iter();
            while let Some(message) = receive(&mut socket).await {
                for (id, _) in read(&message) {
                    let key = pages.next().expect("two pages");
                    let entries = vec![Entry { key, stamp: STAMP, value: "v" }];
                    let more = pages.len() > 0;
                    send(&mut socket, one_answer(id, &Answer::Page { entries, more })).await;
                }
            }
        })
    };
    let addresses = Addresses::new([page(["a1", "a2"]).await, page(["b1", "b2"]).await]).unwrap();
    let client = Client::new(RoundRobin::new(addresses));
    for (prefix, expected) in [("a", ["a1", "a2"]), ("b", ["b1", "b2"])] {
        let entries = client.list(prefix).await.unwrap();
        let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, expected);
    }
}

#[tokio::test]
async fn sticky_turns_to_a_server_that_works() {
    let unready = start(|_, stream| async {
        let mut socket = accept(stream).await;
        while let Some(message) = receive(&mut socket).await {
            for (id, _) in read(&message) {
                let refusal = Refusal::new(RefusalKind::NotReady, "still fetching the store");
                send(&mut socket, one_answer(id, &Answer::Refused(refusal))).await;
            }
        }
    })
    .await;
    let good = start(|_, stream| async { echo_all(accept(stream).await).await }).await;
    let addresses = Addresses::new([nobody().await, unready.clone(), good.clone()]).unwrap();
    let client = Client::new(Sticky::new(addresses));
    let link = client.link();
    assert_eq!(*link.borrow(), Link::Idle);
    assert_eq!(failing_get(&client).await.kind(), ErrorKind::Unreachable);
    assert!(matches!(&*link.borrow(), Link::Retrying { .. }));
    let error = failing_get(&client).await;
    assert_eq!((error.kind(), error.address()), (ErrorKind::NotReady, Some(&unready)));
    for _ in 0..3 {
        assert!(client.get("key").await.is_ok());
    }
    assert_eq!(*link.borrow(), Link::Live { addr: good });
}

#[tokio::test]
async fn a_lost_connection_is_opened_again_by_itself() {
    let address = start(|number, stream| async move {
        let mut socket = accept(stream).await;
        if number == 0 {
            // Dropped with the query unanswered.
            receive(&mut socket).await;
        } else {
            echo_all(socket).await;
        }
    })
    .await;
    let client = client(&address);
    let mut link = client.link();
    let error = failing_get(&client).await;
    assert_eq!((error.kind(), error.outcome_unknown()), (ErrorKind::Unreachable, true));
    assert!(error.to_string().contains("the connection was lost"), "{error}");
    let live = link.wait_for(|link| matches!(link, Link::Live { .. }));
    tokio::time::timeout(SOON, live).await.expect("it does not come back").unwrap();
    assert_eq!(client.get("key").await.unwrap().unwrap().value, "key");
}

#[tokio::test]
async fn a_query_that_is_dropped_before_it_is_sent_never_is() {
    let (open, gate) = oneshot::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(Some(gate)));
    let (messages, mut seen) = mpsc::unbounded_channel();
    let address = start(move |_, stream| {
        let (gate, messages) = (gate.lock().unwrap().take(), messages.clone());
        async move {
            gate.expect("one connection").await.unwrap();
            let mut socket = accept(stream).await;
            let message = receive(&mut socket).await.expect("a message");
            messages.send(read(&message)).unwrap();
            send(&mut socket, echo(&message)).await;
            receive(&mut socket).await;
        }
    })
    .await;
    let client = client(&address);
    {
        let mut dropped: Vec<_> = (0..100).map(|_| Box::pin(client.get("dropped"))).collect();
        for query in &mut dropped {
            assert!(futures::poll!(query).is_pending());
        }
    }
    let kept = client.get("kept");
    open.send(()).unwrap();
    assert_eq!(kept.await.unwrap().unwrap().value, "kept");
    let queries = seen.recv().await.unwrap();
    assert_eq!(queries.len(), 1, "{queries:?}");
}

#[tokio::test]
async fn limits_are_checked_before_anything_is_sent() {
    let address = start(|_, stream| async { echo_all(accept(stream).await).await }).await;
    let client = client(&address);
    let (key, value) = ("k".repeat(MAX_KEY_BYTES), "v".repeat(MAX_VALUE_BYTES));
    assert!(client.put(&key, &value).await.is_ok());
    assert!(client.list(&key).await.is_ok());

    let unused = self::client(&nobody().await);
    let (long_key, long_value) = (format!("{key}k"), format!("{value}v"));
    for (error, kind) in [
        (unused.get("").await.unwrap_err(), ErrorKind::Invalid),
        (unused.put("", "v").await.unwrap_err(), ErrorKind::Invalid),
        (unused.delete("").await.unwrap_err(), ErrorKind::Invalid),
        (unused.forget("").await.unwrap_err(), ErrorKind::Invalid),
        (unused.forget(&long_key).await.unwrap_err(), ErrorKind::TooLarge),
        (unused.get(&long_key).await.unwrap_err(), ErrorKind::TooLarge),
        (unused.delete(&long_key).await.unwrap_err(), ErrorKind::TooLarge),
        (unused.list(&long_key).await.unwrap_err(), ErrorKind::TooLarge),
        (unused.put(&long_key, "v").await.unwrap_err(), ErrorKind::TooLarge),
        (unused.put("k", &long_value).await.unwrap_err(), ErrorKind::TooLarge),
    ] {
        assert_eq!((error.kind(), error.address()), (kind, None), "{error}");
    }
    assert_eq!(*unused.link().borrow(), Link::Idle);
}

#[tokio::test]
async fn pings_are_answered_and_the_last_clone_says_goodbye() {
    let (goodbye, told) = oneshot::channel();
    let goodbye = Arc::new(std::sync::Mutex::new(Some(goodbye)));
    let address = start(move |_, stream| {
        let goodbye = goodbye.lock().unwrap().take().expect("one connection");
        async move {
            let mut socket = accept(stream).await;
            let message = receive(&mut socket).await.expect("a message");
            socket.send(Message::Ping("are you there?".into())).await.unwrap();
            let pong = socket.next().await.unwrap().unwrap();
            assert_eq!(pong, Message::Pong("are you there?".into()));
            send(&mut socket, echo(&message)).await;
            goodbye.send(socket.next().await.unwrap().unwrap()).unwrap();
        }
    })
    .await;
    let client = client(&address);
    let clone = client.clone();
    client.get("key").await.unwrap();
    drop(client);
    drop(clone);
    let last = tokio::time::timeout(SOON, told).await.expect("the connection stays open").unwrap();
    assert!(last.is_close(), "{last:?}");
}

#[test]
fn a_client_can_outlive_its_runtime_without_hanging() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let client = first.block_on(async {
        let address = start(|_, stream| async { echo_all(accept(stream).await).await }).await;
        let client = client(&address);
        client.get("key").await.unwrap();
        client
    });
    drop(first);
    let error = second.block_on(failing_get(&client));
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("has shut down"), "{error}");
}

#[test]
fn clients_and_their_queries_may_cross_threads() {
    fn crosses<T: Send>(_: &T) {}
    fn shared<T: Send + Sync>() {}
    shared::<Client>();
    fn check(client: &Client) {
        crosses(&client.get("k"));
        crosses(&client.put("k", "v"));
        crosses(&client.delete("k"));
        crosses(&client.list("k"));
        crosses(&kvclient::platform::sleep(Duration::ZERO));
    }
    let _ = check;
}

#[tokio::test]
async fn any_router_will_do() {
    struct Own(kvclient::Address);
    impl Router for Own {
        fn next_addr(&mut self) -> kvclient::Address {
            self.0.clone()
        }
    }
    let address = start(|_, stream| async { echo_all(accept(stream).await).await }).await;
    assert!(Client::new(Own(address.clone())).get("k").await.is_ok());
    let random = Random::new(address, kvclient::platform::random_seed());
    assert!(Client::new(random).get("k").await.is_ok());
}

#[tokio::test]
async fn a_refused_query_does_not_touch_its_neighbours() {
    let address = start(|_, stream| async {
        let mut socket = accept(stream).await;
        while let Some(message) = receive(&mut socket).await {
            let mut answers = Vec::new();
            for (id, query) in read(&message) {
                let answer = if query.contains("odd") {
                    Answer::Refused(Refusal::new(RefusalKind::Invalid, "odd keys are not kept"))
                } else {
                    Answer::Missing { deleted: None }
                };
                frame::encode_answer(&mut answers, id, &answer);
            }
            send(&mut socket, answers).await;
        }
    })
    .await;
    let client = client(&address);
    let (odd, even) = tokio::join!(client.get("odd"), client.get("even"));
    assert_eq!(odd.unwrap_err().to_string(), "The server refuses that: odd keys are not kept.");
    assert_eq!(even, Ok(None));
}
