//! Servers that break: each is an error of the query that met it, with its cause, and no hang.

use std::time::{Duration, Instant};

use futures::SinkExt;
use kvclient::{Error, ErrorKind};
use kvcommon::limits::{MAX_MESSAGE_BYTES, MAX_VALUE_BYTES};
use kvcommon::{Answer, Entry, QueryId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::server::*;

/// The error of a Get whose server answers the handshake's request with `response` and hangs up.
async fn after_response(response: &'static [u8]) -> Error {
    let address = start(move |_, mut stream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(response).await;
        let _ = stream.shutdown().await;
    })
    .await;
    failing_get(&client(&address)).await
}

/// The error of a Get that is answered with `message`.
async fn after_message(message: Message) -> Error {
    let address = start(move |_, stream| {
        let message = message.clone();
        async move {
            let mut socket = accept(stream).await;
            receive(&mut socket).await;
            let _ = socket.send(message).await;
            // Stays open: the client has to judge by what it got.
            receive(&mut socket).await;
        }
    })
    .await;
    failing_get(&client(&address)).await
}

fn assert_error(error: &Error, kind: ErrorKind, cause: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(cause), "{error}");
}

#[tokio::test]
async fn nobody_listens() {
    let address = nobody().await;
    let client = client(&address);
    let begin = Instant::now();
    for _ in 0..3 {
        let error = failing_get(&client).await;
        assert_error(&error, ErrorKind::Unreachable, "refused. Is a server running there?");
        assert!(error.to_string().starts_with(address.as_str()), "{error}");
        assert!(!error.outcome_unknown());
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "it waits for the next attempt");
}

#[tokio::test]
async fn a_host_that_does_not_exist() {
    let error = failing_get(&client(&"no-such-host.invalid:6001".parse().unwrap())).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(!error.to_string().contains("os error"), "{error}");
}

#[tokio::test]
async fn an_encrypted_address() {
    let error = failing_get(&client(&"wss://localhost:6001/kv".parse().unwrap())).await;
    assert_error(&error, ErrorKind::Unreachable, "has no TLS");
}

#[tokio::test]
async fn no_answer_to_the_handshake() {
    let address = start(|_, stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client(&address).with_deadline(Duration::from_millis(100));
    let error = failing_get(&client).await;
    assert_error(&error, ErrorKind::Timeout, "gave no answer within 0.1 s");
    assert!(!error.outcome_unknown());
}

/// In virtual time: what is waited for here without a timer does not end.
#[tokio::test(start_paused = true)]
async fn a_server_that_stops_reading_does_not_keep_a_client_that_is_gone() {
    let (hear, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let address = start(move |_, stream| {
        let hear = hear.clone();
        async move {
            let _socket = accept(stream).await;
            hear.send(()).expect("the test waits");
            std::future::pending::<()>().await;
        }
    })
    .await;
    let client = client(&address).with_deadline(Duration::from_secs(24 * 60 * 60));
    // More than all buffers on the way take.
    let value = "v".repeat(MAX_VALUE_BYTES);
    let puts: Vec<_> = (0..100)
        .map(|_| {
            let (client, value) = (client.clone(), value.clone());
            tokio::spawn(async move { client.put("key", &value).await })
        })
        .collect();
    heard.recv().await.expect("the client comes");
    // Lets all of them be sent that can be.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks(), 2 + 1 + puts.len(), "the server's, the connection's and the askers'");
    for put in puts {
        put.abort();
        assert!(put.await.is_err_and(|error| error.is_cancelled()), "nobody was answered");
    }
    drop(client);
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    assert_eq!(tasks(), 2, "only the server is left");
}

#[tokio::test]
async fn no_answer_to_the_query() {
    let address = start(|_, stream| async move {
        let mut socket = accept(stream).await;
        while receive(&mut socket).await.is_some() {}
    })
    .await;
    let client = client(&address).with_deadline(Duration::from_millis(100));
    let error = failing_get(&client).await;
    assert_error(&error, ErrorKind::Timeout, "Whether the query was carried out is unknown");
}

#[tokio::test]
async fn hangs_up_during_the_handshake() {
    let error = after_response(b"").await;
    assert_error(&error, ErrorKind::Unreachable, "during the handshake");
    let error = after_response(b"HTTP/1.1 101 Switching Prot").await;
    assert_error(&error, ErrorKind::Unreachable, "during the handshake");
}

#[tokio::test]
async fn a_web_server() {
    let error = after_response(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    assert_error(&error, ErrorKind::Protocol, "it answered HTTP 404 Not Found");
    assert!(!error.outcome_unknown());

    let page = b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n<html><p>Hello!</p></html>";
    assert_error(&after_response(page).await, ErrorKind::Protocol, "it answered HTTP 200 OK.");
}

#[tokio::test]
async fn a_server_that_explains_itself() {
    let response = b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 24\r\n\r\n\
        This is the sync port.\r\n";
    let error = after_response(response).await;
    assert_error(&error, ErrorKind::Protocol, "HTTP 426 Upgrade Required: This is the sync port.");
}

#[tokio::test]
async fn no_web_server_at_all() {
    let error = after_response(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    assert_error(&error, ErrorKind::Protocol, "its handshake is not a WebSocket's");
    let error = after_response(&[0; 64]).await;
    assert_error(&error, ErrorKind::Protocol, "its handshake is not a WebSocket's");
}

#[tokio::test]
async fn another_subprotocol_or_none() {
    for protocol in [Some("cmud-kv.2"), None] {
        let address =
            start(move |_, stream| async move { drop(accept_as(stream, protocol).await) }).await;
        let error = failing_get(&client(&address)).await;
        assert_error(&error, ErrorKind::Protocol, "it does not speak cmud-kv.1");
    }
}

#[tokio::test]
async fn bytes_that_are_no_answers() {
    for garbage in [&[0xff; 7][..], b"\x00\x05", b"hello, world"] {
        let error = after_message(Message::Binary(garbage.to_vec().into())).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.outcome_unknown());
    }
}

#[tokio::test]
async fn text() {
    let error = after_message(Message::Text("hello".into())).await;
    assert_error(&error, ErrorKind::Protocol, "it sent text");
}

#[tokio::test]
async fn a_message_over_the_limit() {
    let error = after_message(Message::Binary(vec![0; MAX_MESSAGE_BYTES + 1].into())).await;
    assert_error(&error, ErrorKind::Protocol, "too large");
}

#[tokio::test]
async fn an_answer_to_another_question() {
    let stored =
        |id| Message::Binary(one_answer(QueryId(id), &Answer::Stored { stamp: STAMP }).into());
    assert_error(&after_message(stored(0)).await, ErrorKind::Protocol, "does not fit the query");
    assert_error(&after_message(stored(9)).await, ErrorKind::Protocol, "which was never asked");
}

#[tokio::test]
async fn closes_with_a_reason() {
    for (code, kind) in [
        (1000, ErrorKind::Unreachable),
        (1001, ErrorKind::Unreachable),
        (1002, ErrorKind::Protocol),
        (1007, ErrorKind::Protocol),
        (1009, ErrorKind::Protocol),
        (1011, ErrorKind::Unreachable),
    ] {
        let frame = CloseFrame { code: code.into(), reason: "because of the weather".into() };
        let error = after_message(Message::Close(Some(frame))).await;
        assert_error(&error, kind, "because of the weather");
        assert!(error.to_string().contains(&code.to_string()), "{error}");
    }
    let error = after_message(Message::Close(None)).await;
    assert_error(&error, ErrorKind::Unreachable, "the connection was lost");
}

#[tokio::test]
async fn hangs_up_in_the_middle_of_an_answer() {
    let address = start(|_, stream| async {
        let mut socket = accept(stream).await;
        receive(&mut socket).await;
        // A frame that announces 100 bytes and brings 3.
        let stream: &mut TcpStream = socket.get_mut();
        stream.write_all(&[0x82, 100, 1, 2, 3]).await.unwrap();
    })
    .await;
    let error = failing_get(&client(&address)).await;
    assert_error(&error, ErrorKind::Unreachable, "the connection was lost");
    assert!(error.outcome_unknown());
}

#[tokio::test]
async fn frames_that_are_no_web_socket_frames() {
    let address = start(|_, stream| async {
        let mut socket = accept(stream).await;
        receive(&mut socket).await;
        socket.get_mut().write_all(&[0xff; 64]).await.unwrap();
        receive(&mut socket).await;
    })
    .await;
    assert_eq!(failing_get(&client(&address)).await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_list_that_would_never_end() {
    let page = |keys: &'static [&'static str]| async move {
        let address = start(move |_, stream| async move {
            let mut socket = accept(stream).await;
            while let Some(message) = receive(&mut socket).await {
                let entry = |key: &&'static str| Entry { key, stamp: STAMP, value: "" };
                let entries = keys.iter().map(entry).collect();
                for (id, _) in read(&message) {
                    let answer = Answer::Page { entries: Vec::clone(&entries), more: true };
                    send(&mut socket, one_answer(id, &answer)).await;
                }
            }
        })
        .await;
        let client = client(&address);
        let list = tokio::time::timeout(SOON, client.list("k")).await;
        list.expect("it hangs").expect_err("it should fail")
    };
    assert_error(&page(&["k1"]).await, ErrorKind::Protocol, "not in order");
    assert_error(&page(&["k2", "k1"]).await, ErrorKind::Protocol, "not in order");
    assert_error(&page(&[]).await, ErrorKind::Protocol, "an empty page");
    assert_error(&page(&["other"]).await, ErrorKind::Protocol, "without the List's prefix");
}

#[tokio::test]
async fn a_list_whose_connection_is_lost_between_two_pages() {
    let address = start(|_, stream| async {
        let mut socket = accept(stream).await;
        let message = receive(&mut socket).await.expect("a message");
        let (id, _) = read(&message)[0];
        let entries = vec![Entry { key: "k1", stamp: STAMP, value: "" }];
        send(&mut socket, one_answer(id, &Answer::Page { entries, more: true })).await;
        let _ = socket.close(None).await;
    })
    .await;
    let client = client(&address);
    let list = tokio::time::timeout(SOON, client.list("k")).await.expect("it hangs");
    assert_eq!(list.unwrap_err().kind(), ErrorKind::Unreachable);
}
