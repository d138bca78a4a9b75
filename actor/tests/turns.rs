//! An actor that works and works, and the sockets on its thread that must be served meanwhile.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

use actor::{Actor, ActorRef, Context, ReplyRef, System, SystemConfig};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Handle,
};

/// How long one step of the work takes.
const STEP: Duration = Duration::from_micros(300);
/// What an echo may take at most, half of the time.
const SOON: Duration = Duration::from_millis(5);

#[derive(Default)]
struct Worker {
    steps: u64,
}

#[derive(Serialize, Deserialize)]
enum Work {
    /// Works for ever, step by step.
    ForEver,
    Step,
    Count(ReplyRef<u64>),
}

impl Actor for Worker {
    type Message = Work;

    fn on_message(&mut self, message: Work, ctx: &mut Context<'_, Work>) {
        match message {
            Work::Count(reply_to) => return ctx.reply(reply_to, self.steps),
            Work::ForEver => ctx.tell(&ctx.me(), Work::ForEver),
            Work::Step => {}
        }
        let started = Instant::now();
        while started.elapsed() < STEP {
            std::hint::spin_loop();
        }
        self.steps += 1;
    }
}

/// Echoes byte by byte.
async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
    }
}

/// A worker and an echo on one thread, and a connection to the echo.
fn worker_and_echo(system: &System) -> (ActorRef<Work>, TcpStream) {
    let (worker, thread): (_, Handle) =
        system.spawn_on_thread("worker", None, Worker::default).expect("a thread");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    listener.set_nonblocking(true).expect("tokio wants it so");
    thread.spawn(async move { echo(TcpListener::from_std(listener).expect("a socket")).await });
    let stream = TcpStream::connect(address).expect("a listener");
    stream.set_nodelay(true).expect("a socket");
    (worker, stream)
}

/// How long most echoes take: the median of many, since others use this machine too.
fn usual_echo(stream: &mut TcpStream) -> Duration {
    let mut times: Vec<_> = (0..41)
        .map(|_| {
            // Without a pause the echo would be found listening still, and be quick once it runs at all.
            sleep(Duration::from_millis(1));
            let (started, mut byte) = (Instant::now(), [7]);
            stream.write_all(&byte).expect("the echo listens");
            stream.read_exact(&mut byte).expect("the echo answers");
            started.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn sockets_are_served_between_the_steps_of_one_who_tells_itself_to_go_on() {
    let system = System::start(SystemConfig::new("127.0.0.1:1"));
    let (worker, mut stream) = worker_and_echo(&system);
    system.tell(&worker, Work::ForEver);
    let usual = tokio::task::spawn_blocking(move || usual_echo(&mut stream)).await.expect("a time");
    assert!(usual < SOON, "{usual:?}");
    let steps = system.ask(&worker, Work::Count).await.expect("an answer");
    assert!(steps > 10, "it worked meanwhile: {steps} steps");
    system.shutdown().await;
}

#[tokio::test]
async fn sockets_are_served_while_slow_messages_wait() {
    let system = System::start(SystemConfig::new("127.0.0.1:1"));
    let (worker, mut stream) = worker_and_echo(&system);
    let waiting = system.clone();
    let to = worker.clone();
    let usual = tokio::task::spawn_blocking(move || {
        for _ in 0..3_000 {
            waiting.tell(&to, Work::Step);
        }
        usual_echo(&mut stream)
    });
    let usual = usual.await.expect("a time");
    assert!(usual < SOON, "{usual:?}");
    system.shutdown().await;
}
