//! Measures the parts of this project, each beside the limit or the peers it is to be judged by:
//! `cargo run --release -p bench -- actor`.

mod crowd;
mod ours;
mod peers;
mod remote;
mod store;
mod table;

use std::process::ExitCode;

use clap::Parser;

/// Measures the parts of this project, each beside the limit or the peers it is to be judged by.
#[derive(Parser)]
enum Bench {
    /// Messages between actors, beside other actor systems
    Actor,
    /// The store, beside Redis and bare echoes
    Store(store::Args),
    /// Serve as a bare echo of WebSocket messages, with so many threads and ports
    #[command(hide = true)]
    Echo {
        /// How many
        threads: usize,
    },
}

fn main() -> ExitCode {
    let done = match Bench::parse() {
        Bench::Actor => {
            actor();
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

fn actor() {
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
    table::print(
        "asks/s from a task of the same runtime",
        &[
            ("this crate", ours::asks),
            ("kameo", peers::kameo::asks),
            ("ractor", peers::ractor::asks),
            ("actix", peers::actix::asks),
        ],
    );
    remote::print();
    crowd::print();
}
