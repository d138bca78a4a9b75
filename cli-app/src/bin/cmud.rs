//! The game in a terminal.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli_app::play::run(cli_app::play::Args::parse())
}
