//! The task behind one address: moves bytes and time between a session and its connection, and
//! decides nothing.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::status::Status;
use crate::connection::{Connection, Event};
use crate::platform::{Sleep, now, random_seed, sleep, yield_now};
use crate::session::{Phase, Reply, Request, Session};
use crate::{Address, Error, Link};

/// A query, and who waits for its answer.
pub(super) struct Ask {
    pub(super) limit: Duration,
    pub(super) request: Request,
    pub(super) reply: Asker,
}

type Asker = oneshot::Sender<Result<Reply, Error>>;

/// As many queries as are taken in at once before the socket gets its turn.
const MAX_ASKS: usize = 1024;

/// Runs until the client that holds the other end of `asks` is dropped.
pub(super) async fn run(address: Address, asks: mpsc::UnboundedReceiver<Ask>, status: Arc<Status>) {
    let session = Session::new(address.clone(), random_seed());
    let mut driver = Driver {
        address,
        session,
        asks,
        taken: Vec::new(),
        status,
        shown: Link::Idle,
        timer: None,
    };
    let Err(ClientGone) = driver.run().await;
}

struct Driver {
    address: Address,
    session: Session<Asker>,
    asks: mpsc::UnboundedReceiver<Ask>,
    taken: Vec<Ask>,
    status: Arc<Status>,
    shown: Link,
    timer: Option<(Duration, Sleep)>,
}

struct ClientGone;

impl Driver {
    async fn run(&mut self) -> Result<Infallible, ClientGone> {
        loop {
            match self.session.phase() {
                Phase::Idle | Phase::Resting => {
                    self.wait_for(pending::<Infallible>()).await?;
                }
                Phase::Dialing => {
                    if let Some(connection) = self.dial().await? {
                        self.serve(connection).await?;
                    }
                }
                Phase::Live => unreachable!("a session is live only while it is served"),
            }
        }
    }

    async fn dial(&mut self) -> Result<Option<Connection>, ClientGone> {
        let address = self.address.clone();
        let mut opening = pin!(Connection::open(&address));
        while self.session.phase() == Phase::Dialing {
            match self.wait_for(opening.as_mut()).await? {
                Some(Ok(connection)) => {
                    self.session.opened();
                    return Ok(Some(connection));
                }
                Some(Err(failure)) => self.session.failed(now(), failure),
                None => {}
            }
        }
        Ok(None)
    }

    async fn serve(&mut self, mut connection: Connection) -> Result<(), ClientGone> {
        while self.session.phase() == Phase::Live {
            while connection.has_room()
                && let Some(message) = self.session.next_message(now(), |asker| !asker.is_closed())
            {
                connection.feed(message);
            }
            match self.wait_for(connection.next()).await {
                Ok(Some(Ok(Event::Message(message)))) => self.session.received(now(), &message),
                Ok(Some(Ok(Event::Room)) | None) => {}
                Ok(Some(Err(failure))) => self.session.failed(now(), failure),
                Err(gone) => {
                    connection.close().await;
                    return Err(gone);
                }
            }
        }
        Ok(())
    }

    /// Hands out what the session has to say, then waits until `event` happens, queries come or
    /// time is up; returns the event if it was that.
    async fn wait_for<E>(
        &mut self,
        event: impl Future<Output = E>,
    ) -> Result<Option<E>, ClientGone> {
        self.hand_out();
        self.set_timer();
        let mut event = pin!(event);
        let (happened, asked) = poll_fn(|cx| {
            // All three are polled every time, so that none starves another.
            let happened = event.as_mut().poll(cx);
            let asked = self.asks.poll_recv_many(cx, &mut self.taken, MAX_ASKS);
            let rung = match &mut self.timer {
                Some((_, sleep)) => Pin::new(sleep).poll(cx),
                None => Poll::Pending,
            };
            if happened.is_pending() && asked.is_pending() && rung.is_pending() {
                return Poll::Pending;
            }
            if rung.is_ready() {
                self.timer = None;
            }
            Poll::Ready((happened, asked))
        })
        .await;
        match asked {
            Poll::Ready(0) => return Err(ClientGone),
            Poll::Ready(_) if self.session.is_busy() => self.take_more().await,
            _ => {}
        }
        let now = now();
        for Ask { limit, request, reply } in self.taken.drain(..) {
            self.session.ask(now, limit, request, reply);
        }
        self.session.tick(now);
        Ok(match happened {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        })
    }

    /// Where many ask, others are about to: they may travel along. Without this, every ask that
    /// comes from another thread would be a message of its own.
    async fn take_more(&mut self) {
        yield_now().await;
        poll_fn(|cx| {
            // That the client is gone is found out by the next call.
            let _ = self.asks.poll_recv_many(cx, &mut self.taken, MAX_ASKS);
            Poll::Ready(())
        })
        .await;
    }

    fn hand_out(&mut self) {
        for (asker, reply) in self.session.replies() {
            // Whoever has lost interest does not need it.
            let _ = asker.send(reply);
        }
        let link = self.session.link(now());
        if changed(&self.shown, &link) {
            self.shown = link.clone();
            self.status.set(&self.address, link);
        }
    }

    fn set_timer(&mut self) {
        let wake = self.session.next_wake();
        if self.timer.as_ref().map(|(at, _)| *at) != wake {
            self.timer = wake.map(|at| (at, sleep(at.saturating_sub(now()))));
        }
    }
}

/// Whether it is another state; a pause that has become shorter is not.
fn changed(before: &Link, after: &Link) -> bool {
    match (before, after) {
        (Link::Retrying { cause: before, .. }, Link::Retrying { cause: after, .. }) => {
            before != after
        }
        _ => before != after,
    }
}
