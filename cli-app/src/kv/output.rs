//! Standard output and standard error, each answer flushed at once.

use std::io::{self, IsTerminal, Write};

use super::answer::{Answer, Format};

/// Where answers go.
pub struct Output {
    format: Format,
}

impl Output {
    /// Writes JSON, or text that suits what standard output is.
    pub fn new(json: bool) -> Self {
        let format = match json {
            true => Format::Json,
            false if io::stdout().is_terminal() => Format::Terminal,
            false => Format::Plain,
        };
        Self { format }
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// When standard output is closed or full. Standard error is for people; that it cannot be
    /// written is no reason to stop.
    pub fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let text = answer.render(self.format);
        if !text.out.is_empty() {
            let mut out = io::stdout().lock();
            out.write_all(text.out.as_bytes())?;
            out.flush()?;
        }
        if !text.err.is_empty() {
            let _ = io::stderr().write_all(text.err.as_bytes());
        }
        Ok(())
    }

    /// Writes a line for the person at the prompt.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }
}
