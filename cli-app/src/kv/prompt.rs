//! The prompt of a person at a terminal, with history and completion.

use std::io;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Context, Editor, Helper, Highlighter, Hinter, Validator};

use super::answer::{Answer, Failure};
use super::command::{ALSO, Line, USAGE, help};
use super::output::Output;
use super::restore;
use super::store::Store;

/// Asks for commands until the person leaves.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn run(store: &Store, output: &mut Output) -> io::Result<()> {
    restore::on_signals(store.runtime())?;
    let mut editor: Editor<Words, MemHistory> =
        Editor::with_history(Config::default(), MemHistory::new()).map_err(to_io)?;
    editor.set_helper(Some(Words));
    output.say("Type help for the commands; Ctrl-D leaves.")?;
    loop {
        let line = match editor.readline("kv> ") {
            Ok(line) => line,
            // Ctrl-C drops the line, as in a shell.
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(to_io(error)),
        };
        // A line that cannot be kept in the history is still a line.
        let _ = editor.add_history_entry(&line);
        match Line::parse(&line) {
            Ok(None) => {}
            Ok(Some(Line::Ask(command))) => output.answer(&store.ask(&command))?,
            Ok(Some(Line::Help)) => output.answer(&Answer::Help { help: help() })?,
            Ok(Some(Line::Quit)) => return Ok(()),
            Err(error) => output.answer(&Answer::Error { error: Failure::from(error) })?,
        }
    }
}

fn to_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Completes the first word of a line.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Words;

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..position];
        let start = before.len() - before.trim_start().len();
        let word = &before[start..];
        let known = USAGE.iter().chain(&ALSO).map(|(command, _)| *command);
        let candidates = known.filter(|command| command.starts_with(word));
        // The space after the word is what one would type next, and where completion ends.
        Ok((start, candidates.map(|command| format!("{command} ")).collect()))
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let history = MemHistory::new();
        let (_, found) = Words
            .complete(line, line.len(), &Context::new(&history))
            .expect("completion asks nobody");
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn the_first_word_is_completed() {
        check("", &["get ", "put ", "delete ", "list ", "status ", "forget ", "help ", "quit "]);
        check("  de", &["delete "]);
        check("get", &["get "]);
        check("get ", &[]);
        check("get d", &[]);
        check("x", &[]);
    }
}
