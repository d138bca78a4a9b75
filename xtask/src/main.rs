//! `cargo xtask`: the one tool of this project.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{bench, check, fuzz, play, sim, web};

/// Everything a person runs in this project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build what is missing, start a server with the page, and play in this terminal.
    Play(play::Options),
    /// Check everything that continuous integration checks, and say what passed.
    Test {
        /// Only these steps; without any, all of them.
        #[arg(value_enum)]
        steps: Vec<check::Step>,
    },
    /// Build the page; the last line is the folder to serve.
    Web,
    /// Measure, optimised, beside Redis and other peers: one table with our figure, the other's in the same run, their
    /// ratio, and the target.
    Bench {
        /// Which rows; without any, all but those of actors.
        #[arg(value_enum)]
        name: Option<bench::Name>,
        /// Print one JSON document instead of a table.
        #[arg(long)]
        json: bool,
        /// Passed on to the benchmark, behind `--`; try `-- --help`.
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Look for bytes from outside that a decoder cannot take.
    Fuzz {
        /// How long for each target.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Only this target; without any, all of them.
        target: Option<String>,
    },
    /// Simulate worlds of servers under faults, optimised, and check what must always hold.
    #[command(disable_help_flag = true)]
    Sim {
        /// Passed on to the simulation; try --help.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Take pictures of the page's main states, wide and narrow, into target/screenshots.
    Screenshots,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Play(options) => play::play(&options),
        Task::Test { steps } => check::check(&steps),
        Task::Web => web::print(),
        Task::Bench { name, json, rest } => bench::bench(name, json, &rest),
        Task::Fuzz { seconds, target } => fuzz::fuzz(target.as_deref(), seconds),
        Task::Sim { rest } => sim::run(&rest),
        Task::Screenshots => check::screenshots(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
