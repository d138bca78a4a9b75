//! One command per line of standard input: what a script or another program talks to.

use std::io::{self, BufRead};

use super::answer::{Answer, Failure};
use super::command::Command;
use super::output::Output;
use super::store::Store;
use crate::lines::{InputLine, next_line};

/// The longest line of a batch, in bytes: the longest value, were every character quoted, and a
/// key.
const MAX_LINE_BYTES: usize = 5 * kvcommon::limits::MAX_VALUE_BYTES;

/// Carries out the commands in order, each answered before the next is read, and goes on after an
/// error. Returns whether all went well.
///
/// # Errors
/// When an answer cannot be written.
pub fn run(store: &Store, input: &mut impl BufRead, output: &mut Output) -> io::Result<bool> {
    let mut well = true;
    loop {
        let line = match next_line(input, MAX_LINE_BYTES) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(well),
            Err(error) => {
                let error = Failure::invalid(format!("Standard input cannot be read: {error}."));
                output.answer(&Answer::Error { error })?;
                return Ok(false);
            }
        };
        if let Some(answer) = answer(store, line) {
            well &= !answer.is_error();
            output.answer(&answer)?;
        }
    }
}

/// The answer to a line; `None` if it asks nothing.
fn answer(store: &Store, line: InputLine) -> Option<Answer> {
    let command = match line {
        InputLine::Text(line) => Command::parse(&line).map_err(Failure::from),
        InputLine::NotUtf8 => Err(Failure::invalid("The line is not valid UTF-8.")),
        InputLine::TooLong => Err(Failure::too_large(format!(
            "The line has more than {MAX_LINE_BYTES} bytes; nothing that long can be stored."
        ))),
    };
    match command {
        Ok(None) => None,
        Ok(Some(command)) => Some(store.ask(&command)),
        Err(error) => Some(Answer::Error { error }),
    }
}
