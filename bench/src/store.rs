//! The store beside Redis and beside bare echoes, as its users meet it: processes, sockets, one
//! generator of load for all.

mod crowds;
pub mod echo;
mod growth;
mod lists;
mod load;
mod memory;
mod process;
mod queries;
mod report;
mod unkind;
mod wire;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use self::report::Row;

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
