//! Servers, the network between them, and their clients.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use kvcommon::{Answer, PROTOCOL, Query, QueryId, frame};
use kvserver::{Config, Server, start};
use testproxy::Proxy;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Servers of one store.
pub struct World {
    pub servers: Vec<Server>,
    /// The way to each server from the others.
    pub proxies: Vec<Proxy>,
}

impl World {
    /// Servers of so many actors each, so far apart; they are ready.
    pub async fn start(servers: usize, actors: usize, delay: Duration) -> Self {
        let mut world = Self { servers: Vec::new(), proxies: Vec::new() };
        for place in 0..servers {
            // Below the ports that the operating system gives to outgoing connections.
            let port = 20_000 + (std::process::id() % 500 * 20) as u16 + place as u16 * 5;
            let proxy = Proxy::start("127.0.0.1:0", format!("127.0.0.1:{port}"));
            let proxy = proxy.await.expect("a free port");
            proxy.delay(delay);
            let advertise = Some(proxy.near().to_string());
            let join =
                world.servers.first().map(|server: &Server| server.description().to_string());
            let join = join.into_iter().collect();
            let config = Config { actors, port, join, advertise, ..Config::default() };
            world.servers.push(start(config).await.expect("the ports are free"));
            world.proxies.push(proxy);
        }
        for address in world.replicas() {
            let mut client = Client::connect(address).await;
            let list = Query::List { prefix: "", after: None };
            // It is refused until the server is ready.
            while client.ask(&[list]).await[0].is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        world
    }

    /// Where all replicas answer.
    pub fn replicas(&self) -> Vec<SocketAddr> {
        self.servers.iter().flat_map(Server::queries).copied().collect()
    }

    /// The most messages that a pair of actors has exchanged in a second.
    pub async fn largest_rate(&self) -> u64 {
        let mut largest = 0;
        for server in &self.servers {
            largest = largest.max(server.stats().await.system.max_message_rate);
        }
        largest
    }

    /// Ends all servers.
    pub async fn end(self) {
        for server in self.servers {
            server.shutdown().await;
        }
    }
}

/// A client that asks many queries in one message.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// A client of the replica at this address.
    pub async fn connect(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/");
        let mut request = url.into_client_request().expect("an address is a host of a URL");
        let protocol = HeaderValue::from_static(PROTOCOL);
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("the socket is open");
        let (socket, _) = client_async(request, stream).await.expect("a query port");
        Self { socket }
    }

    /// The answers in their order: the value that was found, an empty text for anything else that was
    /// carried out, nothing for what was not, or was not found.
    pub async fn ask(&mut self, queries: &[Query<'_>]) -> Vec<Option<String>> {
        let mut message = Vec::new();
        for (id, query) in (0..).zip(queries) {
            frame::encode_query(&mut message, QueryId(id), query);
        }
        self.socket.send(Message::Binary(message.into())).await.expect("the server is up");
        let mut answers = Vec::with_capacity(queries.len());
        while answers.len() < queries.len() {
            let next = self.socket.next().await.expect("the server is up").expect("a message");
            let items = next.into_data();
            answers.extend(frame::answers(&items).map(|item| {
                match item.expect("this server's answers can be read").answer {
                    Answer::Found { value, .. } => Some(value.to_owned()),
                    Answer::Missing { .. } | Answer::Refused(_) => None,
                    _ => Some(String::new()),
                }
            }));
        }
        answers
    }

    /// Writes the same value under all these keys.
    pub async fn put_all(&mut self, keys: &[String], value: &str) {
        let puts: Vec<_> = keys.iter().map(|key| Query::Put { key, value, floor: None }).collect();
        let answers = self.ask(&puts).await;
        assert!(answers.iter().all(Option::is_some), "a Put was refused");
    }
}
