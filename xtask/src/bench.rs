//! `cargo xtask bench`: what the parts cost, beside the limits and the peers they are to be judged by.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::run;
use crate::toolchain::redis_server;
use crate::web;
use crate::workspace::{self, cargo};

/// A benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// GET and SET on 50 connections, pipelined and not, beside Redis and a bare echo.
    Queries,
    /// Lists among many keys, and the others meanwhile.
    List,
    /// What a key costs, beside Redis.
    Memory,
    /// 10,000 clients, idle and not.
    Crowd,
    /// What unkind clients do to the others.
    Unkind,
    /// What further actors cost.
    Growth,
    /// What it costs to take in a million entries of another server.
    Merge,
    /// Two servers a quarter of a second apart.
    Replication,
    /// What travels to a browser.
    Page,
    /// Messages between actors, beside other actor systems.
    Actor,
}

impl Name {
    /// As the benchmarks call it.
    fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Runs one, or all that make up the table of the store, optimised; `rest` is passed on.
pub fn bench(name: Option<Name>, json: bool, rest: &[String]) -> Result<ExitCode> {
    if name == Some(Name::Actor) {
        run(bench_crate().arg("actor").args(rest))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut build = cargo("build");
    run(build.args(["--quiet", "--release", "--package", "kvserver"]))?;
    let mut command = bench_crate();
    command.arg("store").args(name.map(Name::word));
    command.arg("--kvserver").arg(release("kvserver")?);
    match redis_server() {
        Ok(redis) => drop(command.arg("--redis").arg(redis)),
        Err(error) => eprintln!("Nothing stands beside the figures: {error:#}"),
    }
    if matches!(name, None | Some(Name::Page)) {
        match page_bytes() {
            Ok(bytes) => drop(command.args(["--page-bytes", &bytes.to_string()])),
            Err(error) => eprintln!("The page is left out: {error:#}"),
        }
    }
    if json {
        command.arg("--json");
    }
    run(command.args(rest))?;
    Ok(ExitCode::SUCCESS)
}

fn bench_crate() -> std::process::Command {
    let mut command = cargo("run");
    command.args(["--quiet", "--release", "--package", "bench", "--"]);
    command
}

fn release(program: &str) -> Result<PathBuf> {
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace::target()?.join("release").join(file))
}

/// All wasm, JavaScript and CSS of the page, as it travels.
fn page_bytes() -> Result<usize> {
    let page = web::build()?;
    let is_code = |file: &&web::PageFile| {
        let extension = file.path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("wasm" | "js" | "css"))
    };
    Ok(page.files.iter().filter(is_code).map(|file| file.gzipped).sum())
}
