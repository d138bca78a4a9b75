//! One command per line of standard input: what a script or another program talks to.

use std::io::{self, BufRead};

use super::answer::{Answer, Failure};
use super::command::{Line, help};
use super::output::Output;
use super::store::Store;
use crate::lines::{InputLine, next_line};

/// The longest line of a batch, in bytes: the longest value, were every character quoted, and a
/// key.
const MAX_LINE_BYTES: usize = 5 * kvcommon::limits::MAX_VALUE_BYTES;

/// Carries out the commands in order, each answered before the next is read, and goes on after an
/// error, until the input ends or a line says so. Returns whether all went well.
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
        let answer = match parse(line) {
            Ok(None) => continue,
            Ok(Some(Line::Quit)) => return Ok(well),
            Ok(Some(Line::Ask(command))) => store.ask(&command),
            Ok(Some(Line::Help)) => Answer::Help { help: help() },
            Err(error) => Answer::Error { error },
        };
        well &= !answer.is_error();
        output.answer(&answer)?;
    }
}

fn parse(line: InputLine) -> Result<Option<Line>, Failure> {
    match line {
        InputLine::Text(line) => Line::parse(&line).map_err(Failure::from),
        InputLine::NotUtf8 => Err(Failure::invalid("The line is not valid UTF-8.")),
        InputLine::TooLong => Err(Failure::too_large(format!(
            "The line has more than {MAX_LINE_BYTES} bytes; nothing that long can be stored."
        ))),
    }
}
