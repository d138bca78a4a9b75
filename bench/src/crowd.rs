//! What an idle actor costs, and whether a hundred thousand of them answer.

use std::{fs, time::Instant};

use actor::{Actor, Context, ReplyRef, System, SystemConfig};

use crate::peers::runtime;

const ACTORS: usize = 100_000;

#[derive(Default)]
struct Idle(u64);

impl Actor for Idle {
    type Message = ReplyRef<u64>;

    fn on_message(&mut self, reply_to: ReplyRef<u64>, ctx: &mut Context<'_, Self::Message>) {
        self.0 += 1;
        ctx.reply(reply_to, self.0);
    }
}

/// Starts them, asks each, and prints memory and time.
pub fn print() {
    runtime().block_on(async {
        let system = System::start(SystemConfig::new("127.0.0.1:1"));
        let (before, started) = (resident_bytes(), Instant::now());
        let actors: Vec<_> = (0..ACTORS).map(|_| system.spawn(Idle::default)).collect();
        tokio::task::yield_now().await;
        let fresh = resident_bytes() - before;
        let answers: Vec<_> = actors.iter().map(|actor| system.ask(actor, |to| to)).collect();
        for answer in answers {
            assert_eq!(answer.await, Some(1));
        }
        let used = resident_bytes() - before;
        println!(
            "\n{ACTORS} actors, started and asked in {:.2} s",
            started.elapsed().as_secs_f64()
        );
        println!("  {:>7} bytes each, its ref included, before its first message", fresh / ACTORS);
        println!("  {:>7} bytes each, idle again after an answer", used / ACTORS);
        system.shutdown().await;
    });
}

fn resident_bytes() -> usize {
    const PAGE: usize = 4096;
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0) * PAGE
}
