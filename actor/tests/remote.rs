//! Several systems on tokio, linked over real sockets: SPEC A3, A5, A6.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actor::{
    Actor, ActorRef, Context, ReplyRef, Report, SharedBytes, System, SystemConfig, WellKnown,
};
use serde::{Deserialize, Serialize};
use testproxy::Proxy;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

type Reports = Arc<Mutex<Vec<Report>>>;

async fn system() -> (System, Reports) {
    system_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
}

fn system_on(listener: TcpListener) -> (System, Reports) {
    let address = listener.local_addr().unwrap().to_string();
    system_at(&address, listener)
}

fn system_at(address: &str, listener: TcpListener) -> (System, Reports) {
    let reports = Reports::default();
    let kept = reports.clone();
    let config = SystemConfig::new(address)
        .on_error(move |report| kept.lock().unwrap().push(report.clone()));
    let system = System::start(config);
    system.serve(listener);
    (system, reports)
}

#[derive(Default)]
struct Log(Vec<u64>);

#[derive(Serialize, Deserialize)]
enum Line {
    Add(u64),
    Blob(SharedBytes),
    Flood { to: ActorRef<Line>, numbers: std::ops::Range<u64> },
    Read(ReplyRef<Vec<u64>>),
}

impl Actor for Log {
    type Message = Line;

    fn on_message(&mut self, line: Line, ctx: &mut Context<'_, Line>) {
        match line {
            Line::Add(number) => self.0.push(number),
            Line::Blob(bytes) => self.0.push(bytes.len() as u64),
            Line::Flood { to, numbers } => {
                numbers.for_each(|number| ctx.tell(&to, Line::Add(number)));
            }
            Line::Read(reply_to) => ctx.reply(reply_to, self.0.clone()),
        }
    }
}

/// Asks until the log is as long as it should be.
async fn read(system: &System, log: &ActorRef<Line>, length: usize) -> Vec<u64> {
    let all = async {
        loop {
            if let Ok(Some(lines)) =
                timeout(Duration::from_millis(500), system.ask(log, Line::Read)).await
                && lines.len() >= length
            {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), all).await.expect("everything arrives")
}

#[tokio::test]
async fn messages_and_answers_cross_one_link_in_order() {
    let ((here, here_reports), (there, there_reports)) = (system().await, system().await);
    let log = there.spawn(Log::default);
    for number in 0..50_000 {
        here.tell(&log, Line::Add(number));
    }
    here.tell(&log, Line::Blob(vec![7; 3 << 20].into()));
    let expected: Vec<u64> = (0..50_000).chain([3 << 20]).collect();
    assert_eq!(here.ask(&log, Line::Read).await.unwrap(), expected);
    assert!(there.stats().remote_bytes_received > 3 << 20);
    assert!(here.stats().remote_bytes_received > 50_000);
    here.tell(&log, Line::Blob(vec![0; actor::MAX_REMOTE_MESSAGE_BYTES].into()));
    assert!(matches!(here_reports.lock().unwrap()[..], [Report::Undeliverable { .. }]));
    assert!(there_reports.lock().unwrap().is_empty());
    tokio::join!(here.shutdown(), there.shutdown());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_dials_keep_order_both_ways() {
    for _ in 0..20 {
        let ((a, _), (b, _)) = (system().await, system().await);
        let (log_a, log_b) = (a.spawn(Log::default), b.spawn(Log::default));
        let (flooder_a, flooder_b) = (a.spawn(Log::default), b.spawn(Log::default));
        for start in [0, 1000, 2000] {
            a.tell(&flooder_a, Line::Flood { to: log_b.clone(), numbers: start..start + 1000 });
            b.tell(&flooder_b, Line::Flood { to: log_a.clone(), numbers: start..start + 1000 });
        }
        let expected: Vec<u64> = (0..3000).collect();
        assert_eq!(read(&a, &log_a, 3000).await, expected);
        assert_eq!(read(&b, &log_b, 3000).await, expected);
        tokio::join!(a.shutdown(), b.shutdown());
    }
}

/// Takes nothing from other systems but questions.
#[derive(Default)]
struct Private(Log);

impl Actor for Private {
    type Message = Line;

    fn takes_from_elsewhere(line: &Line) -> bool {
        matches!(line, Line::Read(_))
    }

    fn on_message(&mut self, line: Line, ctx: &mut Context<'_, Line>) {
        self.0.on_message(line, ctx);
    }
}

#[tokio::test]
async fn an_actor_takes_from_elsewhere_what_it_says() {
    let (here, _) = system().await;
    let (there, reports) = system().await;
    let private = there.spawn(Private::default);
    there.tell(&private, Line::Add(1));
    here.tell(&private, Line::Add(2));
    assert_eq!(read(&here, &private, 0).await, [1]);
    let reports = reports.lock().unwrap().clone();
    let refused = |report: &Report| {
        matches!(report, Report::Undeliverable { cause: actor::Cause::Refused, .. })
    };
    assert!(matches!(reports.as_slice(), [one] if refused(one)), "{reports:?}");
}

#[tokio::test]
async fn a_restarted_system_is_reached_at_its_well_known_actors_only() {
    let (here, _) = system().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (first, _) = system_on(listener);
    let known = first.spawn_well_known(WellKnown(1), Log::default);
    let ordinary = first.spawn(Log::default);
    here.tell(&known, Line::Add(1));
    here.tell(&ordinary, Line::Add(1));
    read(&here, &ordinary, 1).await;
    first.shutdown().await;

    let (second, reports) = system_on(TcpListener::bind(address).await.unwrap());
    let known_again = second.spawn_well_known(WellKnown(1), Log::default);
    let other = second.spawn(Log::default);
    assert_eq!(known, known_again);
    // What is sent before the end of the first life is noticed may be lost; after an answer nothing is.
    assert_eq!(read(&here, &known, 0).await, Vec::<u64>::new());
    here.tell(&ordinary, Line::Add(2));
    here.tell(&known, Line::Add(3));
    assert_eq!(read(&here, &known, 1).await, [3]);
    assert_eq!(read(&here, &other, 0).await, Vec::<u64>::new());
    let wrong_life = reports.lock().unwrap().iter().any(|report| {
        matches!(report, Report::Undeliverable { cause: actor::Cause::OtherIncarnation, .. })
    });
    assert!(wrong_life);
    tokio::join!(here.shutdown(), second.shutdown());
}

#[tokio::test]
async fn strangers_get_a_sentence_and_harm_nobody() {
    let (system, _) = system().await;
    let log = system.spawn(Log::default);
    let requests: [(&[u8], &str); 4] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 "),
        (b"\xff\xfe\x00garbage\r\n\r\n", "HTTP/1.1 400 "),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
            Sec-WebSocket-Protocol: cmud-actor.999\r\n\r\n",
            "this system speaks cmud-actor.1, the other end offers cmud-actor.999",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
            Sec-WebSocket-Protocol: cmud-actor.1\r\nactor-address: a:1\r\n\
            actor-incarnation: 00000000000000ff\r\n\r\n\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
            "HTTP/1.1 101 ", // and then a frame of 2^64 - 1 bytes
        ),
    ];
    for (request, expected) in requests {
        let mut stream = TcpStream::connect(system.address().as_str()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the connection is closed");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains(expected), "{answer}");
    }
    system.tell(&log, Line::Add(1));
    assert_eq!(read(&system, &log, 1).await, [1]);
    system.shutdown().await;
}

#[tokio::test]
async fn a_link_to_oneself_is_refused_with_a_report() {
    let (system, reports) = system().await;
    let log = system.spawn_well_known(WellKnown(1), Log::default);
    let port = system.address().as_str().rsplit_once(':').unwrap().1.to_owned();
    let alias: ActorRef<Line> = ActorRef::well_known(
        &serde_json::from_value(serde_json::json!(format!("localhost:{port}"))).unwrap(),
        WellKnown(1),
    );
    system.tell(&alias, Line::Add(1));
    let refused = async {
        loop {
            let said = |report: &Report| report.to_string().contains("does not link to itself");
            if reports.lock().unwrap().iter().any(said) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), refused).await.unwrap();
    assert_eq!(read(&system, &log, 0).await, Vec::<u64>::new());
    system.shutdown().await;
}

#[tokio::test]
async fn a_link_that_is_held_up_is_found_out_and_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let real = listener.local_addr().unwrap().to_string();
    let proxy = Proxy::start("127.0.0.1:0", real).await.unwrap();
    let (there, _) = system_at(&proxy.near().to_string(), listener);
    let (here, reports) = system().await;
    let log = there.spawn(Log::default);
    here.tell(&log, Line::Add(1));
    assert_eq!(read(&here, &log, 1).await, [1]);
    proxy.hang();
    let hung = Instant::now();
    here.tell(&log, Line::Add(2)); // on its way, and lost with the link
    let noticed = |report: &Report| matches!(report, Report::LinkFailed { .. });
    while !reports.lock().unwrap().iter().any(noticed) {
        assert!(hung.elapsed() < Duration::from_secs(15));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    here.tell(&log, Line::Add(3));
    proxy.heal();
    let seen = read(&here, &log, 2).await;
    assert!(seen == [1, 3] || seen == [1, 2, 3], "{seen:?}");
    tokio::join!(here.shutdown(), there.shutdown());
}

#[tokio::test]
async fn a_dead_peer_costs_bounded_memory() {
    let (here, reports) = system().await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = ActorRef::well_known(
        &serde_json::from_value(serde_json::json!(unused.to_string())).unwrap(),
        WellKnown(1),
    );
    let messages = 3 * actor::MAX_QUEUED_BYTES / (1 << 20);
    for _ in 0..messages {
        here.tell(&nobody, Line::Blob(vec![0; 1 << 20].into()));
    }
    let dropped: u64 = reports
        .lock()
        .unwrap()
        .iter()
        .map(|report| match report {
            Report::Lost { messages, .. } => *messages,
            Report::Suppressed { count } => *count,
            _ => 0,
        })
        .sum();
    let kept = messages as u64 - dropped;
    assert!(kept <= (actor::MAX_QUEUED_BYTES >> 20) as u64 + 100, "{kept} kept"); // some reports may be suppressed
    here.shutdown().await;
}
