//! Lines of standard input, bounded and forgiving: whatever bytes come, nothing is held without end.

use std::io::{self, BufRead, Read};

/// One line of input, without its line ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputLine {
    /// A line of text.
    Text(String),
    /// A line that is not UTF-8.
    NotUtf8,
    /// A line over the limit; all of it has been read and dropped.
    TooLong,
}

/// Reads the next line; `None` at the end of the input.
///
/// # Errors
/// Whatever reading from `input` gives.
pub fn next_line(input: &mut impl BufRead, limit: usize) -> io::Result<Option<InputLine>> {
    let mut bytes = Vec::new();
    // One byte more than the limit and the line ending tells a full line from one that goes on.
    let room = limit as u64 + 2;
    if input.by_ref().take(room).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let ended = bytes.ends_with(b"\n");
    if ended {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.len() > limit {
        if !ended {
            input.skip_until(b'\n')?;
        }
        return Ok(Some(InputLine::TooLong));
    }
    Ok(Some(String::from_utf8(bytes).map_or(InputLine::NotUtf8, InputLine::Text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[u8], expected: &[InputLine]) {
        let mut reader = io::BufReader::with_capacity(3, input);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut reader, 5).expect("memory can be read") {
            lines.push(line);
        }
        assert_eq!(lines, expected);
    }

    fn text(line: &str) -> InputLine {
        InputLine::Text(line.to_owned())
    }

    #[test]
    fn lines_end_with_either_ending_or_with_the_input() {
        check(b"", &[]);
        check(b"\n", &[text("")]);
        check(b"a\r\nb\nc", &[text("a"), text("b"), text("c")]);
        check(b"a\rb\n", &[text("a\rb")]);
    }

    #[test]
    fn a_line_is_as_long_as_the_limit_and_no_longer() {
        check(b"12345\n12345\r\n12345", &[text("12345"), text("12345"), text("12345")]);
        check(b"123456\nok\n", &[InputLine::TooLong, text("ok")]);
        check(b"123456", &[InputLine::TooLong]);
        check(b"12345678901234567890\nok", &[InputLine::TooLong, text("ok")]);
    }

    #[test]
    fn bytes_that_are_no_text_are_named_so() {
        check(b"\xff\nok\n", &[InputLine::NotUtf8, text("ok")]);
    }
}
