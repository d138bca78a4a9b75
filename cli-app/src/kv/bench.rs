//! `kv bench`: puts a running server under load and tells how it took it.

mod connection;
mod load;
mod local;
mod progress;
mod report;

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use kvclient::Address;
use kvclient::router::Addresses;
use kvcommon::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use tokio::runtime::Builder;

use self::load::{Load, Tally};
use self::local::{Local, Used};
use self::progress::Progress;
use self::report::Report;
use super::answer::{Answer, Failure};
use super::output::Output;
use crate::signals::Signals;

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
processor time of each query is that of the servers' processes, of those that
run on this machine to the end and that this user may look at. On a terminal,
standard error says every second how far it is. Ctrl-C ends the load early: what
was measured until then is printed, and the keys are deleted; pressed once more,
it ends at once and says which keys are left. Of several servers those that
answer at the start are used.

Exit status: 0; 1 if no query was answered, if some failed, or if keys are left
that should not be; 2 for wrong usage.";

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
/// When the system has no threads or signals for us, or standard output cannot be written.
pub fn run(options: &Options, servers: &Addresses, json: bool) -> io::Result<bool> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let signals = Signals::listen()?;
        io::Result::Ok(measure(options, servers, signals).await)
    })?;
    match report {
        Ok(report) => {
            let text = if json { report.json() } else { report.text(io::stdout().is_terminal()) };
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok(report.is_well())
        }
        Err(error) => {
            Output::new(json).answer(&Answer::Error { error })?;
            Ok(false)
        }
    }
}

async fn measure(
    options: &Options,
    servers: &Addresses,
    mut signals: Signals,
) -> Result<Report, Failure> {
    let (addresses, away) = connection::reachable(servers.iter().cloned()).await?;
    let progress = Progress::new();
    let load = Arc::new(Load::new(options.clone()));
    let measured = under_load(&load, &addresses, progress, &mut signals).await;
    let left = match options.keep {
        true => None,
        false => clean(&load, &addresses, progress, &mut signals).await,
    };
    match (measured, left) {
        (Ok((tally, used)), left) => {
            Ok(Report { options: options.clone(), tally, used, away, left })
        }
        (Err(why), None) => Err(why),
        (Err(Failure { kind, message }), Some(left)) => {
            Err(Failure { kind, message: format!("{message}; {left}") })
        }
    }
}

/// What came of the load, and the processor time that it took.
async fn under_load(
    load: &Arc<Load>,
    addresses: &[Address],
    progress: Progress,
    signals: &mut Signals,
) -> Result<(Tally, Option<Used>), Failure> {
    {
        let mut fill = pin!(progress.during(|| load.filled(), load.fill(addresses)));
        tokio::select! {
            filled = &mut fill => filled?,
            _ = signals.next() => {
                load.stop();
                // What was sent has to have arrived before it is deleted, unless somebody cannot wait.
                tokio::select! {
                    _ = &mut fill => {}
                    _ = signals.next() => {}
                }
            }
        }
    }
    if load.is_stopped() {
        let trouble = Failure::invalid("it was interrupted before the load began");
        return Ok((Tally { trouble: Some(trouble), ..Tally::new() }, None));
    }
    let local = Local::find(addresses);
    let connections = load.connect(addresses).await?;
    let before = local.cpu();
    let span = Duration::from_secs(load.seconds().into());
    let stop = async {
        signals.next().await;
    };
    let begun = Instant::now();
    let driven = load.clone().drive(connections, span, stop);
    let mut tally = progress.during(|| load.driven(begun.elapsed()), driven).await;
    if tally.gets + tally.puts == 0 {
        tally.trouble.get_or_insert_with(|| Failure::invalid("no query was answered in this time"));
    }
    let used = local.used(&before, &local.cpu(), &tally.answered_by);
    Ok((tally, used))
}

/// Deletes the keys; if that fails, says what is left and what to do.
async fn clean(
    load: &Load,
    addresses: &[Address],
    progress: Progress,
    signals: &mut Signals,
) -> Option<String> {
    let deleting = || "deleting the keys".to_owned();
    let why = tokio::select! {
        cleaned = progress.during(deleting, load.clean(addresses)) => cleaned.err()?.message,
        _ = signals.next() => "interrupted again".to_owned(),
    };
    Some(format!("{} ({why})", load.what_is_left()))
}
