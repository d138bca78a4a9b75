//! `kv bench`: puts a running server under load and tells how it took it.

mod load;
mod local;
mod report;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use kvclient::router::Addresses;
use kvcommon::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use tokio::runtime::Builder;

use self::load::Load;
use self::local::Local;
use self::report::Report;

/// What the load is to be.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Options {
    /// How many connections, spread over all addresses given with --server
    #[arg(long, short, value_name = "N", default_value_t = 50, value_parser = at_least_one(10_000))]
    connections: usize,
    /// How many queries each connection keeps under way, in one message
    #[arg(long, short, value_name = "N", default_value_t = 1, value_parser = at_least_one(1024))]
    pipeline: usize,
    /// How many of a hundred queries are Gets; the others are Puts
    #[arg(long, value_name = "PERCENT", default_value_t = 90,
        value_parser = clap::value_parser!(u8).range(0..=100))]
    gets: u8,
    /// How many keys there are; each query takes one of them at random
    #[arg(long, short, value_name = "N", default_value_t = 10_000,
        value_parser = at_least_one(100_000_000))]
    keys: usize,
    /// The size of a value in bytes
    #[arg(long, short, value_name = "BYTES", default_value_t = 32,
        value_parser = RangedU64ValueParser::<usize>::new().range(0..=MAX_VALUE_BYTES as u64))]
    value_size: usize,
    /// How long, in seconds
    #[arg(long, short = 't', value_name = "SECONDS", default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// What the keys begin with; they are written first, and deleted in the end
    #[arg(long, value_name = "TEXT", default_value = "bench/", value_parser = prefix)]
    prefix: String,
    /// Leave the keys in the store
    #[arg(long)]
    keep: bool,
}

const AFTER_HELP: &str = "\
Latency is that of a whole message and its answers, as one client sees it. The
processor time of each query is that of the server's process, if it runs on
this machine and this user may look at it. Ctrl-C ends the load early; what was
measured until then is printed.

Exit status: 0; 1 if no query was answered, or if some failed; 2 for wrong usage.";

fn at_least_one(limit: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=limit)
}

fn prefix(text: &str) -> Result<String, String> {
    // Room for the number behind it.
    let limit = MAX_KEY_BYTES - 20;
    match text.len() {
        length if length > limit => Err(format!("it has {length} bytes; the limit is {limit}")),
        _ => Ok(text.to_owned()),
    }
}

/// Fills the store, puts it under load, and prints what came of it. Whether all went well.
///
/// # Errors
/// When the system has no threads left, or standard output cannot be written.
pub fn run(options: &Options, servers: &Addresses, json: bool) -> io::Result<bool> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(options, servers));
    let mut out = io::stdout().lock();
    match report {
        Ok(report) => {
            let text = if json { report.json() } else { report.text() };
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok(report.is_well())
        }
        Err(why) => {
            if json {
                let error = serde_json::json!({ "error": { "message": why } });
                writeln!(out, "{error}")?;
            } else {
                let _ = writeln!(io::stderr(), "error: {why}");
            }
            Ok(false)
        }
    }
}

async fn measure(options: &Options, servers: &Addresses) -> Result<Report, String> {
    let addresses: Vec<_> = servers.iter().cloned().collect();
    let load = Arc::new(Load::new(options.clone()));
    let mut interrupt = tokio::spawn(async { drop(tokio::signal::ctrl_c().await) });
    tokio::select! {
        filled = load.fill(&addresses) => filled?,
        _ = &mut interrupt => return Err("it was interrupted before the load began".to_owned()),
    }
    let local = Local::find(&addresses);
    let connections = load.connect(&addresses).await?;
    let cpu = local.as_ref().map(Local::cpu);
    let span = Duration::from_secs(options.seconds.into());
    let tally = load.clone().drive(connections, span, async { drop(interrupt.await) }).await;
    let cpu = local.as_ref().and_then(|local| Some(local.cpu()?.saturating_sub(cpu??)));
    if !options.keep {
        load.clean(&addresses).await?;
    }
    Ok(Report { options: options.clone(), tally, cpu })
}
