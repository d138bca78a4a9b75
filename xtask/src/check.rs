//! `cargo xtask test`: everything that continuous integration checks.

use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::fuzz::{self, Fuzzer};
use crate::process::{run, spell};
use crate::sim;
use crate::toolchain::{Browser, Wasm, add_clippy};
use crate::web;
use crate::workspace::{self, cargo};

/// A part of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// The code is formatted.
    Fmt,
    /// No crate is in the programs twice, in two versions.
    Duplicates,
    /// Clippy has no warning.
    Clippy,
    /// The documentation has no warning.
    Docs,
    /// Unit, property, integration and documentation tests.
    Tests,
    /// Every decoder of bytes from outside, for some seconds under the fuzzer.
    Fuzz,
    /// The page and the libraries it stands on build for the browser, and clippy has no warning there.
    Wasm,
    /// The whole in real processes and a real browser.
    Browser,
    /// Simulated worlds of servers under faults.
    Sim,
}

/// The packages that must build for the browser on their own, whatever the page around them pulls in.
const PORTABLE: [&str; 3] = ["kvcommon", "kvclient", "cmud"];

/// The feature with which the tests that need a browser are built.
const BROWSER_TESTS: &str = "e2e/browser";

/// How long each decoder is fuzzed: enough to find what a change has broken, not what is hard to find.
const FUZZ_SECONDS: u32 = 10;

/// How many worlds are simulated: some seconds, most of which is the build.
const SEEDS: u32 = 200;

/// Runs the steps, all of them if none is named, and says what passed. A failing step does not keep the others from
/// running, and makes the whole fail.
pub fn check(steps: &[Step]) -> Result<ExitCode> {
    let steps = if steps.is_empty() { Step::value_variants() } else { steps };
    let start = Instant::now();
    let mut reports = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n===== {} ({} of {}) =====", name(*step), index + 1, steps.len());
        let start = Instant::now();
        let tally = perform(*step);
        reports.push(Report { step: *step, tally, time: start.elapsed() });
    }
    Ok(summary(&reports, start.elapsed(), &mut stdout())?)
}

/// `cargo xtask screenshots`.
pub fn screenshots() -> Result<ExitCode> {
    Browser::ready()?;
    web::build()?;
    run(browser_test("screenshots").args(["--", "--nocapture"]))?;
    println!("{}", workspace::target()?.join("screenshots").display());
    Ok(ExitCode::SUCCESS)
}

/// What became of a step: every test counts, and every command that is no test runner counts as one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
}

struct Report {
    step: Step,
    tally: Tally,
    time: Duration,
}

impl Tally {
    /// Counts a check of its own. What went wrong is shown where it happened.
    fn check(&mut self, result: Result<()>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(error) => {
                self.failed += 1;
                println!("FAILED: {error:#}");
            }
        }
    }

    /// Counts the tests of a test runner.
    fn tests(&mut self, command: &mut Command) {
        match count_tests(command) {
            Ok(tests) => {
                self.passed += tests.passed;
                self.failed += tests.failed;
            }
            Err(error) => self.check(Err(error)),
        }
    }
}

fn perform(step: Step) -> Tally {
    let mut tally = Tally::default();
    match step {
        Step::Fmt => tally.check(run(cargo("fmt").args(["--all", "--check"]))),
        Step::Duplicates => tally.check(no_duplicates()),
        Step::Clippy => {
            let mut clippy = cargo("clippy");
            clippy.args(["--workspace", "--all-targets", "--features", BROWSER_TESTS]);
            tally.check(run(clippy.args(["--", "--deny", "warnings"])));
        }
        Step::Docs => {
            let mut doc = cargo("doc");
            doc.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
            tally.check(run(&mut doc));
        }
        Step::Tests => tally.tests(cargo("test").args(["--workspace", "--no-fail-fast"])),
        Step::Fuzz => fuzz_shortly(&mut tally),
        Step::Wasm => match Wasm::ready() {
            Ok(wasm) => wasm_builds(&wasm, &mut tally),
            Err(error) => tally.check(Err(error)),
        },
        Step::Browser => match Browser::ready().and_then(|_| web::build()) {
            Ok(_) => tally.tests(browser_test("browser").arg("--no-fail-fast")),
            Err(error) => tally.check(Err(error)),
        },
        Step::Sim => tally.check(run(&mut sim::command(&["--seeds".into(), SEEDS.to_string()]))),
    }
    tally
}

/// A test program that needs a browser. It is built with --workspace, so that cargo resolves the same features of
/// dependencies as for the other tests and builds none of them a second time.
fn browser_test(name: &str) -> Command {
    let mut test = cargo("test");
    test.args(["--workspace", "--features", BROWSER_TESTS, "--test", name]);
    test
}

fn fuzz_shortly(tally: &mut Tally) {
    let ready = fuzz::targets().and_then(|targets| Ok((targets, Fuzzer::build()?)));
    match ready {
        Ok((targets, fuzzer)) => {
            for target in targets {
                tally.check(fuzzer.run(&target, FUZZ_SECONDS));
            }
        }
        Err(error) => tally.check(Err(error)),
    }
}

fn wasm_builds(wasm: &Wasm, tally: &mut Tally) {
    let build = |package| run(wasm.cargo("build")?.args(["--package", package]));
    for package in PORTABLE {
        println!("{package}");
        tally.check(build(package));
    }
    add_clippy(wasm);
    match wasm.clippy() {
        Ok(Some(mut clippy)) => {
            println!("web-app, clippy");
            clippy.args(["--package", "web-app", "--no-deps", "--", "--deny", "warnings"]);
            tally.check(run(&mut clippy));
        }
        Ok(None) => println!("(clippy for the page is left out: this compiler has none)"),
        Err(error) => tally.check(Err(error)),
    }
    println!("web-app");
    tally.check(web::build().map(|_| ()));
}

/// Fails if a program would hold one crate in two versions. The page is left out: what Yew brings is not ours to choose.
fn no_duplicates() -> Result<()> {
    let mut tree = cargo("tree");
    let output = tree
        .args(["--workspace", "--exclude", "xtask", "--exclude", "e2e", "--exclude", "web-app"])
        .args([
            "--duplicates",
            "--edges",
            "normal,no-proc-macro",
            "--depth",
            "0",
            "--prefix",
            "none",
        ])
        .output()?;
    if !output.status.success() {
        bail!("{} failed\n{}", spell(&tree), String::from_utf8_lossy(&output.stderr).trim());
    }
    let duplicates = String::from_utf8_lossy(&output.stdout);
    if !duplicates.trim().is_empty() {
        bail!("these crates are there in more than one version:\n{}", duplicates.trim());
    }
    Ok(())
}

/// Runs a test runner with its output shown, and sums the results of its parts.
///
/// A runner that fails although no test did (it did not compile, a test program crashed), and one without any test,
/// is an error: nothing that was not seen to pass may count as passed.
fn count_tests(command: &mut Command) -> Result<Tally> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", spell(command)))?;
    let output = child.stdout.take().context("the output is piped")?;
    let mut sum = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(part) = result_line(&line) {
            sum.passed += part.passed;
            sum.failed += part.failed;
        }
    }
    let status = child.wait()?;
    if !status.success() && sum.failed == 0 {
        bail!("{} failed ({status}) after {} tests had passed", spell(command), sum.passed);
    }
    if sum == Tally::default() {
        bail!("{} ran no test", spell(command));
    }
    Ok(sum)
}

/// Reads "test result: ok. 3 passed; 1 failed; 0 ignored; ...".
fn result_line(line: &str) -> Option<Tally> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")? })
}

fn summary(reports: &[Report], time: Duration, out: &mut impl Write) -> std::io::Result<ExitCode> {
    writeln!(out, "\n===== summary =====")?;
    for Report { step, tally, time } in reports {
        let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
        let Tally { passed, failed } = tally;
        let name = name(*step);
        writeln!(
            out,
            "{name:<10} {verdict:<6} {:>6.1} s  {passed} passed, {failed} failed",
            time.as_secs_f64()
        )?;
    }
    let passed: usize = reports.iter().map(|report| report.tally.passed).sum();
    let failed: usize = reports.iter().map(|report| report.tally.failed).sum();
    writeln!(
        out,
        "In {:.1} s; every test counts, and every other check counts as one:",
        time.as_secs_f64()
    )?;
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The step's name on the command line.
fn name(step: Step) -> String {
    step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_and_other_lines_are_not() {
        let line = "test result: FAILED. 3 passed; 12 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(result_line(line), Some(Tally { passed: 3, failed: 12 }));
        assert_eq!(result_line("test result: ok. many passed"), None);
        assert_eq!(result_line("test a::b ... ok"), None);
    }

    #[cfg(unix)]
    fn counted(script: &str) -> Result<Tally> {
        count_tests(Command::new("/bin/sh").args(["-c", script]))
    }

    #[cfg(unix)]
    #[test]
    fn a_runner_counts_only_as_what_it_showed() {
        let ok = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";
        let failed = "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'";
        assert_eq!(
            counted(&format!("{ok}; {failed}; exit 101")).unwrap(),
            Tally { passed: 3, failed: 1 }
        );
        assert!(counted(&format!("{ok}; exit 101")).is_err());
        assert!(counted("true").is_err());
    }

    #[test]
    fn the_last_line_sums_up() {
        let report = |step, passed, failed| Report {
            step,
            tally: Tally { passed, failed },
            time: Duration::ZERO,
        };
        let mut out = Vec::new();
        summary(&[report(Step::Fmt, 1, 0), report(Step::Tests, 40, 2)], Duration::ZERO, &mut out)
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().last(), Some("41 passed, 2 failed"));
        assert!(text.contains("tests      FAILED"), "{text}");
    }
}
