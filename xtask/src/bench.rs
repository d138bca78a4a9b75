//! Benchmarks by name.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::run;
use crate::workspace::cargo;

/// A benchmark.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Name {
    /// A list of 100 keys out of 10,000 and out of 1,000,000.
    List,
    /// Messages between actors.
    Actor,
}

/// Runs one, optimised; `rest` is passed on.
pub fn run_named(name: Name, rest: &[String]) -> Result<ExitCode> {
    let mut command = match name {
        Name::List => {
            let mut command = cargo("bench");
            command.args(["--package", "kvserver", "--bench", "list", "--"]);
            command
        }
        Name::Actor => {
            let mut command = cargo("run");
            command.args(["--release", "--package", "bench", "--", "actor"]);
            command
        }
    };
    run(command.args(rest))?;
    Ok(ExitCode::SUCCESS)
}
