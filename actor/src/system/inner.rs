//! What all handles and actors of one system share.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use rand::{TryRng, rngs::SysRng};
use tokio::{runtime::Handle, sync::watch, time::Instant};

use super::{last_port, registry::Registry, run};
use crate::{
    Address, Message, Reply, ReplyRef, Stats,
    context::Now,
    link::{Identity, Links},
    load::{EncodedLoad, Load, Port},
    mailbox::Mailbox,
    refs::{ActorId, Incarnation, RawRef},
    reply,
    report::{Cause, OnError, Report},
    stats::Counters,
};

pub(crate) struct Inner {
    pub(crate) address: Address,
    pub(crate) incarnation: Incarnation,
    pub(crate) registry: Registry,
    pub(crate) links: Links,
    pub(super) handle: Handle,
    round_trip: bool,
    on_error: OnError,
    report_budget: Mutex<ReportBudget>,
    started: Instant,
    /// Messages from outside that reached no local mailbox; the mailboxes count the others.
    external_elsewhere: AtomicU64,
    /// Timers set from outside, on their way to the one task that keeps them.
    outside_timers: Arc<Mailbox<run::OutsideTimer>>,
    closed: AtomicBool,
    /// The number of running actors and services; each place that waits for the end watches it.
    live: watch::Sender<usize>,
    /// Set to true at the shutdown: threads wait for it before they drop their runtime.
    pub(super) ending: watch::Sender<bool>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// Reports are for people: within one second no more than this many are handed on one by one.
const MAX_REPORTS_PER_SECOND: u64 = 100;

#[derive(Default)]
struct ReportBudget {
    second: u64,
    spent: u64,
    suppressed: u64,
}

impl Inner {
    pub(super) fn start(address: Address, on_error: OnError, round_trip: bool) -> Arc<Inner> {
        let outside_timers = Arc::new(Mailbox::new());
        let incarnation = Incarnation::from_random(system_random());
        let inner = Arc::new(Inner {
            links: Links::new(Identity { address: address.clone(), incarnation }),
            address,
            incarnation,
            registry: Registry::new(),
            handle: Handle::current(),
            round_trip,
            on_error,
            report_budget: Mutex::default(),
            started: Instant::now(),
            external_elsewhere: AtomicU64::new(0),
            outside_timers: outside_timers.clone(),
            closed: AtomicBool::new(false),
            live: watch::Sender::new(0),
            ending: watch::Sender::new(false),
            threads: Mutex::default(),
        });
        inner.spawn_service(run::keep_outside_timers(inner.clone(), outside_timers));
        inner
    }

    /// Runs a task that ends with the system at the latest.
    pub(crate) fn spawn_service(
        self: &Arc<Self>,
        service: impl Future<Output = ()> + Send + 'static,
    ) {
        let (mut ending, alive) = (self.ending.subscribe(), self.alive());
        self.handle.spawn(async move {
            tokio::select! {
                () = service => {}
                _ = ending.wait_for(|ending| *ending) => {}
            }
            drop(alive);
        });
    }

    /// Lists an actor's port; false if the id is taken. After the shutdown the port is closed at once.
    pub(super) fn list(&self, id: ActorId, port: Arc<dyn Port>, counters: Arc<Counters>) -> bool {
        let listed = self.registry.list(id, port, counters);
        if listed && self.closed.load(SeqCst) {
            self.registry.retire(id);
        }
        listed
    }

    /// Routes one message.
    pub(crate) fn send(self: &Arc<Self>, to: &RawRef, load: &mut dyn Load) {
        if let Err(cause) = self.try_send(to, load) {
            if load.is_external() {
                self.external_elsewhere.fetch_add(1, Relaxed);
            }
            self.undeliverable(to, load.message_type(), cause);
        }
    }

    fn try_send(self: &Arc<Self>, to: &RawRef, load: &mut dyn Load) -> Result<(), Cause> {
        if !to.address.is(&self.address) {
            if self.closed.load(SeqCst) {
                return Err(Cause::Closed);
            }
            self.links.send(self, to, &load.encode()?)?;
            if load.is_external() {
                self.external_elsewhere.fetch_add(1, Relaxed);
            }
            Ok(())
        } else if self.round_trip {
            let (encoded, external) = (load.encode()?, load.is_external());
            self.deliver(to.id, to.incarnation, &mut EncodedLoad { bytes: &encoded, external })
        } else {
            self.deliver(to.id, to.incarnation, load)
        }
    }

    /// Takes a message that came over a link.
    pub(crate) fn receive(&self, id: ActorId, incarnation: Incarnation, bytes: &[u8]) {
        let mut load = EncodedLoad { bytes, external: false };
        // Decoding may run code of the program's own, and its panic must not end the link.
        let delivered = catch_unwind(AssertUnwindSafe(|| self.deliver(id, incarnation, &mut load)));
        if let Err(cause) = delivered.unwrap_or(Err(Cause::Codec)) {
            let to = RawRef { address: self.address.clone(), incarnation, id };
            self.undeliverable(&to, load.message_type(), cause);
        }
    }

    fn deliver(
        &self,
        id: ActorId,
        incarnation: Incarnation,
        load: &mut dyn Load,
    ) -> Result<(), Cause> {
        let any_life = id.is_well_known() && incarnation == Incarnation::ANY;
        if !any_life && incarnation != self.incarnation {
            return Err(Cause::OtherIncarnation);
        }
        if id.is_reply() {
            load.answer(&self.registry.replies, id)
        } else {
            last_port::deliver(self, id, load)
        }
    }

    #[cold]
    fn undeliverable(&self, to: &RawRef, message_type: &'static str, cause: Cause) {
        let cause = if self.closed.load(SeqCst) { Cause::Closed } else { cause };
        self.report(&Report::Undeliverable { to: to.uid(), message_type, cause });
    }

    pub(super) fn send_later(&self, delay: Duration, to: &RawRef, load: Box<dyn Load>) {
        let timer = run::OutsideTimer { due: run::due_after(delay), to: to.clone(), load };
        if let Err(timer) = self.outside_timers.push(timer, true) {
            self.undeliverable(to, timer.load.message_type(), Cause::Closed);
        }
    }

    pub(super) fn open_reply<R: Message>(&self, of: Option<ActorId>) -> (ReplyRef<R>, Reply<R>) {
        reply::open(&self.registry.replies, &self.address, self.incarnation, of)
    }

    /// Hands a report on, unless there are too many. A panic is always worth telling.
    pub(crate) fn report(&self, report: &Report) {
        let suppressed = if matches!(report, Report::Panicked { .. }) {
            Some(0)
        } else {
            self.report_budget.lock().spend(self.started.elapsed().as_secs())
        };
        // A handler that panics must not take the thread with it that had something to report.
        let hand_on =
            |report: &Report| drop(catch_unwind(AssertUnwindSafe(|| (self.on_error)(report))));
        if let Some(suppressed) = suppressed {
            if suppressed > 0 {
                hand_on(&Report::Suppressed { count: suppressed });
            }
            hand_on(report);
        }
    }

    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { wall_millis: wall.as_millis() as u64, elapsed: self.started.elapsed() }
    }

    pub(super) fn stats(&self) -> Stats {
        let counted = self.registry.stats();
        Stats {
            messages_sent_external: counted.messages_sent_external
                + self.external_elsewhere.load(Relaxed),
            remote_bytes_received: self.links.bytes_received(),
            reply_refs_used: self.registry.replies.opened(),
            ..counted
        }
    }

    /// Counts something as running until the guard is dropped.
    pub(super) fn alive(self: &Arc<Self>) -> Alive {
        self.live.send_modify(|live| *live += 1);
        Alive(self.clone())
    }

    /// Takes on a thread to join at the end.
    pub(super) fn adopt(&self, thread: thread::JoinHandle<()>) {
        self.threads.lock().push(thread);
    }

    pub(super) async fn shutdown(&self) {
        self.closed.store(true, SeqCst);
        self.registry.close();
        self.outside_timers.close();
        self.ending.send_replace(true);
        // An error would mean that the sender is gone, and it is a field of `self`.
        let _ = self.live.subscribe().wait_for(|live| *live == 0).await;
        self.links.close();
        let threads = std::mem::take(&mut *self.threads.lock());
        let joined = self.handle.spawn_blocking(|| {
            for thread in threads {
                let _ = thread.join(); // a panic there was printed by its hook, and the rest must end too
            }
        });
        let _ = joined.await;
    }
}

/// Something is running as long as this is kept.
pub(super) struct Alive(Arc<Inner>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.live.send_modify(|live| *live -= 1);
    }
}

impl ReportBudget {
    /// Whether a report may go out in this second, and how many were suppressed before it.
    fn spend(&mut self, second: u64) -> Option<u64> {
        if self.second != second {
            (self.second, self.spent) = (second, 0);
        }
        if self.spent >= MAX_REPORTS_PER_SECOND {
            self.suppressed += 1;
            return None;
        }
        self.spent += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

/// A random number from the operating system.
pub(crate) fn system_random() -> u64 {
    SysRng.try_next_u64().expect("an operating system without randomness cannot run this safely")
}
