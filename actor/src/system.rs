//! Actors on tokio: a system of them, its handle, and its end.

mod inner;
mod last_port;
mod placement;
mod registry;
mod run;
mod turn;

use std::{fmt, io, sync::Arc, time::Duration};

pub(crate) use inner::{Inner, system_random};
use tokio::{net::TcpListener, runtime::Handle};

use crate::{
    Actor, ActorRef, Address, Message, Reply, ReplyRef, Stats, WellKnown, link,
    load::Loaded,
    mailbox::Mailbox,
    refs::{ActorId, Incarnation, RawRef},
    report::{OnError, Report, log_report},
    stats::Counters,
};

/// How a system is started.
#[derive(Clone)]
pub struct SystemConfig {
    address: Address,
    on_error: OnError,
    round_trip: bool,
}

impl SystemConfig {
    /// A system that others reach at `address` (`HOST:PORT`). Reports become warnings in the log.
    pub fn new(address: &str) -> Self {
        let address = Address::new(address);
        SystemConfig { on_error: log_report(&address), address, round_trip: false }
    }

    /// Hands reports to `on_error`, which must be quick and runs on the thread that has the trouble.
    #[must_use]
    pub fn on_error(mut self, on_error: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(on_error);
        self
    }

    /// A test mode: local messages too are encoded and decoded, which proves that they can travel.
    #[must_use]
    pub fn round_trip(mut self, round_trip: bool) -> Self {
        self.round_trip = round_trip;
        self
    }
}

impl fmt::Debug for SystemConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemConfig").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A running actor system: a handle, whose clones are the same system.
///
/// Its actors run until [`shutdown`](System::shutdown), whether or not a handle is left.
#[derive(Clone)]
pub struct System {
    inner: Arc<Inner>,
}

impl System {
    /// Starts an empty system on the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(config: SystemConfig) -> System {
        System { inner: Inner::start(config.address, config.on_error, config.round_trip) }
    }

    /// The address under which others reach the system, as configured.
    pub fn address(&self) -> &Address {
        &self.inner.address
    }

    /// Accepts links from other systems on `listener`, which should be what [`address`](System::address)
    /// leads to. Without it the system can open links, and is answered on them.
    pub fn serve(&self, listener: TcpListener) {
        self.inner.spawn_service(link::serve(self.inner.clone(), listener));
    }

    /// Starts an actor on the runtime of the system.
    pub fn spawn<A: Actor>(&self, constructor: fn() -> A) -> ActorRef<A::Message> {
        let seat = self.seat::<A>(None);
        let me = seat.me.clone();
        placement::spawn_shared(&self.inner, seat, constructor);
        ActorRef::from_raw(me)
    }

    /// Starts the well-known actor `id`, whose ref survives a restart of the system. A second actor of
    /// the same id is reported and not started: the ref given names the first.
    pub fn spawn_well_known<A: Actor>(
        &self,
        id: WellKnown,
        constructor: fn() -> A,
    ) -> ActorRef<A::Message> {
        let seat = self.seat::<A>(Some(id));
        let me = seat.me.clone();
        placement::spawn_shared(&self.inner, seat, constructor);
        ActorRef::from_raw(me)
    }

    /// Starts an actor on an OS thread of its own, with a single-threaded tokio runtime that runs until
    /// the system is shut down. Whatever the caller spawns on the handle shares the thread: a listener
    /// there reaches its actor without crossing a core. It must not block. The tasks are dropped at the
    /// shutdown.
    ///
    /// # Errors
    ///
    /// When the operating system refuses the thread.
    pub fn spawn_on_thread<A: Actor>(
        &self,
        name: &str,
        id: Option<WellKnown>,
        constructor: fn() -> A,
    ) -> io::Result<(ActorRef<A::Message>, Handle)> {
        let seat = self.seat::<A>(id);
        let me = seat.me.clone();
        let handle = placement::spawn_on_thread(&self.inner, name, seat, constructor)?;
        Ok((ActorRef::from_raw(me), handle))
    }

    /// Sends a message from outside. It never blocks; a failure is reported, never returned.
    ///
    /// Messages from one thread to one actor arrive in the order of their sending.
    pub fn tell<M: Message>(&self, to: &ActorRef<M>, message: M) {
        self.inner.send(&to.raw, &mut Loaded::external(message));
    }

    /// Sends a message from outside after `delay`.
    pub fn tell_after<M: Message>(&self, delay: Duration, to: &ActorRef<M>, message: M) {
        self.inner.send_later(delay, &to.raw, Box::new(Loaded::external(message)));
    }

    /// Makes a one-shot reply address and the future of its answer.
    pub fn reply_ref<R: Message>(&self) -> (ReplyRef<R>, Reply<R>) {
        self.inner.open_reply(None)
    }

    /// Sends a question that carries a fresh reply address. Beyond [`reply_ref`](System::reply_ref) and
    /// [`tell`](System::tell), the future ends with `None` when a local actor panics over it.
    pub fn ask<M: Message, R: Message>(
        &self,
        to: &ActorRef<M>,
        question: impl FnOnce(ReplyRef<R>) -> M,
    ) -> Reply<R> {
        let asked = to.raw.address.is(&self.inner.address).then_some(to.raw.id);
        let (reply_to, reply) = self.inner.open_reply(asked);
        self.tell(to, question(reply_to));
        reply
    }

    /// The counters so far.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Stops every actor and frees everything; later messages are dropped. When it returns, all actors
    /// are gone and all threads joined. A handler that is running is let finish.
    pub async fn shutdown(&self) {
        self.inner.shutdown().await;
    }

    /// Everything of a new actor that is not its state.
    fn seat<A: Actor>(&self, id: Option<WellKnown>) -> placement::Seat<A::Message> {
        let inner = &self.inner;
        let (incarnation, id) = match id {
            Some(id) => (Incarnation::ANY, ActorId(id.0.into())),
            None => (inner.incarnation, inner.registry.new_actor_id()),
        };
        let me = RawRef { address: inner.address.clone(), incarnation, id };
        let (mailbox, counters) = (Arc::new(Mailbox::new()), Arc::new(Counters::default()));
        let listed = inner.list(id, mailbox.clone(), counters.clone());
        if !listed {
            mailbox.close();
            inner.report(&Report::DuplicateId { actor: std::any::type_name::<A>(), uid: me.uid() });
        }
        placement::Seat { me, mailbox, counters, listed }
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("address", &self.inner.address).finish_non_exhaustive()
    }
}
