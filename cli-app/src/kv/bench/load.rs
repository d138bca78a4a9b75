//! The load itself: connections that each keep one message of queries under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::SinkExt;
use hdrhistogram::Histogram;
use kvclient::{Address, ErrorKind};
use kvcommon::limits::MAX_MESSAGE_BYTES;
use kvcommon::{Answer, Query, QueryId, Refusal, RefusalKind, frame};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::Options;
use super::connection::{Socket, lost, next, open};
use crate::kv::answer::Failure;

/// A message of the filling holds so many queries, fewer if the values are large.
const TOGETHER: usize = 1000;

/// What came of it.
pub struct Tally {
    /// How long the load lasted.
    pub time: Duration,
    /// Gets that were answered.
    pub gets: u64,
    /// Puts that were answered.
    pub puts: u64,
    /// Queries that were answered or refused, by the place of the address in the list.
    pub answered_by: Vec<u64>,
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
        let (time, answered_by) = (Duration::ZERO, Vec::new());
        Self { time, gets, puts, answered_by, refused, trouble: None, lost, latency }
    }

    fn add(&mut self, other: Self) {
        self.gets += other.gets;
        self.puts += other.puts;
        if self.answered_by.len() < other.answered_by.len() {
            self.answered_by.resize(other.answered_by.len(), 0);
        }
        for (here, there) in self.answered_by.iter_mut().zip(other.answered_by) {
            *here += there;
        }
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
    /// How many queries of the load were answered so far.
    answered: AtomicU64,
}

/// A connection, and the place of its address in the list.
pub struct Opened {
    socket: Socket,
    place: usize,
}

impl Load {
    pub fn new(options: Options) -> Self {
        let value = "v".repeat(options.value_size);
        let (over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { options, value, over, written, answered: AtomicU64::new(0) }
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

    /// How far the filling is, in words.
    pub fn filled(&self) -> String {
        format!("writing: {} of {} keys", self.written.load(Ordering::Relaxed), self.options.keys)
    }

    /// How far the load is after so long, in words.
    pub fn driven(&self, time: Duration) -> String {
        let rate = self.answered.load(Ordering::Relaxed) as f64 / time.as_secs_f64();
        format!(
            "load: {:.0} of {} s, {rate:.0} queries/s",
            time.as_secs_f64(),
            self.options.seconds
        )
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
    pub async fn connect(&self, addresses: &[Address]) -> Result<Vec<Opened>, Failure> {
        let mut opened = Vec::new();
        for (place, address) in addresses.iter().enumerate().cycle().take(self.options.connections)
        {
            opened.push(Opened { socket: open(address).await?, place });
        }
        Ok(opened)
    }

    /// Keeps every connection busy for so long, or until `stop`.
    pub async fn drive(
        self: Arc<Self>,
        connections: Vec<Opened>,
        span: Duration,
        stop: impl Future<Output = ()>,
    ) -> Tally {
        let begun = Instant::now();
        let mut conversations = JoinSet::new();
        for (number, connection) in (0..).zip(connections) {
            conversations.spawn(self.clone().converse(connection, number));
        }
        let mut tally = Tally::new();
        // A connection that ends before it is told to is lost; without any the load is over.
        let all_lost = async {
            while let Some(Ok(part)) = conversations.join_next().await {
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
        while let Some(Ok(part)) = conversations.join_next().await {
            tally.add(part);
        }
        tally
    }

    async fn converse(self: Arc<Self>, connection: Opened, seed: u64) -> Tally {
        let Opened { mut socket, place } = connection;
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
        tally.answered_by = vec![0; place + 1];
        tally.answered_by[place] = tally.gets + tally.puts + tally.refused;
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
        self.answered.fetch_add(answered as u64, Ordering::Relaxed);
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

fn refused(refusal: &Refusal) -> Failure {
    let kind = match refusal.kind {
        RefusalKind::Invalid => ErrorKind::Invalid,
        RefusalKind::TooLarge => ErrorKind::TooLarge,
        RefusalKind::NotReady => ErrorKind::NotReady,
    };
    Failure { kind, message: refusal.to_string() }
}
