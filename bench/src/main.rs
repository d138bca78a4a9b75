//! Measures the parts of this project, each beside the limit or the peers it is to be judged by:
//! `cargo run --release -p bench -- actor`, or one part of it: `actor asks`.

mod crowd;
mod ours;
mod peers;
mod remote;
mod table;

use std::process::ExitCode;

const USAGE: &str = "usage: bench actor [tells|asks|remote|crowd]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["actor"] => ACTOR.iter().for_each(|(_, measure)| measure()),
        ["actor", wanted]
            if let Some((_, measure)) = ACTOR.iter().find(|(name, _)| *name == wanted) =>
        {
            measure();
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The parts of the measurement of actors.
const ACTOR: [(&str, fn()); 4] =
    [("tells", tells), ("asks", asks), ("remote", remote::print), ("crowd", crowd::print)];

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
