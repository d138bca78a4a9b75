//! Those who came for something else, or with something broken.

use futures::SinkExt;
use kvcommon::limits::MAX_MESSAGE_BYTES;
use kvcommon::{Query, QueryId, frame};
use kvserver::{Config, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Client, exchange, request};

async fn server() -> Server {
    let http = Some(([127, 0, 0, 1], 0).into());
    kvserver::start(Config { http, ..Config::default() }).await.unwrap()
}

fn check(reply: &str, parts: &[&str]) {
    for part in parts {
        assert!(reply.contains(part), "{part:?} in {reply:?}");
    }
}

#[tokio::test]
async fn a_plain_http_client_is_told_where_it_is() {
    let server = server().await;
    let query_port = server.queries()[0];
    let websocket = ["HTTP/1.1 426 ", "upgrade: websocket"];
    let reply = request(query_port, "GET /", "").await;
    check(&reply, &[websocket[0], websocket[1], "WebSocket", "kv --server", "HTTP port"]);
    check(&request(query_port, "POST /x", "Content-Length: 5\r\n").await, &websocket);
    check(&request(server.http().unwrap(), "GET /kv", "").await, &websocket);
    let reply = request(server.actor_system(), "GET /", "").await;
    check(&reply, &[websocket[0], "actor systems"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_websocket_of_another_kind_is_refused_with_a_reason() {
    let server = server().await;
    let places = [(server.queries()[0], "/"), (server.http().unwrap(), "/kv")];
    for (address, path) in places {
        for protocol in [None, Some("chat"), Some("cmud-kv.2")] {
            let refused = Client::try_connect(address, path, protocol).await.map(|_| ());
            let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
            assert_eq!(response.status(), 400);
            let body = response.into_body().unwrap_or_default();
            check(&String::from_utf8(body).unwrap(), &["cmud-kv.1"]);
        }
        let half = "Connection: upgrade\r\nUpgrade: websocket\r\n";
        let line = format!("GET {path}");
        check(&request(address, &line, half).await, &["HTTP/1.1 400 ", "handshake"]);
    }
    let offered = Some("chat, cmud-kv.1");
    assert!(Client::try_connect(server.queries()[0], "/", offered).await.is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn random_bytes_get_a_400_and_a_close_on_every_port() {
    let server = server().await;
    let noise: Vec<u8> =
        (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for address in [server.queries()[0], server.http().unwrap(), server.actor_system()] {
        let tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        for bytes in [noise.as_slice(), b"\0\0\0\0", b"hello there\r\n\r\n", tls_hello] {
            check(&exchange(address, bytes).await, &["HTTP/1.1 400 "]);
        }
    }
    let mut client = Client::connect(server.queries()[0]).await;
    client.put("key", "still here").await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_head_without_an_end_is_not_kept() {
    let server = server().await;
    let mut head = b"GET / HTTP/1.1\r\nX-Long: ".to_vec();
    head.resize(100_000, b'x');
    check(&exchange(server.queries()[0], &head).await, &["HTTP/1.1 431 "]);
    server.shutdown().await;
}

/// Sends `broken` behind a good query, and looks at how the server says goodbye.
async fn check_close(broken: Message, code: CloseCode, reason: &str) {
    let server = server().await;
    let mut client = Client::connect(server.queries()[0]).await;
    client.put("key", "value").await;
    // The server may be gone before all of a large message is sent.
    let _ = client.socket.send(broken).await;
    let (got, why) = client.goodbye().await;
    assert_eq!(got, code, "{why}");
    check(&why, &[reason]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_that_is_no_run_of_queries_ends_the_connection() {
    check_close(vec![1, 99].into(), CloseCode::Invalid, "run of queries").await;
    let mut cut = Vec::new();
    frame::encode_query(&mut cut, QueryId(1), &Query::Get { key: "key" });
    cut.pop();
    check_close(cut.into(), CloseCode::Invalid, "run of queries").await;
}

#[tokio::test]
async fn a_text_message_ends_the_connection() {
    check_close("get key".into(), CloseCode::Unsupported, "binary").await;
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let message = vec![0; MAX_MESSAGE_BYTES + 1];
    check_close(message.into(), CloseCode::Size, "1048576").await;
}

/// Sends bytes as they are over an open WebSocket, and looks at how the server says goodbye.
async fn check_raw(bytes: &[u8], code: CloseCode) {
    let server = server().await;
    let mut client = Client::connect(server.queries()[0]).await;
    client.socket.get_mut().write_all(bytes).await.unwrap();
    assert_eq!(client.goodbye().await.0, code);
    server.shutdown().await;
}

#[tokio::test]
async fn broken_frames_end_the_connection() {
    let huge_claim = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    check_raw(&huge_claim, CloseCode::Size).await;
    let unmasked = [0x82, 0x01, 0x00];
    check_raw(&unmasked, CloseCode::Protocol).await;
    let reserved_bits = [0xf2, 0x80, 0, 0, 0, 0];
    check_raw(&reserved_bits, CloseCode::Protocol).await;
    let broken_text = [0x81, 0x81, 0, 0, 0, 0, 0xff];
    check_raw(&broken_text, CloseCode::Invalid).await;
}

#[tokio::test]
async fn a_message_in_too_many_pieces_ends_the_connection() {
    let server = server().await;
    let mut client = Client::connect(server.queries()[0]).await;
    let piece = |opcode: u8| {
        let mut frame = vec![opcode, 0xff];
        frame.extend((512 * 1024_u64).to_be_bytes());
        frame.resize(frame.len() + 4 + 512 * 1024, 0);
        frame
    };
    let bytes = [piece(0x02), piece(0x00), piece(0x00)].concat();
    let _ = client.socket.get_mut().write_all(&bytes).await;
    assert_eq!(client.goodbye().await.0, CloseCode::Size);
    server.shutdown().await;
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let server = server().await;
    let mut client = Client::connect(server.queries()[0]).await;
    client.socket.close(None).await.unwrap();
    let mut rest = Vec::new();
    client.socket.get_mut().read_to_end(&mut rest).await.unwrap();
    server.shutdown().await;
}
