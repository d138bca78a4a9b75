//! The store's command line.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli_app::kv::run(&cli_app::kv::Args::parse())
}
