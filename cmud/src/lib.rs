//! The game of CMUD: the whole of it, without a terminal and without a browser.
//!
//! A [`Session`] is one person's game as a state machine. [`Input`]s go in (a line, an interrupt,
//! an answer of the store, a timer that rang); [`Output`]s come out (things to show, queries for
//! the store, timers to set). It knows no clock, no socket and no screen, so a face only has to
//! carry things to and fro, and [`drive::drive`] does even that.
//!
//! What may be relied upon:
//! - No input, no answer of the store and no content of the store makes a session panic or hang.
//! - The same setup and the same inputs give the same outputs.
//! - A character is created only after a ready server has said that it does not exist.
//! - Every key of the store has one writer, so players who play at once lose nothing.
//! - Whatever has been shown as earned has been stored.
//!
//! ```
//! use cmud::{Input, Output, Prompt, Session, Setup, View};
//!
//! let (mut session, outputs) = Session::new(Setup::interactive(42));
//! assert!(outputs.contains(&Output::View(View::Prompt(Prompt::Name))));
//!
//! let outputs = session.handle(Input::Line("Ada Lovelace".into()));
//! let shown = outputs.iter().find_map(|output| match output {
//!     Output::View(View::Show(line)) => Some(line.text.as_str()),
//!     _ => None,
//! });
//! assert!(shown.unwrap().contains("space"));
//! ```
//!
//! Reading order: [`rules`], [`world`], [`parser`], [`text`], [`session`], [`complete`](mod@complete),
//! [`History`], [`drive`].

pub mod complete;
pub mod drive;
mod history;
pub mod parser;
pub mod rules;
pub mod session;
pub mod text;
pub mod world;

pub use complete::{Completion, complete};
pub use history::History;
pub use rules::{Hardware, Kind, Place, Problem, Rank};
pub use session::{
    Effect, Input, Line, Offer, Output, PlayerSeen, ProblemState, Progress, Prompt, RequestId,
    Session, Setup, Status, StoreError, StoreReply, StoreRequest, TimerId, Tone, View,
};
pub use world::{Name, NameError};
