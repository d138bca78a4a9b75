//! Simulated worlds of servers.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::workspace::cargo;

/// Runs the simulation; `rest` is passed on. Fails quietly: what is wrong was printed.
pub fn run(rest: &[String]) -> Result<ExitCode> {
    let status = command(rest).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The simulation, optimised.
pub fn command(rest: &[String]) -> Command {
    let mut command = cargo("run");
    command.args(["--quiet", "--release", "--package", "simulation", "--"]).args(rest);
    command
}
