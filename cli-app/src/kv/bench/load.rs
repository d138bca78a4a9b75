//! The load itself: connections that each keep one message of queries under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use kvclient::Address;
use kvcommon::limits::MAX_MESSAGE_BYTES;
use kvcommon::{Answer, PROTOCOL, Query, QueryId, frame};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Options;

/// A server that has not answered for so long will not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message of the filling holds so many queries, fewer if the values are large.
const TOGETHER: usize = 1000;

type Socket = WebSocketStream<TcpStream>;

/// What came of it.
pub struct Tally {
    /// How long the load lasted.
    pub time: Duration,
    /// Gets that were answered.
    pub gets: u64,
    /// Puts that were answered.
    pub puts: u64,
    /// Queries that were refused.
    pub refused: u64,
    /// The first reason for a refusal or for a connection that was lost.
    pub trouble: Option<String>,
    /// Connections that were lost.
    pub lost: usize,
    /// How long each message and its answers took, in microseconds.
    pub latency: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, 60_000_000, 3).expect("sound bounds");
        let (gets, puts, refused, lost) = (0, 0, 0, 0);
        Self { time: Duration::ZERO, gets, puts, refused, trouble: None, lost, latency }
    }

    fn add(&mut self, other: Self) {
        self.gets += other.gets;
        self.puts += other.puts;
        self.refused += other.refused;
        self.lost += other.lost;
        self.trouble = self.trouble.take().or(other.trouble);
        self.latency.add(other.latency).expect("the bounds are the same");
    }
}

/// A load on some keys.
pub struct Load {
    options: Options,
    value: String,
    over: AtomicBool,
}

impl Load {
    pub fn new(options: Options) -> Self {
        let value = "v".repeat(options.value_size);
        Self { options, value, over: AtomicBool::new(false) }
    }

    /// Writes every key.
    pub async fn fill(&self, addresses: &[Address]) -> Result<(), String> {
        self.all_keys(addresses, Some(&self.value)).await
    }

    /// Deletes every key.
    pub async fn clean(&self, addresses: &[Address]) -> Result<(), String> {
        self.all_keys(addresses, None).await
    }

    /// Opens the connections, spread over the addresses.
    pub async fn connect(&self, addresses: &[Address]) -> Result<Vec<Socket>, String> {
        let mut sockets = Vec::new();
        for address in addresses.iter().cycle().take(self.options.connections) {
            sockets.push(open(address).await?);
        }
        Ok(sockets)
    }

    /// Keeps every connection busy for so long, or until `stop`.
    pub async fn drive(
        self: Arc<Self>,
        sockets: Vec<Socket>,
        span: Duration,
        stop: impl Future<Output = ()>,
    ) -> Tally {
        let begun = Instant::now();
        let mut connections = JoinSet::new();
        for (number, socket) in (0..).zip(sockets) {
            connections.spawn(self.clone().converse(socket, number));
        }
        let mut tally = Tally::new();
        // A connection that ends before it is told to is lost; without any the load is over.
        let all_lost = async {
            while let Some(Ok(part)) = connections.join_next().await {
                tally.add(part);
            }
        };
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            () = stop => {}
            () = all_lost => {}
        }
        self.over.store(true, Ordering::Relaxed);
        tally.time = begun.elapsed();
        while let Some(Ok(part)) = connections.join_next().await {
            tally.add(part);
        }
        tally
    }

    async fn converse(self: Arc<Self>, mut socket: Socket, seed: u64) -> Tally {
        let mut tally = Tally::new();
        let mut random = SmallRng::seed_from_u64(seed);
        while !self.over.load(Ordering::Relaxed) {
            let message = self.message(&mut random);
            if let Err(why) = self.round(&mut socket, message, &mut tally).await {
                tally.lost = 1;
                tally.trouble.get_or_insert(why);
                break;
            }
        }
        tally
    }

    fn message(&self, random: &mut SmallRng) -> Vec<u8> {
        let Options { pipeline, gets, keys, .. } = self.options;
        let mut message = Vec::new();
        for id in 0..pipeline as u64 {
            let key = self.key(random.random_range(0..keys));
            let query = match random.random_range(0..100) < gets {
                true => Query::Get { key: &key },
                false => Query::Put { key: &key, value: &self.value, floor: None },
            };
            let before = message.len();
            frame::encode_query(&mut message, QueryId(id), &query);
            if message.len() > MAX_MESSAGE_BYTES {
                message.truncate(before);
                break;
            }
        }
        message
    }

    /// Sends a message and waits for all of its answers.
    async fn round(
        &self,
        socket: &mut Socket,
        message: Vec<u8>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let asked = frame::queries(&message).count();
        let begun = Instant::now();
        socket.send(Message::Binary(message.into())).await.map_err(|error| error.to_string())?;
        let mut answered = 0;
        while answered < asked {
            let answers = next(socket).await?;
            for item in frame::answers(&answers) {
                answered += 1;
                match item.map_err(|error| error.to_string())?.answer {
                    Answer::Found { .. } | Answer::Missing { .. } => tally.gets += 1,
                    Answer::Refused(refusal) => {
                        tally.refused += 1;
                        tally.trouble.get_or_insert_with(|| refusal.to_string());
                    }
                    _ => tally.puts += 1,
                }
            }
        }
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tally.latency.saturating_record(micros);
        Ok(())
    }

    /// Gives every key this value, or none.
    async fn all_keys(&self, addresses: &[Address], value: Option<&str>) -> Result<(), String> {
        let address = addresses.first().ok_or("there is no address")?;
        let mut socket = open(address).await?;
        let mut tally = Tally::new();
        let together = (MAX_MESSAGE_BYTES / (self.options.value_size + 1100)).clamp(1, TOGETHER);
        for first in (0..self.options.keys).step_by(together) {
            let mut message = Vec::new();
            for number in first..self.options.keys.min(first + together) {
                let key = &self.key(number);
                let query = match value {
                    Some(value) => Query::Put { key, value, floor: None },
                    None => Query::Delete { key, floor: None },
                };
                frame::encode_query(&mut message, QueryId(number as u64), &query);
            }
            self.round(&mut socket, message, &mut tally).await?;
            if let Some(why) = tally.trouble {
                return Err(format!("{address} refuses the keys: {why}"));
            }
        }
        Ok(())
    }

    fn key(&self, number: usize) -> String {
        format!("{}{number}", self.options.prefix)
    }
}

async fn open(address: &Address) -> Result<Socket, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{address} cannot be reached: {error}");
    if address.is_encrypted() {
        return Err(failed(&"this program has no TLS for wss://"));
    }
    let opening = async {
        let stream = TcpStream::connect(address.host_and_port()).await.map_err(|e| failed(&e))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let uri = address.url().parse().map_err(|error| failed(&error))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
        let (socket, _) = client_async(request, stream).await.map_err(|error| failed(&error))?;
        Ok(socket)
    };
    tokio::time::timeout(PATIENCE, opening).await.unwrap_or_else(|_| Err(failed(&"no answer")))
}

async fn next(socket: &mut Socket) -> Result<bytes::Bytes, String> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await;
        let message = message.map_err(|_| format!("no answer for {} s", PATIENCE.as_secs()))?;
        match message {
            Some(Ok(Message::Binary(answers))) => return Ok(answers),
            Some(Ok(Message::Close(Some(frame)))) => {
                return Err(format!("the server closed the connection: {}", frame.reason));
            }
            Some(Ok(Message::Close(None))) | None => {
                return Err("the server closed the connection".to_owned());
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
        }
    }
}
