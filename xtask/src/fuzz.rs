//! `cargo xtask fuzz`: every decoder of bytes from outside, under libFuzzer.
//!
//! The engine is a library that the targets are linked with, and the compiler's own passes count the coverage, so the
//! installed toolchain is enough. The instrumented code has a target directory of its own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::process::{run, spell};
use crate::workspace::{self, cargo};

/// What makes the compiler count the coverage as libFuzzer wants it, and every check that costs nothing here.
const INSTRUMENTED: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
    "-Coverflow-checks",
];

/// A decoder that takes more memory than this for a few kilobytes is broken.
const MEMORY_MB: u32 = 512;
/// One that takes longer for them, in seconds, too.
const PATIENCE: u32 = 5;

/// Fuzzes one target, or each in turn, for so many seconds. The first that fails ends it.
pub fn fuzz(target: Option<&str>, seconds: u32) -> Result<ExitCode> {
    let mut targets = targets()?;
    if let Some(target) = target {
        if !targets.iter().any(|name| name == target) {
            bail!("there is no target {target}; there are {}", targets.join(", "));
        }
        targets.retain(|name| name == target);
    }
    let fuzzer = Fuzzer::build()?;
    targets.iter().try_for_each(|target| fuzzer.run(target, seconds))?;
    Ok(ExitCode::SUCCESS)
}

/// The names of the targets, which are the folders of the corpus.
pub fn targets() -> Result<Vec<String>> {
    let folder = corpus();
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The targets' programs, up to date.
#[derive(Debug)]
pub struct Fuzzer {
    programs: PathBuf,
    work: PathBuf,
}

impl Fuzzer {
    /// Builds what is not up to date.
    pub fn build() -> Result<Fuzzer> {
        let (work, host) = (workspace::target()?.join("fuzz"), host()?);
        let mut build = cargo("build");
        build
            .args(["--package", "fuzz", "--features", "engine", "--bins", "--profile", "quick"])
            // With a target named, build scripts and macros are not instrumented.
            .args(["--target", &host, "--target-dir"])
            .arg(&work)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", INSTRUMENTED.join(" "));
        run(&mut build)?;
        Ok(Fuzzer { programs: work.join(host).join("quick"), work })
    }

    /// Fuzzes one target for so many seconds, and says how far it came. What it finds stays in the target directory,
    /// so that the next run goes on from there.
    pub fn run(&self, name: &str, seconds: u32) -> Result<()> {
        let found = self.work.join("corpus").join(name);
        let findings = self.work.join("findings");
        fs::create_dir_all(&found)?;
        fs::create_dir_all(&findings)?;
        let mut program = Command::new(self.programs.join(name));
        program
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .arg(format!("-timeout={PATIENCE}"))
            .arg(format!("-artifact_prefix={}/{name}-", findings.display()))
            .arg(found)
            .arg(corpus().join(name));
        let output =
            program.output().with_context(|| format!("{} does not start", spell(&program)))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let lines: Vec<&str> = said.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(60)..].join("\n"));
            bail!(
                "fuzz target {name} failed ({}); what it choked on is named above: \
                once that is mended, keep it in {}",
                output.status,
                corpus().join(name).display()
            );
        }
        let done = said.lines().rev().find(|line| line.contains("DONE")).unwrap_or("done");
        println!(
            "{name:<16} {seconds} s  {}",
            done.split_whitespace().collect::<Vec<_>>().join(" ")
        );
        Ok(())
    }
}

/// The small examples that every run starts from.
fn corpus() -> PathBuf {
    workspace::root().join("fuzz").join("corpus")
}

/// The triple that the installed compiler builds for by itself.
fn host() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("rustc does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program() {
        let manifest = fs::read_to_string(workspace::root().join("fuzz/Cargo.toml")).unwrap();
        let targets = targets().unwrap();
        assert!(!targets.is_empty());
        for target in &targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
    }
}
