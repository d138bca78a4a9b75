//! Gives the terminal back as it was when a signal ends the prompt: the editor, which has changed how
//! the terminal works, waits for keys and would not notice.

use std::io::{self, Write};

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Ends the editor's bracketed paste, and the line that was being typed.
const LEAVE: &[u8] = b"\x1b[?2004l\r\n";

/// From now on, SIGTERM and SIGHUP end the program only after the terminal works as it does now.
///
/// # Errors
/// When standard input is no terminal, or signals cannot be caught.
pub fn on_signals(runtime: &Runtime) -> io::Result<()> {
    let modes = tcgetattr(io::stdin())?;
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    runtime.spawn(async move {
        let kind = tokio::select! {
            _ = terminate.recv() => SignalKind::terminate(),
            _ = hangup.recv() => SignalKind::hangup(),
        };
        // After a hangup there may be no terminal any more; then there is nothing to give back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        let _ = io::stdout().write_all(LEAVE).and_then(|()| io::stdout().flush());
        // As a shell shows the end by a signal.
        std::process::exit(128 + kind.as_raw_value());
    });
    Ok(())
}
