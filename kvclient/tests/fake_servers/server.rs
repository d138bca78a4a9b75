//! A server of one's own: what happens on each connection is up to the test.

use std::future::Future;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use kvclient::{Address, Client, Error, Fixed, Stamp};
use kvcommon::{Answer, PROTOCOL, Query, QueryId, frame};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

pub const STAMP: Stamp = Stamp { millis: 1_700_000_000_000, counter: 3, uid: 0xc0ffee };

/// Far beyond what a test needs, far below what would be a hang.
pub const SOON: Duration = Duration::from_secs(2);

/// Calls `connection` with each TCP connection and its number, from 0.
pub async fn start<F, T>(connection: F) -> Address
where
    F: Fn(usize, TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").into();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(connection(number, stream));
        }
    });
    address
}

/// An address where nobody listens.
pub async fn nobody() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("it is bound").into()
}

pub fn client(address: &Address) -> Client {
    Client::new(Fixed::new(address.clone()))
}

pub type Socket = WebSocketStream<TcpStream>;

/// A good handshake.
pub async fn accept(stream: TcpStream) -> Socket {
    accept_as(stream, Some(PROTOCOL)).await
}

/// A handshake that chooses `protocol`, whatever was asked for.
pub async fn accept_as(stream: TcpStream, protocol: Option<&'static str>) -> Socket {
    #[allow(clippy::result_large_err, reason = "tungstenite's signature")]
    let choose = |_: &Request, mut response: Response| {
        if let Some(protocol) = protocol {
            let header = protocol.parse().expect("a header value");
            response.headers_mut().insert("sec-websocket-protocol", header);
        }
        Ok(response)
    };
    accept_hdr_async(stream, choose).await.expect("the client's handshake is right")
}

/// The next binary message, or nothing if the client has left.
pub async fn receive(socket: &mut Socket) -> Option<Vec<u8>> {
    loop {
        match socket.next().await?.ok()? {
            Message::Binary(message) => return Some(message.to_vec()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

pub async fn send(socket: &mut Socket, message: impl Into<Vec<u8>>) {
    // A client that has left is no concern of the server's.
    let _ = socket.send(Message::Binary(message.into().into())).await;
}

/// The ids and queries of a message, as text.
pub fn read(message: &[u8]) -> Vec<(QueryId, String)> {
    frame::queries(message)
        .map(|item| item.expect("the client sends items"))
        .map(|item| (item.id, format!("{:?}", item.query.expect("within the limits"))))
        .collect()
}

pub fn one_answer(id: QueryId, answer: &Answer<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    frame::encode_answer(&mut message, id, answer);
    message
}

/// Answers a message as a store in which every key's value is the key itself.
pub fn echo(message: &[u8]) -> Vec<u8> {
    let mut answers = Vec::new();
    // The last query first: the client has to look at the ids.
    let mut items: Vec<_> = frame::queries(message).map(|item| item.expect("an item")).collect();
    items.reverse();
    for item in items {
        let answer = match item.query.expect("within the limits") {
            Query::Get { key } => Answer::Found { stamp: STAMP, value: key },
            Query::Put { .. } | Query::Delete { .. } => Answer::Stored { stamp: STAMP },
            Query::List { .. } => Answer::Page { entries: Vec::new(), more: false },
            Query::Status => Answer::Status { age_millis: 300, json: r#"{"keys":7}"# },
            Query::Forget { .. } => Answer::Forgotten,
        };
        frame::encode_answer(&mut answers, item.id, &answer);
    }
    answers
}

/// Answers everything until the client leaves.
pub async fn echo_all(mut socket: Socket) {
    while let Some(message) = receive(&mut socket).await {
        send(&mut socket, echo(&message)).await;
    }
}

/// The error of a Get that has to end soon.
pub async fn failing_get(client: &Client) -> Error {
    tokio::time::timeout(SOON, client.get("key")).await.expect("it hangs").expect_err("it fails")
}
