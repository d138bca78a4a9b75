//! Where an actor sits: its state, its mailbox, and what it holds in its hands.

use std::{
    any::Any,
    collections::HashMap,
    hash::BuildHasherDefault,
    mem,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use super::{dice::nanos, world::World};
use crate::{
    Actor, Now,
    cell::{Cell, Flow, IdHasher},
    context::Runtime,
    load::{Load, Port},
    mailbox::Mailbox,
    refs::RawRef,
    report::{Cause, Report},
    stats::Counters,
    timers::Timers,
};

/// An actor of any type.
pub(super) trait AnyActor {
    fn start(&mut self, runtime: &mut dyn Runtime) -> Flow;
    /// Puts a message into the mailbox.
    fn deliver(&mut self, load: &mut dyn Load) -> Result<(), Cause>;
    fn deliver_encoded(&mut self, bytes: &[u8]) -> Result<(), Cause>;
    fn has_mail(&mut self) -> bool;
    /// Handles one message, if there is one.
    fn handle_next(&mut self, runtime: &mut dyn Runtime) -> Flow;
    /// Panics without a cause.
    fn fail(&mut self, runtime: &mut dyn Runtime) -> Flow;
    /// Counts a message that a timer sends.
    fn sent(&mut self, to: &RawRef, load: &dyn Load, runtime: &mut dyn Runtime);
    /// The state, as `Option<&A>`'s inside.
    fn state(&self) -> Option<&dyn Any>;
}

/// What an actor, or the outside of a system, sends with.
pub(super) struct Hands {
    pub(super) me: RawRef,
    pub(super) system: usize,
    pub(super) seat: u32,
    pub(super) pairs: HashMap<RawRef, Pair, BuildHasherDefault<IdHasher>>,
    timers: Timers<u64>,
    alarm: Option<Alarm>,
    /// The alarm has rung, and the timers that are due were not looked at yet.
    rung: bool,
}

/// What is remembered of the messages to one receiver.
pub(super) struct Pair {
    pub(super) route: Route,
    /// The arrival of the latest message: none after it comes before it.
    pub(super) latest: u64,
}

/// The way to the system of a ref.
#[derive(Clone, Copy)]
pub(super) enum Route {
    Local,
    Wire(u32),
}

#[derive(Clone, Copy)]
struct Alarm {
    due: u64,
    /// When it rings, which may be late.
    at: u64,
}

pub(super) struct Seat {
    pub(super) hands: Hands,
    /// None for the outside of a system, which only sends.
    pub(super) actor: Option<Box<dyn AnyActor>>,
    pub(super) counters: Arc<Counters>,
    pub(super) accepts_duplicates: bool,
    /// How many pauses it is in.
    pub(super) pauses: u32,
    pub(super) paused_by_hand: bool,
    pub(super) busy_until: u64,
    pub(super) turn_is_set: bool,
}

impl Seat {
    pub(super) fn new(
        hands: Hands,
        actor: Option<Box<dyn AnyActor>>,
        counters: Arc<Counters>,
    ) -> Self {
        Seat {
            hands,
            actor,
            counters,
            accepts_duplicates: false,
            pauses: 0,
            paused_by_hand: false,
            busy_until: 0,
            turn_is_set: false,
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused_by_hand || self.pauses > 0
    }

    /// Sends what was set to be sent by now, if the alarm has rung.
    pub(super) fn fire(&mut self, world: &mut World) {
        if !mem::take(&mut self.hands.rung) {
            return;
        }
        let now = world.now;
        while let Some((to, mut load)) = self.hands.timers.pop_due(now) {
            if let Some(actor) = &mut self.actor
                && to != self.hands.me
            {
                actor.sent(&to, &*load, &mut SimRuntime::new(world, &mut self.hands));
            }
            world.send(&mut self.hands, &to, &mut *load);
        }
    }
}

impl Hands {
    pub(super) fn new(me: RawRef, system: usize, seat: u32) -> Self {
        Hands {
            me,
            system,
            seat,
            pairs: HashMap::default(),
            timers: Timers::new(),
            alarm: None,
            rung: false,
        }
    }

    pub(super) fn set_timer(&mut self, due: u64, to: &RawRef, load: Box<dyn Load>) {
        self.timers.set(due, to.clone(), load);
    }

    /// When the alarm must be set anew: since a timer is due before it, or there is none.
    pub(super) fn due_before_alarm(&self) -> Option<u64> {
        let due = self.timers.next_due()?;
        (self.alarm.is_none_or(|alarm| due < alarm.due) && !self.rung).then_some(due)
    }

    pub(super) fn set_alarm(&mut self, due: u64, at: u64) {
        self.alarm = Some(Alarm { due, at });
    }

    /// Rings, unless the alarm was set anew since.
    pub(super) fn ring(&mut self, now: u64) -> bool {
        let rings = self.alarm.take_if(|alarm| alarm.at == now).is_some();
        self.rung |= rings;
        rings
    }
}

/// The runtime as one handler sees it.
pub(super) struct SimRuntime<'a> {
    world: &'a mut World,
    hands: &'a mut Hands,
    now: Option<Now>,
}

impl<'a> SimRuntime<'a> {
    pub(super) fn new(world: &'a mut World, hands: &'a mut Hands) -> Self {
        SimRuntime { world, hands, now: None }
    }
}

impl Runtime for SimRuntime<'_> {
    fn now(&mut self) -> Now {
        *self.now.get_or_insert_with(|| self.world.now_in(self.hands.system))
    }

    fn random(&mut self) -> u64 {
        self.world.dice.number()
    }

    fn send(&mut self, to: &RawRef, load: &mut dyn Load) {
        self.world.send(self.hands, to, load);
    }

    fn send_later(&mut self, delay: Duration, to: &RawRef, load: Box<dyn Load>) {
        self.hands.set_timer(self.world.now.saturating_add(nanos(delay)), to, load);
    }

    fn report(&mut self, report: Report) {
        self.world.report(self.hands.system, report);
    }

    fn forget_state(&mut self) {
        self.hands.timers.forget(&self.hands.me);
        self.world.systems[self.hands.system].replies.end_questions_to(self.hands.me.id);
    }
}

/// An actor of one type.
pub(super) struct Living<A: Actor> {
    cell: Cell<A>,
    mailbox: Mailbox<A::Message>,
    /// Messages taken out of the mailbox, the next one last.
    batch: Vec<A::Message>,
}

impl<A: Actor> Living<A> {
    pub(super) fn new(cell: Cell<A>) -> Self {
        Living { cell, mailbox: Mailbox::new(), batch: Vec::new() }
    }
}

impl<A: Actor> AnyActor for Living<A> {
    fn start(&mut self, runtime: &mut dyn Runtime) -> Flow {
        self.cell.start(runtime)
    }

    fn deliver(&mut self, load: &mut dyn Load) -> Result<(), Cause> {
        load.deliver(&self.mailbox)
    }

    fn deliver_encoded(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        self.mailbox.push_encoded(bytes, false)
    }

    fn has_mail(&mut self) -> bool {
        if self.batch.is_empty() {
            // Nobody sleeps here: the simulator looks again whenever something was delivered.
            let mut nobody = Context::from_waker(Waker::noop());
            if self.mailbox.poll_take(&mut nobody, &mut self.batch).is_ready() {
                self.batch.reverse();
            }
        }
        !self.batch.is_empty()
    }

    fn handle_next(&mut self, runtime: &mut dyn Runtime) -> Flow {
        match self.batch.pop() {
            Some(message) => self.cell.handle(message, runtime),
            None => Flow::Go,
        }
    }

    fn fail(&mut self, runtime: &mut dyn Runtime) -> Flow {
        self.cell.fail("a panic made by the simulator", runtime)
    }

    fn sent(&mut self, to: &RawRef, load: &dyn Load, runtime: &mut dyn Runtime) {
        self.cell.core.sent(to, load, runtime);
    }

    fn state(&self) -> Option<&dyn Any> {
        self.cell.state().map(|state| state as &dyn Any)
    }
}
