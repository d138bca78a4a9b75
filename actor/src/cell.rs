//! One actor with its supervision and its bookkeeping: the part that every runtime shares.

use std::{
    any::{Any, type_name},
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    Actor, Context,
    context::Runtime,
    load::{Load, decode},
    refs::RawRef,
    report::Report,
    stats::{Counters, RateWindow},
};

/// An actor that panics more often than this within [`RESTART_WINDOW`] is stopped.
pub const MAX_RESTARTS: usize = 5;
/// See [`MAX_RESTARTS`].
pub const RESTART_WINDOW: Duration = Duration::from_secs(10);

/// Whether an actor goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Flow {
    Go,
    Stop,
}

/// An actor's state and what surrounds it.
pub(crate) struct Cell<A: Actor> {
    constructor: fn() -> A,
    state: Option<A>,
    pub(crate) core: Core,
}

/// What a [`Context`] needs of the actor it belongs to.
pub(crate) struct Core {
    pub(crate) me: RawRef,
    pub(crate) resume: Option<Vec<u8>>,
    pub(crate) restarts: u64,
    counters: Arc<Counters>,
    panics: VecDeque<Duration>,
    pairs: HashMap<RawRef, RateWindow, BuildHasherDefault<IdHasher>>,
    /// The number of pairs at which those that fell silent are thrown out.
    crowded: usize,
}

impl<A: Actor> Cell<A> {
    pub(crate) fn new(constructor: fn() -> A, me: RawRef, counters: Arc<Counters>) -> Self {
        let core = Core {
            me,
            resume: None,
            restarts: 0,
            counters,
            panics: VecDeque::new(),
            pairs: HashMap::default(),
            crowded: FEW_PAIRS,
        };
        Cell { constructor, state: None, core }
    }

    /// Constructs the first state.
    pub(crate) fn start(&mut self, runtime: &mut dyn Runtime) -> Flow {
        match self.construct(runtime) {
            Ok(()) => Flow::Go,
            Err(panic) => self.recover(panic, AT_START, runtime),
        }
    }

    pub(crate) fn handle(&mut self, message: A::Message, runtime: &mut dyn Runtime) -> Flow {
        let Some(state) = &mut self.state else { return Flow::Stop };
        let core = &mut self.core;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            state.on_message(message, &mut Context::new(core, &mut *runtime));
        }));
        match outcome {
            Ok(()) => Flow::Go,
            Err(panic) => self.recover(panic, type_name::<A::Message>(), runtime),
        }
    }

    /// The actor's present state, unless it is stopped.
    pub(crate) fn state(&self) -> Option<&A> {
        self.state.as_ref()
    }

    /// Does what a panic of the next handler would do.
    pub(crate) fn fail(&mut self, why: &'static str, runtime: &mut dyn Runtime) -> Flow {
        self.recover(Box::new(why), type_name::<A::Message>(), runtime)
    }

    /// Reports a panic and brings up a fresh state, however often that panics too.
    #[cold]
    fn recover(
        &mut self,
        mut panic: Box<dyn Any + Send>,
        mut message_type: &'static str,
        runtime: &mut dyn Runtime,
    ) -> Flow {
        loop {
            let restarted = self.core.may_restart(runtime.now().elapsed);
            runtime.report(Report::Panicked {
                actor: type_name::<A>(),
                uid: self.core.me.uid(),
                message_type,
                panic: text_of(&*panic),
                restarted,
            });
            runtime.forget_state();
            if !restarted {
                return Flow::Stop;
            }
            self.core.restarts += 1;
            match self.construct(runtime) {
                Ok(()) => return Flow::Go,
                Err(next) => (panic, message_type) = (next, AT_START),
            }
        }
    }

    fn construct(&mut self, runtime: &mut dyn Runtime) -> Result<(), Box<dyn Any + Send>> {
        let Cell { constructor, state, core } = self;
        catch_unwind(AssertUnwindSafe(|| {
            *state = None; // dropping a broken state may panic too
            let fresh = state.insert(constructor());
            fresh.on_start(&mut Context::new(core, &mut *runtime));
            if let Some(message) = core.resume.as_deref().and_then(|bytes| decode(bytes).ok()) {
                fresh.on_message(message, &mut Context::new(core, &mut *runtime));
            }
        }))
    }
}

const AT_START: &str = "(its start)";

impl Core {
    /// Counts a message to another actor.
    pub(crate) fn sent(&mut self, to: &RawRef, load: &dyn Load, runtime: &mut dyn Runtime) {
        self.counters.sent(load.encoded_len());
        if *to != self.me {
            let now = runtime.now().elapsed;
            if self.pairs.len() >= self.crowded {
                self.pairs.retain(|_, window| !window.is_over(now));
                self.crowded = FEW_PAIRS.max(2 * self.pairs.len());
            }
            let window = match self.pairs.get_mut(to) {
                Some(window) => window,
                None => self.pairs.entry(to.clone()).or_default(),
            };
            self.counters.rate(window.record(now));
        }
    }

    /// Counts an answer, which has no length and no pair.
    pub(crate) fn replied(&self) {
        self.counters.sent(0);
    }

    fn may_restart(&mut self, now: Duration) -> bool {
        self.panics.push_back(now);
        while self.panics.front().is_some_and(|&panic| panic + RESTART_WINDOW < now) {
            self.panics.pop_front();
        }
        self.panics.len() <= MAX_RESTARTS
    }
}

/// Up to this many pairs are kept without asking whether they still speak.
const FEW_PAIRS: usize = 64;

fn text_of(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}

/// Hashes the one number by which refs and ids differ.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        // A wide multiplication folded: numbers that differ in few bits spread over all bits.
        let product = u128::from(number ^ self.0) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}
