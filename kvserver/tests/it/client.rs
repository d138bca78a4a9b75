//! A client of the tests' own, that can also misbehave.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use kvcommon::{Answer, PROTOCOL, Query, QueryId, RefusalKind, Stamp, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Nothing in these tests takes so long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An answer without borrows, as far as the tests look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    Found(String),
    Missing,
    Stored(Stamp),
    Page(Vec<String>, bool),
    Refused(RefusalKind),
}

pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
    next_id: u64,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::connect_to(address, "/").await
    }

    pub async fn connect_to(address: SocketAddr, path: &str) -> Self {
        Self::try_connect(address, path, Some(PROTOCOL)).await.unwrap()
    }

    pub async fn try_connect(
        address: SocketAddr,
        path: &str,
        protocol: Option<&'static str>,
    ) -> Result<Self, Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_static(protocol);
            request.headers_mut().insert("Sec-WebSocket-Protocol", value);
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(request, stream).await?;
        Ok(Self { socket, next_id: 0 })
    }

    /// The answers, in the order of the queries.
    pub async fn ask(&mut self, queries: &[Query<'_>]) -> Vec<Got> {
        let first = self.next_id;
        let mut message = Vec::new();
        for query in queries {
            frame::encode_query(&mut message, QueryId(self.next_id), query);
            self.next_id += 1;
        }
        self.send(message).await;
        let mut answers = Vec::new();
        while answers.len() < queries.len() {
            answers.extend(self.answers().await);
        }
        let ids: Vec<u64> = answers.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, (first..self.next_id).collect::<Vec<_>>(), "this server keeps the order");
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    pub async fn get(&mut self, key: &str) -> Option<String> {
        match self.ask(&[Query::Get { key }]).await.remove(0) {
            Got::Found(value) => Some(value),
            Got::Missing => None,
            other => panic!("{other:?}"),
        }
    }

    pub async fn put(&mut self, key: &str, value: &str) -> Stamp {
        match self.ask(&[Query::Put { key, value, floor: None }]).await.remove(0) {
            Got::Stored(stamp) => stamp,
            other => panic!("{other:?}"),
        }
    }

    pub async fn send(&mut self, message: Vec<u8>) {
        self.socket.send(Message::Binary(message.into())).await.unwrap();
    }

    /// The answers of the next message.
    pub async fn answers(&mut self) -> Vec<(u64, Got)> {
        let next = timeout(PATIENCE, self.socket.next()).await.expect("an answer in time");
        let Some(Ok(Message::Binary(message))) = next else { panic!("{next:?}") };
        assert!(message.len() <= kvcommon::limits::MAX_MESSAGE_BYTES);
        let answers = frame::answers(&message).map(|item| {
            let item = item.unwrap();
            (item.id.0, got(item.answer))
        });
        answers.collect()
    }

    /// How the server ends the connection: with this code, for this reason.
    pub async fn goodbye(&mut self) -> (CloseCode, String) {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("an end in time") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code, frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }
}

fn got(answer: Answer<'_>) -> Got {
    match answer {
        Answer::Found { value, .. } => Got::Found(value.to_owned()),
        Answer::Missing { .. } => Got::Missing,
        Answer::Stored { stamp } => Got::Stored(stamp),
        Answer::Page { entries, more } => {
            Got::Page(entries.iter().map(|entry| entry.key.to_owned()).collect(), more)
        }
        Answer::Refused(refusal) => Got::Refused(refusal.kind),
        other => panic!("nothing asked for {other:?}"),
    }
}

/// What comes back for these bytes until the server closes, which it has to.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut reply = Vec::new();
    let reading = stream.read_to_end(&mut reply);
    timeout(PATIENCE, reading).await.expect("the server closes").expect("without a reset");
    String::from_utf8_lossy(&reply).into_owned()
}

/// What a plain HTTP client gets; it closes after the answer.
pub async fn request(address: SocketAddr, line: &str, headers: &str) -> String {
    let request =
        format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    exchange(address, request.as_bytes()).await
}
