//! The load: one thread, many connections, each with one request under way at a time. Requests are
//! made beforehand and answers only counted, so the generator costs every server the same.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::wire::{Ask, Dialect};

/// Requests of one shape, to be sent in turn.
pub struct Requests {
    pub dialect: Dialect,
    /// How many queries each request holds.
    pub queries: u64,
    pub bytes: Vec<Vec<u8>>,
}

impl Requests {
    /// `count` requests of `pipeline` queries each; `ask` makes the query of each number.
    pub fn new<'a>(
        dialect: Dialect,
        count: usize,
        pipeline: usize,
        mut ask: impl FnMut(usize) -> Ask<'a>,
    ) -> Self {
        let request = |number| -> Vec<Ask<'a>> {
            (number * pipeline..(number + 1) * pipeline).map(&mut ask).collect()
        };
        let bytes = (0..count).map(request).map(|asks| dialect.request(&asks)).collect();
        // An echo brings back the message, whatever it holds.
        let queries = if dialect == Dialect::Echo { 1 } else { pipeline as u64 };
        Self { dialect, queries, bytes }
    }
}

/// What came of a load.
pub struct Measured {
    pub queries: u64,
    pub time: Duration,
    /// Of each request, in nanoseconds.
    pub latency: Histogram<u64>,
}

impl Measured {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, 60_000_000_000, 3);
        Self { queries: 0, time: Duration::ZERO, latency: latency.expect("sound bounds") }
    }

    /// Queries in a second.
    pub fn rate(&self) -> f64 {
        self.queries as f64 / self.time.as_secs_f64()
    }

    /// The latency that this part of the requests kept to, in microseconds.
    pub fn micros(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// Connections to one server, kept from measurement to measurement.
pub struct Crowd {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
}

/// What is read from a socket at once.
const SCRATCH_BYTES: usize = 128 * 1024;

impl Crowd {
    /// Opens so many connections, spread over the ports.
    pub fn connect(dialect: Dialect, ports: &[SocketAddr], count: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(count);
        for (number, port) in ports.iter().cycle().take(count).enumerate() {
            let stream = dialect.connect(*port).with_context(|| format!("connection {number}"))?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest)?;
            connections.push(Connection::new(stream));
        }
        let events = Events::with_capacity(1024);
        Ok(Self { poll, events, connections, scratch: vec![0; SCRATCH_BYTES] })
    }

    /// Keeps a request under way on every connection for so long.
    pub fn run(&mut self, requests: &Requests, time: Duration) -> Result<Measured> {
        let begun = Instant::now();
        self.drive(requests, || begun.elapsed() < time)
    }

    /// Sends every request once.
    pub fn send_all(&mut self, requests: &Requests) -> Result<Measured> {
        let mut left = requests.bytes.len();
        self.drive(requests, || {
            let goes_on = left > 0;
            left = left.saturating_sub(1);
            goes_on
        })
    }

    /// Sends one request a `period` on every connection, spread evenly, for so long. Latency counts
    /// from when a request was due, so that one that leaves late does not look fast.
    pub fn run_paced(
        &mut self,
        requests: &Requests,
        period: Duration,
        time: Duration,
    ) -> Result<Measured> {
        let mut measured = Measured::new();
        let begun = Instant::now();
        let count = u32::try_from(self.connections.len())?;
        let mut sent = 0_u32;
        loop {
            let now = begun.elapsed();
            let due = period * (sent / count) + period * (sent % count) / count;
            if due <= now && now < time {
                let connection = &mut self.connections[(sent % count) as usize];
                connection.begin(requests, sent as usize, begun + due)?;
                sent += 1;
                continue;
            }
            if now >= time && measured.queries == u64::from(sent) * requests.queries {
                break;
            }
            ensure!(now < time + PATIENCE, "requests are not answered");
            let wait = if now < time { due - now } else { PATIENCE };
            self.poll.poll(&mut self.events, Some(wait))?;
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                connection.turn(requests, &mut self.scratch, &mut measured)?;
            }
        }
        measured.time = begun.elapsed();
        Ok(measured)
    }

    /// Keeps a request under way on every connection for as long as `more` says so.
    fn drive(&mut self, requests: &Requests, mut more: impl FnMut() -> bool) -> Result<Measured> {
        let mut measured = Measured::new();
        let begun = Instant::now();
        let (mut next, mut under_way) = (0, 0);
        for connection in &mut self.connections {
            if more() {
                connection.begin(requests, next, Instant::now())?;
                next += 1;
                under_way += 1;
            }
        }
        while under_way > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            ensure!(!self.events.is_empty(), "the server does not answer");
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                let was_busy = connection.is_busy();
                connection.turn(requests, &mut self.scratch, &mut measured)?;
                if was_busy && !connection.is_busy() {
                    under_way -= 1;
                    if more() {
                        connection.begin(requests, next, Instant::now())?;
                        next += 1;
                        under_way += 1;
                    }
                }
            }
        }
        measured.time = begun.elapsed();
        Ok(measured)
    }
}

/// A server that has not answered for so long will not answer.
const PATIENCE: Duration = Duration::from_secs(30);

struct Connection {
    stream: TcpStream,
    /// The requests that are still to be written, the first of them from this byte on.
    outgoing: VecDeque<usize>,
    written: usize,
    /// When each request that is not yet answered was sent, or should have been.
    due: VecDeque<Instant>,
    /// The answers to the oldest of them so far.
    answers: u64,
    /// The beginning of an answer whose end has not come yet.
    partial: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        let (outgoing, due) = (VecDeque::new(), VecDeque::new());
        Self { stream, outgoing, written: 0, due, answers: 0, partial: Vec::new() }
    }

    fn is_busy(&self) -> bool {
        !self.due.is_empty()
    }

    fn begin(&mut self, requests: &Requests, number: usize, due: Instant) -> io::Result<()> {
        self.outgoing.push_back(number % requests.bytes.len());
        self.due.push_back(due);
        self.write(requests)
    }

    /// Writes and reads what the socket takes and has.
    fn turn(
        &mut self,
        requests: &Requests,
        scratch: &mut [u8],
        measured: &mut Measured,
    ) -> io::Result<()> {
        self.write(requests)?;
        loop {
            let length = match self.stream.read(scratch) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.take(requests, &scratch[..length], measured)?;
            // With less than there was room for, the socket is empty and will say when it is not.
            if length < scratch.len() {
                return Ok(());
            }
        }
    }

    fn write(&mut self, requests: &Requests) -> io::Result<()> {
        while let Some(&number) = self.outgoing.front() {
            let request = &requests.bytes[number];
            match self.stream.write(&request[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.written == request.len() {
                self.outgoing.pop_front();
                self.written = 0;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        requests: &Requests,
        bytes: &[u8],
        measured: &mut Measured,
    ) -> io::Result<()> {
        if self.partial.is_empty() {
            let taken = self.count(requests, bytes, measured)?;
            self.partial.extend_from_slice(&bytes[taken..]);
        } else {
            let mut whole = mem::take(&mut self.partial);
            whole.extend_from_slice(bytes);
            let taken = self.count(requests, &whole, measured)?;
            whole.drain(..taken);
            self.partial = whole;
        }
        Ok(())
    }

    /// Counts the complete answers and returns their length.
    fn count(
        &mut self,
        requests: &Requests,
        bytes: &[u8],
        measured: &mut Measured,
    ) -> io::Result<usize> {
        let mut taken = 0;
        while let Some((length, answers)) = requests.dialect.answers(&bytes[taken..])? {
            taken += length;
            self.answers += answers;
            measured.queries += answers;
            while self.answers >= requests.queries
                && let Some(due) = self.due.pop_front()
            {
                self.answers -= requests.queries;
                let nanos = u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX);
                measured.latency.saturating_record(nanos);
            }
        }
        Ok(taken)
    }
}
