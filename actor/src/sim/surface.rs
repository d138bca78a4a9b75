//! What a program does with a simulated system: the surface of a real one.

use std::{
    any::type_name,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    Sim, SystemId,
    dice::nanos,
    seat::{Hands, Living, Seat, SimRuntime},
};
use crate::{
    Actor, ActorRef, Address, Message, Reply, ReplyRef, Stats, WellKnown,
    cell::{Cell, Flow},
    context::Runtime,
    load::Loaded,
    refs::{ActorId, Incarnation, RawRef},
    reply,
    report::Report,
    stats::Counters,
};

impl Sim {
    /// The address of a system.
    pub fn address(&self, system: SystemId) -> &Address {
        &self.world.systems[system.0].address
    }

    /// Starts an actor in a system that is up.
    pub fn spawn<A: Actor>(
        &mut self,
        system: SystemId,
        constructor: fn() -> A,
    ) -> ActorRef<A::Message> {
        let state = &mut self.world.systems[system.0];
        let (incarnation, id) = (state.incarnation, state.new_actor_id());
        self.spawn_as(system, incarnation, id, constructor)
    }

    /// Starts the well-known actor `id` of a system that is up. A second actor of the same id is reported
    /// and not started: the ref given names the first.
    pub fn spawn_well_known<A: Actor>(
        &mut self,
        system: SystemId,
        id: WellKnown,
        constructor: fn() -> A,
    ) -> ActorRef<A::Message> {
        self.spawn_as(system, Incarnation::ANY, ActorId(id.0.into()), constructor)
    }

    fn spawn_as<A: Actor>(
        &mut self,
        system: SystemId,
        incarnation: Incarnation,
        id: ActorId,
        constructor: fn() -> A,
    ) -> ActorRef<A::Message> {
        let state = &mut self.world.systems[system.0];
        let me = RawRef { address: state.address.clone(), incarnation, id };
        if !state.is_up {
            return ActorRef::from_raw(me);
        }
        let index = self.seats.len() as u32;
        if state.actors.contains_key(&id) {
            let report = Report::DuplicateId { actor: type_name::<A>(), uid: me.uid() };
            self.world.report(system.0, report);
            return ActorRef::from_raw(me);
        }
        state.actors.insert(id, index);
        state.seats.push(index);
        let counters = Arc::new(Counters::default());
        let mut actor = Living::new(Cell::new(constructor, me.clone(), counters.clone()));
        let mut hands = Hands::new(me.clone(), system.0, index);
        let flow = super::seat::AnyActor::start(
            &mut actor,
            &mut SimRuntime::new(&mut self.world, &mut hands),
        );
        self.seats.push(Some(Seat::new(hands, Some(Box::new(actor)), counters)));
        match flow {
            Flow::Go => self.turn(index),
            Flow::Stop => self.retire(index),
        }
        ActorRef::from_raw(me)
    }

    /// Sends a message from the outside of a system. A failure is reported, never returned.
    pub fn tell<M: Message>(&mut self, system: SystemId, to: &ActorRef<M>, message: M) {
        self.outside(system, |runtime| {
            runtime.send(&to.raw, &mut Loaded::external(message));
        });
    }

    /// Sends a message from the outside of a system after `delay`.
    pub fn tell_after<M: Message>(
        &mut self,
        system: SystemId,
        delay: Duration,
        to: &ActorRef<M>,
        message: M,
    ) {
        self.outside(system, |runtime| {
            runtime.send_later(delay, &to.raw, Box::new(Loaded::external(message)));
        });
    }

    /// Lets the outside of a system do something. It has gone with the system if that is down; then
    /// whatever is sent is reported by the way, from hands that last no longer.
    fn outside(&mut self, system: SystemId, act: impl FnOnce(&mut SimRuntime<'_>)) {
        let Sim { world, seats, .. } = self;
        match &mut seats[world.systems[system.0].outside as usize] {
            Some(seat) => {
                act(&mut SimRuntime::new(world, &mut seat.hands));
                world.set_alarm(&mut seat.hands);
            }
            None => {
                let mut hands = super::outside_hands(world, system.0);
                act(&mut SimRuntime::new(world, &mut hands));
            }
        }
    }

    /// Makes a one-shot reply address and the future of its answer. A future needs no tokio: ask
    /// [`poll`](Sim::poll) whether it is there, or run the world until it is with
    /// [`run_until_answer`](Sim::run_until_answer).
    pub fn reply_ref<R: Message>(&mut self, system: SystemId) -> (ReplyRef<R>, Reply<R>) {
        self.open_reply(system, None)
    }

    /// Sends a question that carries a fresh reply address. Beyond [`reply_ref`](Sim::reply_ref) and
    /// [`tell`](Sim::tell), the answer is `None` when an actor of the same system panics over it.
    pub fn ask<M: Message, R: Message>(
        &mut self,
        system: SystemId,
        to: &ActorRef<M>,
        question: impl FnOnce(ReplyRef<R>) -> M,
    ) -> Reply<R> {
        let asked = to.raw.address.is(self.address(system)).then_some(to.raw.id);
        let (reply_to, reply) = self.open_reply(system, asked);
        self.tell(system, to, question(reply_to));
        reply
    }

    fn open_reply<R: Message>(
        &mut self,
        system: SystemId,
        of: Option<ActorId>,
    ) -> (ReplyRef<R>, Reply<R>) {
        let state = &self.world.systems[system.0];
        reply::open(&state.replies, &state.address, state.incarnation, of)
    }

    /// The answer, if it is there; `Ready(None)` if none will come. An answer is given once.
    pub fn poll<R: Message>(reply: &mut Reply<R>) -> Poll<Option<R>> {
        pin!(reply).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Runs until an answer has come, or `limit` has passed: then, or if none will come, it is `None`.
    pub fn run_until_answer<R: Message>(
        &mut self,
        mut reply: Reply<R>,
        limit: Duration,
    ) -> Option<R> {
        let mut answer = Poll::Pending;
        self.run_until(limit, |_| {
            answer = Sim::poll(&mut reply);
            answer.is_ready()
        });
        match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => None,
        }
    }

    /// Looks at the present state of an actor; `None` if it is not there, or not an `A`. Of a twin, the one
    /// that was added first is looked at if it is up.
    pub fn inspect<A: Actor, R>(
        &self,
        actor: &ActorRef<A::Message>,
        look: impl FnOnce(&A) -> R,
    ) -> Option<R> {
        self.state_in(self.find(&actor.raw)?).map(look)
    }

    /// Like [`inspect`](Sim::inspect), in one system of several that claim the same address.
    pub fn inspect_in<A: Actor, R>(
        &self,
        system: SystemId,
        actor: &ActorRef<A::Message>,
        look: impl FnOnce(&A) -> R,
    ) -> Option<R> {
        self.state_in(self.find_in(system.0, &actor.raw)?).map(look)
    }

    fn state_in<A: Actor>(&self, seat: u32) -> Option<&A> {
        self.seats[seat as usize].as_ref()?.actor.as_ref()?.state()?.downcast_ref()
    }

    /// The counters of a system since its last start, or until its crash.
    ///
    /// `remote_bytes_received` is the length of the messages alone, since the simulator makes no frames.
    pub fn stats(&self, system: SystemId) -> Stats {
        let state = &self.world.systems[system.0];
        let mut stats = state.retired;
        for &seat in &state.seats {
            if let Some(seat) = &self.seats[seat as usize] {
                seat.counters.add_to(&mut stats);
            }
        }
        Stats {
            messages_sent_external: state.external,
            remote_bytes_received: state.bytes_received,
            reply_refs_used: state.replies.opened(),
            ..stats
        }
    }

    /// What a system has reported in all its lives, with the time since the world began. Only the first
    /// 10,000 are kept; [`reports_dropped`](Sim::reports_dropped) counts the others.
    pub fn reports(&self, system: SystemId) -> &[(Duration, Report)] {
        &self.world.systems[system.0].reports
    }

    /// How many reports of a system were not kept.
    pub fn reports_dropped(&self, system: SystemId) -> u64 {
        self.world.systems[system.0].reports_dropped
    }

    /// Takes the reports of a system out, so that there is room for others.
    pub fn take_reports(&mut self, system: SystemId) -> Vec<(Duration, Report)> {
        std::mem::take(&mut self.world.systems[system.0].reports)
    }

    /// The time as a system sees it.
    pub fn now_in(&self, system: SystemId) -> crate::Now {
        self.world.now_in(system.0)
    }

    /// The seat of a live actor.
    pub(super) fn find(&self, actor: &RawRef) -> Option<u32> {
        let systems = self.world.systems.iter().enumerate();
        let mut claimants = systems.filter(|(_, system)| system.address == actor.address);
        claimants.find_map(|(system, _)| self.find_in(system, actor))
    }

    fn find_in(&self, system: usize, actor: &RawRef) -> Option<u32> {
        let state = &self.world.systems[system];
        let this_life =
            actor.incarnation == Incarnation::ANY || actor.incarnation == state.incarnation;
        if this_life { state.actors.get(&actor.id).copied() } else { None }
    }

    /// Runs for a while of virtual time.
    pub fn run_for(&mut self, duration: Duration) {
        let until = self.world.now.saturating_add(nanos(duration));
        while self.step(until) {}
        self.world.now = until;
    }

    /// Runs until `done` says so, which is asked after every event, or `limit` has passed. Gives whether it
    /// is done.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Sim) -> bool) -> bool {
        let until = self.world.now.saturating_add(nanos(limit));
        while !done(self) {
            if !self.step(until) {
                self.world.now = until;
                return done(self);
            }
        }
        true
    }

    /// Runs until nothing is left to happen: no message on its way, no timer set, no trouble that will end.
    /// Gives false if that was not so within `limit`, as when an actor has a timer that it sets for ever.
    ///
    /// What a cut link or a paused actor holds back, until someone heals or resumes it, counts for nothing.
    pub fn run_until_quiet(&mut self, limit: Duration) -> bool {
        self.run_until(limit, |sim| sim.world.queue.is_quiet())
    }
}
