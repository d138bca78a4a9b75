//! The outbox for one remote system, and the task that empties it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{MAX_QUEUED_AGE, MAX_QUEUED_BYTES, connection::Connection, dial::dial, frame};
use crate::{
    Address,
    refs::RawRef,
    report::Report,
    system::{Inner, system_random},
};

/// A frame that has grown to this length is full: long enough to spread the cost of a write over many
/// messages, short enough to be on its way soon.
const FULL_FRAME_BYTES: usize = 64 << 10;

/// A remote system as this one sees it.
pub(super) struct Peer {
    address: Address,
    outbox: Mutex<Outbox>,
    /// The newest connection with it, dialled or accepted.
    link: Mutex<Option<Arc<Connection>>>,
    /// There is something to send, or a link to send it on.
    news: Notify,
}

#[derive(Default)]
struct Outbox {
    frames: VecDeque<Queued>,
    bytes: usize,
    /// A task empties the outbox. It ends when there is neither a link nor anything to send.
    attended: bool,
    /// The task waits for news.
    asleep: bool,
}

struct Queued {
    frame: Vec<u8>,
    messages: u64,
    since: Instant,
}

impl Peer {
    pub(super) fn new(address: &Address) -> Arc<Self> {
        Arc::new(Peer {
            address: address.clone(),
            outbox: Mutex::default(),
            link: Mutex::default(),
            news: Notify::new(),
        })
    }

    /// Appends a message and sees to it that someone sends it. Gives how many old messages had to go.
    pub(super) fn push(self: &Arc<Self>, inner: &Arc<Inner>, to: &RawRef, payload: &[u8]) -> u64 {
        let mut outbox = self.outbox.lock();
        let lost = outbox.push(to, payload);
        let wake = std::mem::take(&mut outbox.asleep);
        let attend = !std::mem::replace(&mut outbox.attended, true);
        drop(outbox);
        if attend {
            inner.spawn_service(run(inner.clone(), self.clone()));
        } else if wake {
            self.news.notify_one();
        }
        lost
    }

    /// Offers a new connection for sending. A direction that has begun on another one stays there.
    pub(super) fn offer(&self, connection: &Arc<Connection>) {
        let mut link = self.link.lock();
        if link.as_ref().is_none_or(|link| link.is_dead()) {
            *link = Some(connection.clone());
            drop(link);
            self.news.notify_one();
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let outbox = self.outbox.lock();
        !outbox.attended && outbox.frames.is_empty() && self.live_link().is_none()
    }

    fn live_link(&self) -> Option<Arc<Connection>> {
        self.link.lock().take_if(|link| link.is_dead());
        self.link.lock().clone()
    }

    /// Sends on one connection until it is dead.
    async fn send_on(&self, connection: &Connection, stream: u64) {
        loop {
            let news = self.news.notified();
            let mut queued = {
                let mut outbox = self.outbox.lock();
                outbox.asleep = outbox.frames.is_empty();
                outbox.bytes = 0;
                std::mem::take(&mut outbox.frames)
            };
            if queued.is_empty() {
                tokio::select! {
                    () = news => continue,
                    () = connection.died() => return,
                }
            }
            let frames = std::iter::from_fn(|| {
                let Queued { mut frame, .. } = queued.pop_front()?;
                frame::set_stream(&mut frame, stream);
                Some(frame)
            });
            let sent = tokio::select! {
                sent = connection.send(frames) => sent.is_ok(),
                () = connection.died() => false,
            };
            if !sent {
                connection.kill();
                self.outbox.lock().put_back(queued); // never handed to a socket, so not lost yet
                return;
            }
        }
    }
}

impl Outbox {
    /// Appends a message; gives how many old ones had to go for it.
    fn push(&mut self, to: &RawRef, payload: &[u8]) -> u64 {
        let room = self
            .frames
            .back_mut()
            .filter(|last| last.frame.len() + payload.len() <= FULL_FRAME_BYTES);
        let last = match room {
            Some(last) => last,
            None => self.frames.push_back_mut(Queued {
                frame: frame::empty(payload.len() + 64),
                messages: 0,
                since: Instant::now(),
            }),
        };
        let before = if last.messages == 0 { 0 } else { last.frame.len() };
        frame::push(&mut last.frame, to, payload);
        last.messages += 1;
        self.bytes += last.frame.len() - before;
        let mut lost = 0;
        while self.bytes > MAX_QUEUED_BYTES {
            lost += self.drop_oldest();
        }
        lost
    }

    fn drop_oldest(&mut self) -> u64 {
        self.frames.pop_front().map_or(0, |queued| {
            self.bytes -= queued.frame.len();
            queued.messages
        })
    }

    fn drop_older_than(&mut self, age: Duration) -> u64 {
        let mut lost = 0;
        while self.frames.front().is_some_and(|queued| queued.since.elapsed() > age) {
            lost += self.drop_oldest();
        }
        lost
    }

    /// Ends the task's attendance if there is nothing to send.
    fn leave_if_empty(&mut self) -> bool {
        self.attended = !self.frames.is_empty();
        !self.attended
    }

    fn put_back(&mut self, queued: VecDeque<Queued>) {
        for queued in queued.into_iter().rev() {
            self.bytes += queued.frame.len();
            self.frames.push_front(queued);
        }
    }
}

/// Empties the outbox as long as there is a link or something to send.
async fn run(inner: Arc<Inner>, peer: Arc<Peer>) {
    let mut pause = Pause::default();
    loop {
        let news = peer.news.notified();
        let connection = match peer.live_link() {
            Some(connection) => Ok(connection),
            None if peer.outbox.lock().leave_if_empty() => break,
            None => dial(&inner, &peer.address).await,
        };
        let failed = match connection {
            Ok(connection) => {
                peer.send_on(&connection, inner.links.next_stream()).await;
                // Without a pause, a peer that accepts and hangs up would be dialled all the time.
                connection.age() < Pause::RESET_AFTER
            }
            Err(error) => {
                if pause.is_worth_a_report() {
                    let peer = peer.address.to_string();
                    inner.report(&Report::LinkFailed { peer, cause: error.to_string() });
                }
                true
            }
        };
        if !failed {
            pause = Pause::default();
            continue;
        }
        let lost = peer.outbox.lock().drop_older_than(MAX_QUEUED_AGE);
        if lost > 0 {
            inner.report(&Report::Lost {
                peer: peer.address.to_string(),
                messages: lost,
                cause: "the other system could not be reached",
            });
        }
        tokio::select! {
            () = sleep(pause.next()) => {}
            () = news => {} // a link that the other side has opened, perhaps
        }
    }
    inner.links.forget_idle(&peer.address);
}

/// The wait between two attempts: growing, and never quite the same, so that many do not come at once.
#[derive(Default)]
struct Pause {
    attempts: u32,
}

impl Pause {
    const FIRST: Duration = Duration::from_millis(30);
    /// While an outage is young it is most likely a restart, which should be seen soon.
    const LONGEST_AT_FIRST: Duration = Duration::from_millis(250);
    const YOUNG: u32 = 100;
    /// With its jitter and a handshake over a slow network still well under 2 s.
    const LONGEST: Duration = Duration::from_millis(750);
    /// A link that lived this long was a good one.
    const RESET_AFTER: Duration = Duration::from_secs(2);

    fn next(&mut self) -> Duration {
        let longest =
            if self.attempts < Pause::YOUNG { Pause::LONGEST_AT_FIRST } else { Pause::LONGEST };
        let pause = Pause::FIRST.saturating_mul(1 << self.attempts.min(10)).min(longest);
        self.attempts = self.attempts.saturating_add(1);
        pause.mul_f64(0.75 + (system_random() % 1024) as f64 / 2048.0)
    }

    /// The first failure, and then fewer and fewer.
    fn is_worth_a_report(&self) -> bool {
        self.attempts == 0 || self.attempts.is_multiple_of(100)
    }
}
