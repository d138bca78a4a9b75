//! kameo.

use std::{
    thread,
    time::{Duration, Instant},
};

use kameo::{
    Actor,
    actor::{ActorRef, Spawn},
    error::Infallible,
    mailbox,
    message::{Context, Message},
};

use super::{ASKS, TELLS, runtime};

struct Counter(u64);

impl Actor for Counter {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(state: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(state)
    }
}

struct Add(u64);
struct Get;

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, Add(number): Add, _: &mut Context<Self, ()>) {
        self.0 += number;
    }
}

impl Message<Get> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Get, _: &mut Context<Self, u64>) -> u64 {
        self.0
    }
}

fn counter() -> ActorRef<Counter> {
    Counter::spawn_with_mailbox(Counter(0), mailbox::unbounded())
}

/// See [`crate::ours::tells`].
pub fn tells() -> (u64, Duration) {
    runtime().block_on(async {
        let counter = counter();
        let started = Instant::now();
        let (done, all_told) = tokio::sync::oneshot::channel();
        let to = counter.clone();
        let thread = thread::spawn(move || {
            for _ in 0..TELLS {
                to.tell(Add(1)).try_send().expect("the counter is there");
            }
            let _ = done.send(());
        });
        let _ = all_told.await;
        assert_eq!(counter.ask(Get).await.expect("an answer"), TELLS);
        let time = started.elapsed();
        thread.join().expect("the teller ended");
        (TELLS, time)
    })
}

/// See [`crate::ours::asks`].
pub fn asks() -> (u64, Duration) {
    runtime().block_on(async {
        let counter = counter();
        let time = tokio::spawn(async move {
            let started = Instant::now();
            for _ in 0..ASKS {
                assert_eq!(counter.ask(Get).await.expect("an answer"), 0);
            }
            started.elapsed()
        });
        (ASKS, time.await.expect("the asker ended"))
    })
}
