//! All that an actor can see of the world and do to it.

use std::{marker::PhantomData, time::Duration};

use crate::{
    ActorRef, Message, ReplyRef, WellKnown,
    cell::Core,
    load::{Load, Loaded},
    refs::RawRef,
    reply,
    report::Report,
};

/// A moment: the wall clock for stamps that others see, the elapsed time for measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970 by this machine's clock. It may jump, also backwards.
    pub wall_millis: u64,
    /// Time since the start of the system. It never goes backwards.
    pub elapsed: Duration,
}

/// What a runtime does for one actor. Everything that is not deterministic comes through it.
pub(crate) trait Runtime {
    fn now(&mut self) -> Now;
    fn random(&mut self) -> u64;
    fn send(&mut self, to: &RawRef, load: &mut dyn Load);
    fn send_later(&mut self, delay: Duration, to: &RawRef, load: Box<dyn Load>);
    fn report(&mut self, report: Report);
    /// The actor's state is gone: so are its timers to itself and the questions it had not answered.
    fn forget_state(&mut self);
}

/// A handler's access to its actor's name, to time and randomness, and to other actors.
///
/// It hides the runtime: the same handler runs on tokio and in the simulator.
pub struct Context<'a, M> {
    core: &'a mut Core,
    runtime: &'a mut dyn Runtime,
    message: PhantomData<fn(M)>,
}

impl<'a, M: Message> Context<'a, M> {
    pub(crate) fn new(core: &'a mut Core, runtime: &'a mut dyn Runtime) -> Self {
        Context { core, runtime, message: PhantomData }
    }

    /// The actor's own ref.
    pub fn me(&self) -> ActorRef<M> {
        ActorRef::from_raw(self.core.me.clone())
    }

    /// Names a well-known actor of the same system.
    pub fn well_known<N: Message>(&self, id: WellKnown) -> ActorRef<N> {
        ActorRef::well_known(&self.core.me.address, id)
    }

    /// The time. All calls within one handler give the same.
    pub fn now(&mut self) -> Now {
        self.runtime.now()
    }

    /// A random number, from the operating system's seed or the simulator's.
    pub fn random(&mut self) -> u64 {
        self.runtime.random()
    }

    /// How often this actor was restarted after a panic: 0 for its first state.
    pub fn restarts(&self) -> u64 {
        self.core.restarts
    }

    /// Sends a message. It never blocks, and a failure goes to the system's `on_error`, not to here.
    ///
    /// Messages from one actor to another arrive in the order of their sending, each at most once.
    pub fn tell<N: Message>(&mut self, to: &ActorRef<N>, message: N) {
        self.send(&to.raw, message);
    }

    /// Sends the actor itself a message after `delay`. Of two timers that end at one moment the one set
    /// first fires first. A timer dies with the state that set it.
    pub fn tell_after(&mut self, delay: Duration, message: M) {
        let me = self.core.me.clone();
        self.runtime.send_later(delay, &me, Box::new(Loaded::new(message)));
    }

    /// Sends another actor a message after `delay`, for which the message stays with this actor.
    pub fn tell_later<N: Message>(&mut self, delay: Duration, to: &ActorRef<N>, message: N) {
        self.runtime.send_later(delay, &to.raw, Box::new(Loaded::new(message)));
    }

    /// Answers a question. The address is used up.
    pub fn reply<R: Message>(&mut self, to: ReplyRef<R>, answer: R) {
        self.core.replied();
        self.runtime.send(&to.raw, &mut Loaded::new(answer));
        reply::keep_address(to.raw.address);
    }

    /// Keeps `message` for the state that follows if this one panics: the fresh state gets it before
    /// anything else. It replaces what was kept before, and is how an actor survives with its set-up.
    pub fn resume_with(&mut self, message: M) {
        self.core.resume = Loaded::new(message).encode().ok();
    }

    fn send<N: Message>(&mut self, to: &RawRef, message: N) {
        let mut load = Loaded::new(message);
        self.core.sent(to, &load, &mut *self.runtime);
        self.runtime.send(to, &mut load);
    }
}
