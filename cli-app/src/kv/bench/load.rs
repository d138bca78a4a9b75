//! The load itself: connections that each keep one message of queries under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use kvclient::{Address, ErrorKind};
use kvcommon::limits::MAX_MESSAGE_BYTES;
use kvcommon::{Answer, PROTOCOL, Query, QueryId, Refusal, RefusalKind, frame};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Options;
use crate::kv::answer::Failure;

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
    pub trouble: Option<Failure>,
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
    /// The keys up to this one may be in the store.
    written: AtomicUsize,
}

impl Load {
    pub fn new(options: Options) -> Self {
        let value = "v".repeat(options.value_size);
        Self { options, value, over: AtomicBool::new(false), written: AtomicUsize::new(0) }
    }

    /// Writes every key, unless it is stopped.
    pub async fn fill(&self, addresses: &[Address]) -> Result<(), Failure> {
        self.all_keys(addresses, Some(&self.value), self.options.keys).await
    }

    /// Deletes every key that was written.
    pub async fn clean(&self, addresses: &[Address]) -> Result<(), Failure> {
        match self.written.load(Ordering::Relaxed) {
            0 => Ok(()),
            written => self.all_keys(addresses, None, written).await,
        }
    }

    /// Ends what is under way after the message that it waits for.
    pub fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// How long it is to last.
    pub fn seconds(&self) -> u32 {
        self.options.seconds
    }

    /// Which keys stay if they cannot be deleted, and what to do about it.
    pub fn what_is_left(&self) -> String {
        let Options { prefix, .. } = &self.options;
        let written = self.written.load(Ordering::Relaxed);
        let word = shlex::try_quote(prefix).map_or_else(|_| "…".into(), |word| word.into_owned());
        format!(
            "keys that begin with {prefix:?} may be left; to delete them: kv bench --server … --prefix {word} \
             --keys {written} --seconds 1"
        )
    }

    /// Opens the connections, spread over the addresses.
    pub async fn connect(&self, addresses: &[Address]) -> Result<Vec<Socket>, Failure> {
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
        self.stop();
        tally.time = begun.elapsed();
        while let Some(Ok(part)) = connections.join_next().await {
            tally.add(part);
        }
        tally
    }

    async fn converse(self: Arc<Self>, mut socket: Socket, seed: u64) -> Tally {
        let mut tally = Tally::new();
        let mut random = SmallRng::seed_from_u64(seed);
        while !self.is_stopped() {
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
    ) -> Result<(), Failure> {
        let asked = frame::queries(&message).count();
        let begun = Instant::now();
        socket
            .send(Message::Binary(message.into()))
            .await
            .map_err(|error| lost(error.to_string()))?;
        let mut answered = 0;
        while answered < asked {
            let answers = next(socket).await?;
            for item in frame::answers(&answers) {
                answered += 1;
                match item.map_err(|error| Failure::protocol(error.to_string()))?.answer {
                    Answer::Found { .. } | Answer::Missing { .. } => tally.gets += 1,
                    Answer::Refused(refusal) => {
                        tally.refused += 1;
                        tally.trouble.get_or_insert_with(|| refused(&refusal));
                    }
                    _ => tally.puts += 1,
                }
            }
        }
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tally.latency.saturating_record(micros);
        Ok(())
    }

    /// Gives the first keys this value, or none, through the first address that takes them.
    async fn all_keys(
        &self,
        addresses: &[Address],
        value: Option<&str>,
        count: usize,
    ) -> Result<(), Failure> {
        let mut result = Err(Failure::invalid("there is no address"));
        for address in addresses {
            result = self.keys_through(address, value, count).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }

    async fn keys_through(
        &self,
        address: &Address,
        value: Option<&str>,
        count: usize,
    ) -> Result<(), Failure> {
        let mut socket = open(address).await?;
        let mut tally = Tally::new();
        let together = (MAX_MESSAGE_BYTES / (self.options.value_size + 1100)).clamp(1, TOGETHER);
        for first in (0..count).step_by(together) {
            let next = count.min(first + together);
            if value.is_some() {
                if self.is_stopped() {
                    break;
                }
                self.written.fetch_max(next, Ordering::Relaxed);
            }
            let mut message = Vec::new();
            for number in first..next {
                let key = &self.key(number);
                let query = match value {
                    Some(value) => Query::Put { key, value, floor: None },
                    None => Query::Delete { key, floor: None },
                };
                frame::encode_query(&mut message, QueryId(number as u64), &query);
            }
            self.round(&mut socket, message, &mut tally).await?;
            if let Some(Failure { kind, message }) = tally.trouble {
                let message = format!("{address} refuses the keys: {message}");
                return Err(Failure { kind, message });
            }
        }
        Ok(())
    }

    fn key(&self, number: usize) -> String {
        format!("{}{number}", self.options.prefix)
    }
}

/// Those of the addresses that answer, and why the others do not.
///
/// # Errors
/// When none does: why the first one does not.
pub async fn reachable(
    addresses: impl IntoIterator<Item = Address>,
) -> Result<(Vec<Address>, Vec<Failure>), Failure> {
    let tries = addresses.into_iter().map(async |address| {
        let opened = open(&address).await;
        opened.map(|_| address)
    });
    let (mut answer, mut away) = (Vec::new(), Vec::new());
    for tried in join_all(tries).await {
        match tried {
            Ok(address) => answer.push(address),
            Err(why) => away.push(why),
        }
    }
    match answer.is_empty() {
        true => {
            Err(away.into_iter().next().unwrap_or_else(|| Failure::invalid("there is no address")))
        }
        false => Ok((answer, away)),
    }
}

async fn open(address: &Address) -> Result<Socket, Failure> {
    let failed = |kind: ErrorKind, why: &dyn std::fmt::Display| Failure {
        kind,
        message: format!("{address} cannot be reached: {why}"),
    };
    let unreachable = |why: &dyn std::fmt::Display| failed(ErrorKind::Unreachable, why);
    if address.is_encrypted() {
        return Err(failed(ErrorKind::Invalid, &"this program has no TLS for wss://"));
    }
    let opening = async {
        let stream =
            TcpStream::connect(address.host_and_port()).await.map_err(|e| unreachable(&e))?;
        stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
        let uri = address.url().parse().map_err(|error| failed(ErrorKind::Invalid, &error))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
        let opened = client_async(request, stream).await;
        let (socket, _) = opened.map_err(|error| failed(ErrorKind::Protocol, &error))?;
        Ok(socket)
    };
    let opened = tokio::time::timeout(PATIENCE, opening).await;
    opened.unwrap_or_else(|_| Err(failed(ErrorKind::Timeout, &"no answer")))
}

async fn next(socket: &mut Socket) -> Result<bytes::Bytes, Failure> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await;
        let message = message.map_err(|_| Failure {
            kind: ErrorKind::Timeout,
            message: format!("no answer for {} s", PATIENCE.as_secs()),
        })?;
        match message {
            Some(Ok(Message::Binary(answers))) => return Ok(answers),
            Some(Ok(Message::Close(Some(frame)))) => {
                let why = frame.reason;
                return Err(lost(format!("the server closed the connection: {why}")));
            }
            Some(Ok(Message::Close(None))) | None => {
                return Err(lost("the server closed the connection"));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(lost(error.to_string())),
        }
    }
}

fn lost(why: impl Into<String>) -> Failure {
    Failure { kind: ErrorKind::Unreachable, message: why.into() }
}

fn refused(refusal: &Refusal) -> Failure {
    let kind = match refusal.kind {
        RefusalKind::Invalid => ErrorKind::Invalid,
        RefusalKind::TooLarge => ErrorKind::TooLarge,
        RefusalKind::NotReady => ErrorKind::NotReady,
    };
    Failure { kind, message: refusal.to_string() }
}
