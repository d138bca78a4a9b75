//! Measures the parts of this project, each beside the limit or the peers it is to be judged by:
//! `cargo run --release -p bench -- actor`, or one part of it: `actor asks`.

mod crowd;
mod ours;
mod peers;
mod remote;
mod store;
mod table;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Measures the parts of this project, each beside the limit or the peers it is to be judged by.
#[derive(Parser)]
enum Bench {
    /// Messages between actors, beside other actor systems
    Actor {
        /// One part of it only
        part: Option<ActorPart>,
    },
    /// The store, beside Redis and bare echoes
    Store(store::Args),
    /// Serve as a bare echo of WebSocket messages, with so many threads and ports
    #[command(hide = true)]
    Echo {
        /// How many
        threads: usize,
    },
}

/// The parts of the measurement of actors.
#[derive(Clone, Copy, ValueEnum)]
enum ActorPart {
    /// From another thread to one actor
    Tells,
    /// From a task of the same runtime
    Asks,
    /// Over a link
    Remote,
    /// What an idle actor costs
    Crowd,
}

impl ActorPart {
    fn measure(self) {
        match self {
            Self::Tells => tells(),
            Self::Asks => asks(),
            Self::Remote => remote::print(),
            Self::Crowd => crowd::print(),
        }
    }
}

fn main() -> ExitCode {
    let done = match Bench::parse() {
        Bench::Actor { part: Some(part) } => {
            part.measure();
            Ok(())
        }
        Bench::Actor { part: None } => {
            ActorPart::value_variants().iter().for_each(|part| part.measure());
            Ok(())
        }
        Bench::Store(args) => store::run(&args),
        Bench::Echo { threads } => store::echo::serve(threads),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tells() {
    table::print(
        "tells/s from another thread to one actor",
        &[
            ("this crate", ours::tells),
            ("this crate, actor on a thread of its own", ours::tells_on_thread),
            ("kameo", peers::kameo::tells),
            ("ractor", peers::ractor::tells),
            ("actix", peers::actix::tells),
            ("bare tokio channel, recv_many (the limit)", peers::channel::tells),
        ],
    );
}

fn asks() {
    table::print(
        "asks/s from a task of the same runtime",
        &[
            ("this crate", ours::asks),
            ("this crate, actor and task on a thread", ours::asks_on_thread),
            ("kameo", peers::kameo::asks),
            ("ractor", peers::ractor::asks),
            ("actix", peers::actix::asks),
        ],
    );
}
