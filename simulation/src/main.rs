//! Simulates worlds and says which seeds show something wrong.

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use simulation::{Failure, Invariant, Plan, Profile, Report, Violation, run};

/// Simulate worlds of storage servers under faults and check what must always hold.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Arguments {
    /// How many worlds.
    #[arg(long, default_value_t = 200, value_name = "N")]
    seeds: u64,
    /// What goes wrong in them; without this, all profiles take turns.
    #[arg(long, value_enum, value_name = "PROFILE")]
    faults: Option<Profile>,
    /// Only the world of this seed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Print the last events of a world in which something is wrong.
    #[arg(long)]
    trace: bool,
}

/// So many events are printed.
const TRACE_LINES: usize = 4000;

/// So many seeds, one of them is run twice.
const TWICE_EVERY: u64 = 16;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..seed.saturating_add(1),
        None => 0..arguments.seeds,
    };
    // The wall clock is for the person at the terminal only.
    #[allow(clippy::disallowed_methods, reason = "it does not reach the simulation")]
    let begin = Instant::now();
    let total = Total::default();
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let ok = total.add(seed, check(seed, &arguments), &arguments);
                    stop.fetch_or(!ok, Ordering::Relaxed);
                }
            });
        }
    });
    total.print(begin.elapsed())
}

/// Runs one world, some of them twice.
fn check(seed: u64, arguments: &Arguments) -> Result<Report, Box<Failure>> {
    let plan = Plan::new(seed, arguments.faults.unwrap_or_else(|| Profile::of(seed)));
    let trace = if arguments.trace { TRACE_LINES } else { 0 };
    let report = run(&plan, trace)?;
    if seed.is_multiple_of(TWICE_EVERY) || arguments.seed.is_some() {
        let again = run(&plan, trace)?;
        if again != report {
            let seen = format!("{report:?} at first, then {again:?}");
            let violation = Violation::new(Invariant::Deterministic, seen);
            return Err(Box::new(Failure { violation, at: Duration::ZERO, trace: Vec::new() }));
        }
    }
    Ok(report)
}

/// What all worlds have come to.
#[derive(Default)]
struct Total {
    passed: AtomicU64,
    failed: AtomicU64,
    answers: AtomicU64,
    slowest: Mutex<Duration>,
}

impl Total {
    /// Takes a result in, and prints a failure; false if there were enough of those.
    fn add(&self, seed: u64, result: Result<Report, Box<Failure>>, arguments: &Arguments) -> bool {
        match result {
            Ok(report) => {
                self.passed.fetch_add(1, Ordering::Relaxed);
                self.answers.fetch_add(report.answers, Ordering::Relaxed);
                let mut slowest = self.slowest.lock().expect("nobody panics with it");
                *slowest = report.converged.max(*slowest);
                true
            }
            Err(failure) => {
                for line in &failure.trace {
                    println!("{line}");
                }
                let profile = arguments.faults.unwrap_or_else(|| Profile::of(seed));
                println!("seed {seed} ({profile:?}): {failure}");
                self.failed.fetch_add(1, Ordering::Relaxed) < 9
            }
        }
    }

    fn print(&self, took: Duration) -> ExitCode {
        let (passed, failed) =
            (self.passed.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let answers = self.answers.load(Ordering::Relaxed);
        let slowest = *self.slowest.lock().expect("nobody panics with it");
        println!("{answers} queries answered; equal again within {slowest:?}; took {took:.1?}");
        println!("{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
