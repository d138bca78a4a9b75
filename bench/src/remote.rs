//! Tells between two systems over a link on the loopback interface.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use actor::{Actor, ActorRef, Context, ReplyRef, SharedBytes, System, SystemConfig};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::peers::runtime;

/// Messages in one measurement.
const MESSAGES: u64 = 2_000_000;
/// So many are told before an answer is awaited: the queue of a link is bounded, and a sender that
/// never listens would fill it.
const WINDOW: u64 = 50_000;
/// The length of a message's payload, and with its number the 100 bytes of the target.
const PAYLOAD_BYTES: usize = 94;

#[derive(Default)]
struct Receiver {
    next: u64,
}

#[derive(Serialize, Deserialize)]
enum Parcel {
    Numbered(u64, SharedBytes),
    Count(ReplyRef<u64>),
}

impl Actor for Receiver {
    type Message = Parcel;

    fn on_message(&mut self, parcel: Parcel, ctx: &mut Context<'_, Parcel>) {
        match parcel {
            Parcel::Numbered(number, _) => {
                assert_eq!(number, self.next, "in order");
                self.next += 1;
            }
            Parcel::Count(reply_to) => ctx.reply(reply_to, self.next),
        }
    }
}

/// Measures throughput and CPU time and prints both.
pub fn print() {
    let (ready, address) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let receiver = thread::spawn(move || {
        runtime().block_on(async {
            let system = linked_system().await;
            let receiver = system.spawn(Receiver::default);
            ready.send(receiver).expect("the sender waits");
            let _ = stopped.await;
            system.shutdown().await;
        });
    });
    let to = address.recv().expect("the receiver is up");
    runtime().block_on(async {
        let system = linked_system().await;
        send(&system, &to, 0, WINDOW).await; // opens the link
        let (cpu, started) = (cpu_time(), Instant::now());
        send(&system, &to, WINDOW, MESSAGES).await;
        let (cpu, time) = (cpu_time() - cpu, started.elapsed());
        println!("\nremote tells of 100 bytes over loopback, one link, in order");
        println!("  {:>7.2} million/s", MESSAGES as f64 / time.as_secs_f64() / 1e6);
        println!(
            "  {:>7.2} µs of CPU for each, both sides together",
            cpu.as_secs_f64() * 1e6 / MESSAGES as f64
        );
        system.shutdown().await;
    });
    let _ = stop.send(());
    receiver.join().expect("the receiver ended");
}

async fn linked_system() -> System {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its number").to_string();
    let system = System::start(SystemConfig::new(&address));
    system.serve(listener);
    system
}

/// Keeps up to two windows on the way.
async fn send(system: &System, to: &ActorRef<Parcel>, first: u64, messages: u64) {
    let payload = SharedBytes::from(vec![7; PAYLOAD_BYTES]);
    let mut answer = None;
    for start in (first..first + messages).step_by(WINDOW as usize) {
        for number in start..start + WINDOW {
            system.tell(to, Parcel::Numbered(number, payload.clone()));
        }
        if let Some(answer) = answer.replace(system.ask(to, Parcel::Count)) {
            answer.await.expect("an answer");
        }
    }
    if let Some(answer) = answer {
        assert_eq!(answer.await, Some(first + messages));
    }
}

/// The CPU time of this process so far.
fn cpu_time() -> Duration {
    /// Linux counts in these, whatever its own clock.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = after_name.split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
    let ticks = fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0);
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
