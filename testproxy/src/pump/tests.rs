//! One direction in virtual time.

use tokio::{
    io::{DuplexStream, duplex},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const LONG: Duration = Duration::from_secs(3600);

/// A direction between two ends that the test holds.
struct Line {
    conditions: watch::Sender<Conditions>,
    source: DuplexStream,
    sink: DuplexStream,
    pump: JoinHandle<io::Result<()>>,
    start: Instant,
}

impl Line {
    fn new(change: impl FnOnce(&mut Way)) -> Line {
        let conditions = watch::Sender::new(Conditions::default());
        let (source, near) = duplex(1 << 20);
        let (sink, far) = duplex(1 << 20);
        let pump = tokio::spawn(pump(near, far, conditions.subscribe(), |network| network.there));
        let line = Line { conditions, source, sink, pump, start: Instant::now() };
        line.change(change);
        line
    }

    fn change(&self, change: impl FnOnce(&mut Way)) {
        self.conditions.send_modify(|network| change(&mut network.there));
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.source.write_all(bytes).await.expect("the pump takes it");
        // The pump reads before time goes on.
        tokio::task::yield_now().await;
    }

    /// The next bytes, and the virtual milliseconds since the start at which they arrived.
    async fn receive(&mut self, count: usize) -> (Vec<u8>, u128) {
        let mut bytes = vec![0; count];
        timeout(LONG, self.sink.read_exact(&mut bytes)).await.expect("in time").expect("no end");
        (bytes, self.start.elapsed().as_millis())
    }

    async fn receives_nothing(&mut self) {
        let mut byte = [0];
        timeout(LONG, self.sink.read(&mut byte)).await.expect_err("nothing may come");
    }
}

fn check_about(actual: u128, expected: u128) {
    // Tokio's timers count whole milliseconds and round up.
    assert!((expected..=expected + 2).contains(&actual), "{actual} ms instead of {expected} ms");
}

#[tokio::test(start_paused = true)]
async fn many_bytes_are_under_way_at_once() {
    let mut line = Line::new(|way| way.delay = Duration::from_millis(200));
    for number in 0..5 {
        line.send(&[number]).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..5 {
        let (byte, at) = line.receive(1).await;
        assert_eq!(byte, [number]);
        check_about(at, 200 + 10 * u128::from(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shorter_delay_lets_nothing_overtake() {
    let mut line = Line::new(|way| way.delay = Duration::from_millis(300));
    line.send(b"slow").await;
    line.change(|way| way.delay = Duration::ZERO);
    line.send(b"fast").await;
    let (bytes, at) = line.receive(8).await;
    assert_eq!(bytes, b"slowfast");
    check_about(at, 300);
}

#[tokio::test(start_paused = true)]
async fn the_end_travels_behind_the_bytes() {
    let mut line = Line::new(|way| way.delay = Duration::from_millis(100));
    line.send(b"last words").await;
    line.source.shutdown().await.expect("a duplex shuts down");
    let mut bytes = Vec::new();
    line.sink.read_to_end(&mut bytes).await.expect("an end without an error");
    assert_eq!(bytes, b"last words");
    check_about(line.start.elapsed().as_millis(), 100);
    line.pump.await.expect("no panic").expect("a proper end");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_spreads_the_bytes_and_the_delay_adds_to_it() {
    let rate = NonZeroU32::new(10_000);
    let mut line = Line::new(|way| {
        (way.bytes_per_second, way.delay) = (rate, Duration::from_millis(200));
    });
    line.send(&[7; 5_000]).await;
    let (_, first) = line.receive(1).await;
    check_about(first, 220);
    let (_, half) = line.receive(2_499).await;
    assert!((450..=500).contains(&half), "{half} ms");
    let (_, all) = line.receive(2_500).await;
    assert!((700..=760).contains(&all), "{all} ms");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_waits_and_arrives_at_the_healing() {
    let mut line = Line::new(|way| way.delay = Duration::from_millis(10));
    line.send(b"under way, ").await;
    line.change(|way| way.passage = Passage::Held);
    line.send(b"not yet sent").await;
    line.receives_nothing().await;
    line.change(|way| way.passage = Passage::Open);
    let (bytes, _) = line.receive(23).await;
    assert_eq!(bytes, b"under way, not yet sent");
}

#[tokio::test(start_paused = true)]
async fn what_is_swallowed_is_gone_and_the_connection_ends_only_at_the_healing() {
    let mut line = Line::new(|way| way.passage = Passage::Swallowed);
    for _ in 0..100 {
        line.send(&[0; 1 << 20]).await;
    }
    line.source.shutdown().await.expect("a duplex shuts down");
    line.receives_nothing().await;
    assert!(!line.pump.is_finished());
    line.change(|way| way.passage = Passage::Open);
    assert_eq!(line.sink.read(&mut [0]).await.expect("an end"), 0);
    line.pump.await.expect("no panic").expect_err("a hole is an error");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lost_nothing_survives_the_healing() {
    let mut line = Line::new(|way| way.passage = Passage::Swallowed);
    tokio::time::sleep(LONG).await;
    line.change(|way| way.passage = Passage::Open);
    line.send(b"still here").await;
    assert_eq!(line.receive(10).await.0, b"still here");
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_bounded() {
    let mut line = Line::new(|way| way.delay = LONG);
    let mut sent = 0;
    let piece = [0; READ_BYTES];
    while let Ok(written) = timeout(Duration::from_secs(1), line.source.write(&piece)).await {
        sent += written.expect("the pump takes it");
        assert!(sent < 2 * MAX_UNDER_WAY, "no bound");
    }
    // Beyond the bound: one read, and the test's own pipe.
    assert!((MAX_UNDER_WAY..=MAX_UNDER_WAY + (2 << 20)).contains(&sent), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn small_pieces_are_bounded_by_what_they_cost() {
    let mut transit = Transit::default();
    let now = Instant::now();
    let mut pieces = 0;
    while transit.takes_more(now) {
        transit.take(b"x", now, Duration::ZERO, LONG);
        pieces += 1;
    }
    assert!(pieces < MAX_UNDER_WAY / 16, "{pieces}");
}
