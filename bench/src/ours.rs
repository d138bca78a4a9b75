//! This project's actors.

use std::{
    thread,
    time::{Duration, Instant},
};

use actor::{Actor, ActorRef, Context, ReplyRef, System, SystemConfig};
use serde::{Deserialize, Serialize};

use crate::peers::{ASKS, TELLS, runtime};

#[derive(Default)]
struct Counter(u64);

#[derive(Serialize, Deserialize)]
enum Count {
    Add(u64),
    Get(ReplyRef<u64>),
}

impl Actor for Counter {
    type Message = Count;

    fn on_message(&mut self, message: Count, ctx: &mut Context<'_, Count>) {
        match message {
            Count::Add(number) => self.0 += number,
            Count::Get(reply_to) => ctx.reply(reply_to, self.0),
        }
    }
}

fn system() -> System {
    System::start(SystemConfig::new("127.0.0.1:1"))
}

/// Tells to an actor on the shared runtime.
pub fn tells() -> (u64, Duration) {
    runtime().block_on(async {
        let system = system();
        let counter = system.spawn(Counter::default);
        tell_all(system, counter).await
    })
}

/// Tells to an actor that has a thread of its own.
pub fn tells_on_thread() -> (u64, Duration) {
    runtime().block_on(async {
        let system = system();
        let (counter, _handle) =
            system.spawn_on_thread("counter", None, Counter::default).expect("a thread");
        tell_all(system, counter).await
    })
}

async fn tell_all(system: System, counter: ActorRef<Count>) -> (u64, Duration) {
    let started = Instant::now();
    let (done, all_told) = tokio::sync::oneshot::channel();
    let (teller, to) = (system.clone(), counter.clone());
    let thread = thread::spawn(move || {
        for _ in 0..TELLS {
            teller.tell(&to, Count::Add(1));
        }
        let _ = done.send(());
    });
    let _ = all_told.await;
    assert_eq!(system.ask(&counter, Count::Get).await, Some(TELLS));
    let time = started.elapsed();
    thread.join().expect("the teller ended");
    system.shutdown().await;
    (TELLS, time)
}

/// One ask after the other.
pub fn asks() -> (u64, Duration) {
    runtime().block_on(async {
        let system = system();
        let counter = system.spawn(Counter::default);
        let time = tokio::spawn(ask_all(system.clone(), counter));
        let time = time.await.expect("the asker ended");
        system.shutdown().await;
        (ASKS, time)
    })
}

/// One ask after the other by a task that shares the thread of the actor.
pub fn asks_on_thread() -> (u64, Duration) {
    runtime().block_on(async {
        let system = system();
        let (counter, thread) =
            system.spawn_on_thread("counter", None, Counter::default).expect("a thread");
        let time = thread.spawn(ask_all(system.clone(), counter));
        let time = time.await.expect("the asker ended");
        system.shutdown().await;
        (ASKS, time)
    })
}

async fn ask_all(system: System, counter: ActorRef<Count>) -> Duration {
    let started = Instant::now();
    for _ in 0..ASKS {
        assert_eq!(system.ask(&counter, Count::Get).await, Some(0));
    }
    started.elapsed()
}
