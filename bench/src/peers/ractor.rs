//! ractor.

use std::{
    thread,
    time::{Duration, Instant},
};

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, rpc::CallResult};

use super::{ASKS, TELLS, runtime};

struct Counter;

enum Count {
    Add(u64),
    Get(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Count;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Count>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Count>,
        message: Count,
        total: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Count::Add(number) => *total += number,
            Count::Get(port) => port.send(*total)?,
        }
        Ok(())
    }
}

async fn get(counter: &ActorRef<Count>) -> u64 {
    match counter.call(Count::Get, None).await {
        Ok(CallResult::Success(total)) => total,
        _ => panic!("no answer"),
    }
}

/// See [`crate::ours::tells`].
pub fn tells() -> (u64, Duration) {
    runtime().block_on(async {
        let (counter, _) = Actor::spawn(None, Counter, ()).await.expect("a counter");
        let started = Instant::now();
        let (done, all_told) = tokio::sync::oneshot::channel();
        let to = counter.clone();
        let thread = thread::spawn(move || {
            for _ in 0..TELLS {
                to.cast(Count::Add(1)).expect("the counter is there");
            }
            let _ = done.send(());
        });
        let _ = all_told.await;
        assert_eq!(get(&counter).await, TELLS);
        let time = started.elapsed();
        thread.join().expect("the teller ended");
        counter.stop(None);
        (TELLS, time)
    })
}

/// See [`crate::ours::asks`].
pub fn asks() -> (u64, Duration) {
    runtime().block_on(async {
        let (counter, _) = Actor::spawn(None, Counter, ()).await.expect("a counter");
        let time = tokio::spawn(async move {
            let started = Instant::now();
            for _ in 0..ASKS {
                assert_eq!(get(&counter).await, 0);
            }
            started.elapsed()
        });
        (ASKS, time.await.expect("the asker ended"))
    })
}
