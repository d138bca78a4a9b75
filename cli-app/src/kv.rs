//! `kv`: asks the store from a shell, from a script or at a prompt.

mod answer;
mod batch;
mod bench;
mod command;
mod output;
mod prompt;
mod restore;
mod status;
mod store;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kvclient::router::Addresses;

use self::answer::{Answer, Failure};
use self::command::Command;
use self::output::Output;
use self::store::Store;

/// The store's command line: reads, writes, and how the servers are
///
/// Without a command it is a prompt; or, when standard input is not a terminal, it reads one
/// command per line.
#[derive(Debug, Parser)]
#[command(name = "kv", version, after_help = AFTER_HELP)]
pub struct Args {
    /// Query addresses of the store, as HOST:PORT or ws://HOST:PORT/PATH; with several, the next is
    /// tried when one does not answer
    #[arg(long, value_name = "HOST:PORT[,…]", default_value = DEFAULT_SERVER, global = true)]
    server: Addresses,

    /// Answer every command with one JSON object on a line
    #[arg(long, global = true)]
    json: bool,

    /// The command; without one, commands are read from standard input
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    #[command(flatten)]
    Ask(Command),
    /// Put the server under load and tell how it took it
    Bench(bench::Options),
}

/// The exit status of a program that was called wrongly.
const WRONG_USAGE: u8 = 2;

/// The first query port of a `kvserver --port 6000` on this machine.
const DEFAULT_SERVER: &str = "127.0.0.1:6001";

const AFTER_HELP: &str = "\
Plain answers:
  get prints the value as it is, then a line ending; a terminal is shown its
      control characters in the form \\u{..}
  put prints \"stored as STAMP\", and delete \"deleted as STAMP\": of two writes of
      a key, the one with the larger stamp wins
  list prints a line for each key: the key, a tab, the value; line endings,
      tabs, other control characters and backslashes in them are written
      \\n, \\t, \\u{..} and \\\\
  status prints how the server is and a line in two tables for each of the
      others: since when it is silent, how far its clock is ahead, how many
      entries were written here and are not known to be there (lag) and for how
      long; what was sent to it and received from it, how much of that changed
      nothing (needless), and how many entries were found missing on either
      side when the stores were compared (repaired)
  forget prints \"ADDRESS is being forgotten\"
  Errors, and the note that a key is not there, go to standard error.

JSON answers, each on one line of standard output:
  get     {\"value\":\"…\"} or {\"value\":null}
  put     {\"stamp\":\"…\"}
  delete  {\"stamp\":\"…\"}
  list    {\"entries\":{\"key\":\"value\",…}}, in the order of the keys
  status  {\"age_ms\":…,\"status\":{…}}, as the server tells it
  forget  {\"forgotten\":\"ADDRESS\"}
  bench   {\"queries_per_second\":…,\"latency_us\":{…},…}
  help    {\"help\":\"…\"}, asked for on standard input
  errors  {\"error\":{\"kind\":\"…\",\"message\":\"…\"}}; the kind is unreachable,
          timeout, not_ready, invalid, too_large or protocol

Commands on standard input are quoted as in a shell: put 'two words' \"it's\"
Empty lines and lines that start with # are skipped; help lists the commands,
and quit ends it. Each command is answered before the next is read, and an error
does not stop the rest. Values longer than a shell takes as an argument can be
put in this way.

An argument spelt like an option goes behind --, as in: kv get -- --json

Exit status: 0; 1 after an error, or when the key of a single get is not there;
2 for wrong usage.";

/// Reads the arguments.
///
/// # Errors
/// When there is nothing to run, which has been said then: the exit status is for the shell.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    let error = match Args::try_parse_from(&args) {
        Ok(args) => return Ok(args),
        Err(error) => error,
    };
    let json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    if json && error.use_stderr() {
        let error = Failure::invalid(usage_error(&error.to_string()));
        // Who does not read it is not told.
        let _ = Output::new(true).answer(&Answer::Error { error });
        return Err(ExitCode::from(WRONG_USAGE));
    }
    error.exit()
}

/// What is wrong, in one line, without the usage that follows it.
fn usage_error(message: &str) -> String {
    let what = message.trim_start_matches("error: ").split("\n\n");
    let what = what.take_while(|part| !["Usage:", "For more"].iter().any(|s| part.starts_with(s)));
    what.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Does what the arguments ask; the exit status is for the shell.
pub fn run(args: &Args) -> ExitCode {
    match answer(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain("kv", &error);
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn answer(args: &Args) -> io::Result<bool> {
    let command = match &args.task {
        Some(Task::Bench(options)) => return bench::run(options, &args.server, args.json),
        Some(Task::Ask(command)) => Some(command),
        None => None,
    };
    let store = Store::new(&args.server)?;
    let mut output = Output::new(args.json);
    if let Some(command) = command {
        let answer = store.ask(command);
        output.answer(&answer)?;
        return Ok(!answer.is_error() && !answer.is_missing());
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        prompt::run(&store, &mut output)?;
        return Ok(true);
    }
    batch::run(&store, &mut io::stdin().lock(), &mut output)
}
