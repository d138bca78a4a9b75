//! Simulated worlds of servers.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::workspace::cargo;

/// What `--faults` takes. The simulation has the last word; a name that it does not know is told here,
/// since to build it takes minutes.
const FAULTS: [&str; 6] = ["none", "lossy", "partitions", "crashes", "clocks", "chaos"];

/// Runs the simulation; `rest` is passed on. Fails quietly: what is wrong was printed.
pub fn run(rest: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = unknown_faults(rest) {
        eprintln!("error: there are no faults {unknown:?}; --faults takes: {}", FAULTS.join(", "));
        return Ok(ExitCode::from(2));
    }
    eprintln!("Building what is not up to date (some minutes the first time) ...");
    let status = command(rest).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The simulation, optimised.
pub fn command(rest: &[String]) -> Command {
    let mut command = cargo("run");
    command.args(["--quiet", "--profile", "quick", "--package", "simulation", "--"]).args(rest);
    command
}

/// The first value of `--faults` that is none.
fn unknown_faults(rest: &[String]) -> Option<&str> {
    let behind = rest.windows(2).filter(|pair| pair[0] == "--faults").map(|pair| pair[1].as_str());
    let within = rest.iter().filter_map(|word| word.strip_prefix("--faults="));
    behind.chain(within).find(|name| !FAULTS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::root;

    #[test]
    fn the_names_are_those_of_the_simulation() {
        let source = std::fs::read_to_string(root().join("simulation/src/plan.rs")).unwrap();
        let (_, profile) = source.split_once("pub enum Profile {").unwrap();
        let (profile, _) = profile.split_once('}').unwrap();
        let names = profile.lines().filter_map(|line| line.trim().strip_suffix(','));
        assert_eq!(names.map(str::to_lowercase).collect::<Vec<_>>(), FAULTS);
    }

    #[test]
    fn a_name_that_is_none_is_found_before_anything_is_built() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for line in ["--seeds 3 --faults nope", "--faults=nope", "--faults chaos --faults=nope"] {
            assert_eq!(unknown_faults(&words(line)), Some("nope"), "{line}");
        }
        for line in ["--seeds 3 --faults lossy --trace", "--faults", "--help"] {
            assert_eq!(unknown_faults(&words(line)), None, "{line}");
        }
    }
}
