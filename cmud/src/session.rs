//! One person's game, as a state machine.
//!
//! From outside a [`Session`] is a function from inputs to outputs. Inside it is two coroutines,
//! so that the game reads from top to bottom: `play`, which is the game, and `watch`, which
//! looks at what others do. Both are `async` functions that only ever wait for inputs; `io` is
//! the seam, and [`Session::handle`] polls them.
//!
//! The foreground, in reading order: `play` (from the name to the goodbye), `game` (one command
//! after the other), `commands` (what each does), `mining` and `solving` (the activities), `opening` (how a
//! character is opened), `books` (how it is kept: who holds it, what is written, what happens when the connection is lost).

mod api;
mod books;
mod commands;
mod game;
mod io;
mod mining;
mod opening;
mod play;
mod solving;
mod watch;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub use api::{
    Effect, Input, Line, Offer, Output, PlayerSeen, ProblemState, Progress, Prompt, RequestId,
    Setup, Status, StoreError, StoreReply, StoreRequest, TimerId, Tone, View,
};
use io::Io;

/// One person's game.
///
/// Carry out every [`Effect`] and hand back what came of it; show
/// every [`Output::View`]. [`drive`](crate::drive::drive) does so.
///
/// A session stays on the thread that began it.
pub struct Session {
    io: Io,
    foreground: Pin<Box<dyn Future<Output = ()>>>,
    background: Pin<Box<dyn Future<Output = ()>>>,
    hold_input: bool,
    over: bool,
}

impl Session {
    /// Begins a game. The outputs are its first ones, to be carried out like those of
    /// [`handle`](Self::handle).
    #[must_use]
    pub fn new(setup: Setup) -> (Self, Vec<Output>) {
        let io = Io::new(!setup.hold_input);
        let mut session = Self {
            background: Box::pin(watch::watch(io.clone(), setup.refresh)),
            hold_input: setup.hold_input,
            foreground: Box::pin(play::play(io.clone(), setup)),
            io,
            over: false,
        };
        let outputs = session.advance();
        (session, outputs)
    }

    /// Takes an input and returns what follows from it at once. Never panics and never blocks;
    /// an answer or a timer that nobody waits for any more is ignored, and so is everything after
    /// [`View::Bye`] or [`View::Fail`].
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        if self.over {
            return Vec::new();
        }
        self.io.accept(input);
        self.advance()
    }

    /// Whether so many lines wait that no more should be read for now (see
    /// [`Setup::hold_input`]).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.hold_input && self.io.is_full()
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Lets both coroutines run until they wait for inputs.
    fn advance(&mut self) -> Vec<Output> {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // The background never ends.
            let _ = self.background.as_mut().poll(&mut context);
            if let Poll::Ready(()) = self.foreground.as_mut().poll(&mut context) {
                self.over = true;
            }
            if self.over || !self.io.take_stirred() {
                if !self.over {
                    self.io.show_waiting();
                }
                return self.io.take_outputs();
            }
        }
    }
}
