//! actix.

use std::{
    thread,
    time::{Duration, Instant},
};

use ::actix::{self, Actor, Context, Handler, Message};

use super::{ASKS, TELLS};

struct Counter(u64);

impl Actor for Counter {
    type Context = Context<Self>;
}

struct Add(u64);
struct Get;

impl Message for Add {
    type Result = ();
}

impl Message for Get {
    type Result = u64;
}

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, Add(number): Add, _: &mut Context<Self>) {
        self.0 += number;
    }
}

impl Handler<Get> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Get, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

/// See [`crate::ours::tells`].
pub fn tells() -> (u64, Duration) {
    actix::System::new().block_on(async {
        let counter = Counter(0).start();
        let started = Instant::now();
        let (done, all_told) = tokio::sync::oneshot::channel();
        let to = counter.clone();
        let thread = thread::spawn(move || {
            for _ in 0..TELLS {
                to.do_send(Add(1));
            }
            let _ = done.send(());
        });
        let _ = all_told.await;
        assert_eq!(counter.send(Get).await.expect("an answer"), TELLS);
        let time = started.elapsed();
        thread.join().expect("the teller ended");
        (TELLS, time)
    })
}

/// See [`crate::ours::asks`].
pub fn asks() -> (u64, Duration) {
    actix::System::new().block_on(async {
        let counter = Counter(0).start();
        let time = actix::spawn(async move {
            let started = Instant::now();
            for _ in 0..ASKS {
                assert_eq!(counter.send(Get).await.expect("an answer"), 0);
            }
            started.elapsed()
        });
        (ASKS, time.await.expect("the asker ended"))
    })
}
