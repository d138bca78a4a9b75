//! Measures the parts of this project, each beside the limit or the peers it is to be judged by:
//! `cargo run --release -p bench -- actor`.

mod crowd;
mod ours;
mod peers;
mod remote;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("actor") => actor(),
        _ => {
            eprintln!("usage: bench actor");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
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
