//! Queries through the project's own client and through a bare WebSocket.

use kvclient::{Addresses, Client as RealClient, Fixed, RoundRobin};
use kvcommon::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use kvcommon::{Query, QueryId, RefusalKind, frame};
use kvserver::Config;

use crate::client::{Client, Got};

#[tokio::test]
async fn the_real_client_gets_puts_deletes_and_lists() {
    let server = kvserver::start(Config::default()).await.unwrap();
    let client = RealClient::new(Fixed::new(server.queries()[0].into()));
    assert_eq!(client.get("place/ada").await.unwrap(), None);
    let first = client.put("place/ada", "library").await.unwrap();
    let second = client.put("place/ada", "library").await.unwrap();
    assert!(second > first, "the same value gets a new stamp");
    client.put("place/bob", "").await.unwrap();
    client.put("other", "x").await.unwrap();
    let listed = client.list("place/").await.unwrap();
    let listed: Vec<_> = listed.iter().map(|(key, v)| (key.as_str(), v.value.as_str())).collect();
    assert_eq!(listed, [("place/ada", "library"), ("place/bob", "")]);
    client.delete("place/ada").await.unwrap();
    assert_eq!(client.get("place/ada").await.unwrap(), None);
    assert_eq!(client.list("place/").await.unwrap().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_list_of_many_pages_is_exact_on_every_actor() {
    let server = kvserver::start(Config { actors: 3, ..Config::default() }).await.unwrap();
    let addresses = server.queries().iter().map(|address| (*address).into());
    let client = RealClient::new(RoundRobin::new(Addresses::new(addresses).unwrap()));
    let value = "v".repeat(1000);
    let keys: Vec<String> = (0..2000).map(|number| format!("key/{number:05}")).collect();
    let puts = keys.iter().map(|key| client.put(key, &value));
    for put in futures::future::join_all(puts).await {
        put.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    for address in server.queries() {
        // A client that has written nothing, which could hide what is missing.
        let client = RealClient::new(Fixed::new((*address).into()));
        let listed = client.list("key/").await.unwrap();
        assert!(listed.iter().map(|(key, _)| key).eq(&keys));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_breaks_a_limit_is_refused_alone() {
    let server = kvserver::start(Config::default()).await.unwrap();
    let mut client = Client::connect(server.queries()[0]).await;
    let long_key = "k".repeat(MAX_KEY_BYTES);
    let too_long_key = "k".repeat(MAX_KEY_BYTES + 1);
    let long_value = "v".repeat(MAX_VALUE_BYTES);
    let too_long_value = "v".repeat(MAX_VALUE_BYTES + 1);
    let answers = client
        .ask(&[
            Query::Get { key: "" },
            Query::Get { key: &too_long_key },
            Query::Put { key: "key", value: &too_long_value, floor: None },
            Query::List { prefix: &too_long_key, after: None },
            Query::Put { key: &long_key, value: &long_value, floor: None },
            Query::Get { key: &long_key },
            Query::Get { key: "key" },
        ])
        .await;
    let refused = Got::Refused;
    assert_eq!(answers[0], refused(RefusalKind::Invalid));
    assert_eq!(answers[1..4], [const { Got::Refused(RefusalKind::TooLarge) }; 3]);
    assert!(matches!(answers[4], Got::Stored(_)));
    assert_eq!(answers[5], Got::Found(long_value));
    assert_eq!(answers[6], Got::Missing);
    server.shutdown().await;
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused_and_the_connection_lives() {
    let server = kvserver::start(Config::default()).await.unwrap();
    let mut client = Client::connect(server.queries()[0]).await;
    let mut message = vec![5, 0, 1, 0xff]; // Get of a key of one byte that is no text
    message.extend([6, 1, 1, b'k', 2, 0xc3, 0x28, 0]); // Put of such a value, without a floor
    frame::encode_query(&mut message, QueryId(7), &Query::Get { key: "k" });
    client.send(message).await;
    let refused = Got::Refused(RefusalKind::Invalid);
    assert_eq!(client.answers().await, [(5, refused.clone()), (6, refused), (7, Got::Missing)]);
    server.shutdown().await;
}

#[tokio::test]
async fn queries_of_one_connection_are_carried_out_in_order_over_many_messages() {
    let server = kvserver::start(Config::default()).await.unwrap();
    let mut client = Client::connect(server.queries()[0]).await;
    for number in 0..500_u64 {
        let mut message = Vec::new();
        let value = number.to_string();
        let put = Query::Put { key: "key", value: &value, floor: None };
        frame::encode_query(&mut message, QueryId(2 * number), &put);
        frame::encode_query(&mut message, QueryId(2 * number + 1), &Query::Get { key: "key" });
        client.send(message).await;
    }
    let mut answers = Vec::new();
    while answers.len() < 1000 {
        answers.extend(client.answers().await);
    }
    for (number, pair) in answers.chunks(2).enumerate() {
        assert_eq!(pair[1], (2 * number as u64 + 1, Got::Found(number.to_string())));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn an_empty_message_is_an_empty_run() {
    let server = kvserver::start(Config::default()).await.unwrap();
    let mut client = Client::connect(server.queries()[0]).await;
    client.send(Vec::new()).await;
    assert_eq!(client.get("key").await, None);
    server.shutdown().await;
}
