//! Starts that fail, and ends that leave nothing.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use kvserver::{Config, StartError, start};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::{Client, request};
use crate::ports::free_port;

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn cause(config: Config) -> StartError {
    match start(config).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_left() {
    let port = free_port();
    for taken in 0..=4 {
        let blocker = TcpListener::bind(loopback(port + taken)).unwrap();
        let http = Some(loopback(port + 4));
        let config = Config { port, actors: 3, http, ..Config::default() };
        let error = cause(config.clone()).await;
        assert!(matches!(error, StartError::PortInUse { .. }), "{error}");
        assert!(error.to_string().contains(&format!("port {}", port + taken)), "{error}");
        drop(blocker);
        // Everything can be had at once: nothing was left half started.
        start(config).await.unwrap().shutdown().await;
    }
}

#[tokio::test]
async fn what_cannot_be_is_said() {
    let config = Config { actors: 0, ..Config::default() };
    assert!(matches!(cause(config).await, StartError::NoActors));

    let config = Config { actors: 100_000, ..Config::default() };
    assert!(matches!(cause(config).await, StartError::TooManyActors { .. }));

    let config = Config { port: 65_533, actors: 3, ..Config::default() };
    assert!(matches!(cause(config).await, StartError::PortRange { .. }));

    let www = Some(PathBuf::from("/no/such/folder"));
    let error = cause(Config { www, ..Config::default() }).await;
    assert!(error.to_string().contains("/no/such/folder"), "{error}");

    let host = "no host at all".to_owned();
    let error = cause(Config { host, ..Config::default() }).await;
    assert!(matches!(error, StartError::Host { .. }), "{error}");

    let host = "192.0.2.1".to_owned(); // reserved for documentation: no machine has it
    let error = cause(Config { host, ..Config::default() }).await;
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
}

#[tokio::test]
async fn the_last_port_can_be_used() {
    // Whether the port is free or not, the range itself is fine.
    let config = Config { port: 65_534, actors: 1, ..Config::default() };
    match start(config).await {
        Ok(server) => {
            assert_eq!(server.queries(), [loopback(65_535)]);
            server.shutdown().await;
        }
        Err(error) => assert!(matches!(error, StartError::PortInUse { .. }), "{error}"),
    }
}

#[tokio::test]
async fn a_shutdown_tells_the_clients_and_frees_all_ports_at_once() {
    let port = free_port();
    let http = Some(loopback(port + 3));
    let config = Config { port, actors: 2, http, ..Config::default() };
    for _ in 0..5 {
        let server = start(config.clone()).await.unwrap();
        assert_eq!(server.actor_system(), loopback(port));
        assert_eq!(server.queries(), [loopback(port + 1), loopback(port + 2)]);
        assert_eq!(server.http(), http);
        let mut client = Client::connect(server.queries()[1]).await;
        let mut page = Client::connect_to(loopback(port + 3), "/kv").await;
        assert_eq!(client.get("key").await, None, "a new server is empty");
        client.put("key", "value").await;
        page.put("other", "value").await;
        assert!(request(loopback(port + 3), "GET /healthz", "").await.contains("200"));
        server.shutdown().await;
        assert_eq!(client.goodbye().await.0, CloseCode::Away);
        assert_eq!(page.goodbye().await.0, CloseCode::Away);
    }
}

/// On their own, since a shutdown that waits for a client of a query port may be long enough for
/// them as well.
#[tokio::test]
async fn a_shutdown_tells_the_clients_of_the_http_port() {
    for _ in 0..5 {
        let http = Some(loopback(0));
        let server = start(Config { actors: 2, http, ..Config::default() }).await.unwrap();
        let mut pages = Vec::new();
        for _ in 0..12 {
            let mut page = Client::connect_to(server.http().unwrap(), "/kv").await;
            assert_eq!(page.get("key").await, None);
            pages.push(page);
        }
        server.shutdown().await;
        for mut page in pages {
            assert_eq!(page.goodbye().await.0, CloseCode::Away);
        }
    }
}

#[tokio::test]
async fn free_ports_are_taken_when_none_are_given() {
    let http = Some(loopback(0));
    let config = Config { actors: 3, http, ..Config::default() };
    let one = start(config.clone()).await.unwrap();
    let two = start(config).await.unwrap();
    let ports = |server: &kvserver::Server| {
        let mut all = vec![server.actor_system(), server.http().unwrap()];
        all.extend(server.queries());
        all
    };
    let mut all = [ports(&one), ports(&two)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 10);
    assert!(all.iter().all(|address| address.port() != 0));
    assert_ne!(one.description(), two.description());
    assert!(!one.description().to_string().contains('\n'));
    one.shutdown().await;
    two.shutdown().await;
}
