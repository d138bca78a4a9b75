//! A player at a terminal: the real program in plain mode, through pipes.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use xtask::process::wait_at_most;

use crate::wait::LIMIT;
use crate::world::World;

/// A running `cmud --plain`. It ends with this value.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    input: Option<ChildStdin>,
    output: watch::Receiver<String>,
    /// How much of the output has been looked at.
    seen: usize,
}

impl Terminal {
    /// Sits down as this character.
    pub fn open(world: &World, name: &str) -> Result<Terminal> {
        let mut child = Command::new(&world.programs().cmud)
            .args(["--plain", "--name", name, "--server", &world.queries.join(",")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cmud does not start")?;
        let input = child.stdin.take();
        let mut stdout = child.stdout.take().context("its output is piped")?;
        let (sender, output) = watch::channel(String::new());
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                // In plain mode a write ends with a line; half a character would at worst spoil a message.
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                sender.send_modify(|all| all.push_str(&text));
            }
        });
        Ok(Terminal { child, input, output, seen: 0 })
    }

    /// Types a line.
    pub fn line(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("the input is closed")?;
        writeln!(input, "{line}").with_context(|| format!("cmud does not take {line:?}"))
    }

    /// Waits until one of these texts, whatever its case, appears after all that was awaited before; says which.
    pub async fn see(&mut self, texts: &[&str]) -> Result<usize> {
        let mut output = self.output.clone();
        let from = self.seen;
        let found =
            tokio::time::timeout(LIMIT, output.wait_for(|all| find(&all[from..], texts).is_some()))
                .await;
        let Ok(Ok(all)) = found else {
            bail!("the terminal never showed {texts:?}; it showed:\n{}", self.transcript());
        };
        let (which, end) = find(&all[from..], texts).context("it was there")?;
        self.seen = from + end;
        Ok(which)
    }

    /// Everything shown so far.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.output.borrow().clone()
    }

    /// Closes the input, which is a goodbye, and waits for the end of the program.
    pub fn leave(mut self) -> Result<ExitStatus> {
        self.input = None;
        let limit = LIMIT.max(Duration::from_secs(10));
        wait_at_most(&mut self.child, limit)?
            .with_context(|| format!("cmud does not end; it showed:\n{}", self.transcript()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The first of the texts that is there, and where it ends.
fn find(shown: &str, texts: &[&str]) -> Option<(usize, usize)> {
    // Lowering ASCII keeps every position.
    let shown = shown.to_ascii_lowercase();
    texts.iter().enumerate().find_map(|(which, text)| {
        Some((which, shown.find(&text.to_ascii_lowercase())? + text.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_whatever_their_case_and_with_their_end() {
        assert_eq!(
            find("· You own 1 CPU.", &["gpu", "own 1 cpu"]),
            Some((1, "· You own 1 CPU".len()))
        );
        assert_eq!(find("nothing", &["cpu"]), None);
    }
}
