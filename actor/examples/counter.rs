//! A counter that others add to and ask: `cargo run --example counter`.

use actor::{Actor, Context, ReplyRef, System, SystemConfig};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Count {
    Add(i64),
    Get(ReplyRef<i64>),
}

#[derive(Default)]
struct Counter {
    total: i64,
}

impl Actor for Counter {
    type Message = Count;

    fn on_message(&mut self, message: Count, ctx: &mut Context<'_, Count>) {
        match message {
            Count::Add(number) => self.total += number,
            Count::Get(reply_to) => ctx.reply(reply_to, self.total),
        }
    }
}

#[tokio::main]
async fn main() {
    let system = System::start(SystemConfig::new("127.0.0.1:6000"));
    let counter = system.spawn(Counter::default);
    println!("counter {}", counter.uid());

    for number in 1..=10 {
        system.tell(&counter, Count::Add(number));
    }
    match system.ask(&counter, Count::Get).await {
        Some(total) => println!("1 + 2 + … + 10 = {total}"),
        None => println!("the counter is gone"),
    }

    system.shutdown().await;
    println!("{:?}", system.stats());
}
