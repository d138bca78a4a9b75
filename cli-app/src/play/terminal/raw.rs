//! The terminal's raw mode, which ends however the program ends.

use std::io::{self, Write};
use std::panic;
use std::thread;

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{EndSynchronizedUpdate, disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue};

/// Keys arrive one by one and unechoed while this lives.
pub struct RawMode(());

impl RawMode {
    /// Begins it. A panic of this thread ends it before its message is printed.
    ///
    /// # Errors
    /// When there is no terminal to speak to.
    pub fn begin() -> io::Result<Self> {
        let face = thread::current().id();
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == face {
                restore();
            }
            report(panic);
        }));
        enable_raw_mode()?;
        let raw = Self(());
        execute!(io::stdout(), EnableBracketedPaste)?;
        Ok(raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Whatever fails here fails because there is no terminal any more.
fn restore() {
    let mut out = io::stdout();
    let _ = queue!(out, EndSynchronizedUpdate, DisableBracketedPaste, Show);
    let _ = out.flush();
    let _ = disable_raw_mode();
}
