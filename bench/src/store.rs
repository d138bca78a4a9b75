//! The store beside Redis and beside bare echoes, as its users meet it: processes, sockets, one
//! generator of load for all.

mod crowds;
pub mod echo;
mod growth;
mod lists;
mod load;
mod memory;
mod merge;
mod process;
mod queries;
mod replication;
mod report;
mod unkind;
mod wire;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use self::report::{Row, Target};

/// What is measured, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which rows; without any, all of them
    #[arg(value_enum)]
    names: Vec<Name>,
    /// The program of the server
    #[arg(long)]
    kvserver: PathBuf,
    /// The program of Redis; without it, the rows have nothing beside them
    #[arg(long)]
    redis: Option<PathBuf>,
    /// What the code of the page takes on its way to a browser, for its row
    #[arg(long, value_name = "N")]
    page_bytes: Option<u64>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// How often everything is measured, in turns; the medians count
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many queries a request holds, for the rows of queries
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [64, 16, 1])]
    pipelines: Vec<usize>,
    /// How long a measurement of throughput takes, in milliseconds
    #[arg(long, default_value_t = 1000)]
    millis: u64,
}

/// A group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Name {
    /// GET and SET on 50 connections, pipelined and not
    Queries,
    /// Lists among many keys, and the others meanwhile
    List,
    /// What a key costs
    Memory,
    /// 10,000 clients
    Crowd,
    /// What unkind clients do to the others
    Unkind,
    /// What further actors cost
    Growth,
    /// What it costs to take in a million entries of another server
    Merge,
    /// Two servers a quarter of a second apart
    Replication,
    /// What travels to a browser
    Page,
}

/// What every measurement needs.
struct Setting<'a> {
    args: &'a Args,
}

impl Setting<'_> {
    fn rounds(&self) -> usize {
        self.args.rounds
    }

    fn span(&self) -> Duration {
        Duration::from_millis(self.args.millis)
    }
}

/// Measures and prints.
pub fn run(args: &Args) -> Result<()> {
    let setting = Setting { args };
    let mut all = Vec::new();
    let names = if args.names.is_empty() {
        <Name as clap::ValueEnum>::value_variants()
    } else {
        &args.names
    };
    for name in names {
        let rows: Vec<Row> = match name {
            Name::Queries => queries::measure(&setting)?,
            Name::List => lists::measure(&setting)?,
            Name::Memory => memory::measure(&setting)?,
            Name::Crowd => crowds::measure(&setting)?,
            Name::Unkind => unkind::measure(&setting)?,
            Name::Growth => growth::measure(&setting)?,
            Name::Merge => merge::measure(&setting)?,
            Name::Replication => replication::measure(&setting)?,
            Name::Page => page(args.page_bytes),
        };
        if !args.json {
            println!("\n{name:?}\n{}", report::table(&rows));
        }
        all.extend(rows);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}

fn page(bytes: Option<u64>) -> Vec<Row> {
    let row = |bytes| {
        let kib = [bytes as f64 / 1024.0];
        let target = Some(Target::AtMost(300.0));
        Row::alone("The page: wasm, JavaScript and CSS, gzipped", "KiB", &kib, target)
    };
    bytes.map(row).into_iter().collect()
}
