//! A bare tokio channel: what no actor system on it can pass.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{TELLS, runtime};

/// Numbers through an unbounded channel, taken many at a time.
pub fn tells() -> (u64, Duration) {
    runtime().block_on(async {
        let (sender, mut receiver) = mpsc::unbounded_channel::<u64>();
        let started = Instant::now();
        let thread = thread::spawn(move || {
            for _ in 0..TELLS {
                sender.send(1).expect("the receiver is there");
            }
        });
        let (mut total, mut batch) = (0, Vec::new());
        while receiver.recv_many(&mut batch, 1024).await > 0 {
            total += batch.drain(..).sum::<u64>();
        }
        assert_eq!(total, TELLS);
        let time = started.elapsed();
        thread.join().expect("the teller ended");
        (TELLS, time)
    })
}
