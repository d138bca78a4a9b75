//! Running other programs: with their output shown, or only if they fail.

use std::env;
use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// Runs a program to its end with its output shown; failing is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| does_not_start(command))?;
    if !status.success() {
        bail!("{} failed ({status})", spell(command));
    }
    Ok(())
}

/// Runs a program without a word, at most for `limit`; if it fails, the error holds its output.
pub fn run_quietly(command: &mut Command, limit: Duration) -> Result<()> {
    // A file, not a pipe: a program that leaves children behind cannot keep us waiting for the end of its output.
    let mut output = tempfile::tempfile().context("no temporary file can be made")?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = command.spawn().with_context(|| does_not_start(command))?;
    let status = wait_at_most(&mut child, limit)?;
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    child.kill().ok();
    child.wait()?;
    let end = status.map_or(format!("no end after {} s", limit.as_secs()), |s| s.to_string());
    let mut said = String::new();
    output.seek(SeekFrom::Start(0))?;
    output.read_to_string(&mut said).ok();
    bail!("{} failed ({end})\n{}", spell(command), said.trim());
}

/// Waits for the end of a program, but not for ever; `None` if it still runs.
pub fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// The first of these programs that PATH has.
pub fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        let file = format!("{name}{}", env::consts::EXE_SUFFIX);
        folders.iter().map(|folder| folder.join(&file)).find(|candidate| candidate.is_file())
    })
}

/// The command as a person would type it.
pub fn spell(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

fn does_not_start(command: &Command) -> String {
    format!("{} does not start", spell(command))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_quiet_failure_tells_what_was_said() {
        let error = run_quietly(
            &mut shell("echo to-stdout; echo to-stderr >&2; exit 3"),
            Duration::from_secs(20),
        );
        let message = error.unwrap_err().to_string();
        for part in ["exit status: 3", "to-stdout", "to-stderr"] {
            assert!(message.contains(part), "{part} missing in {message}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let start = Instant::now();
        let error =
            run_quietly(&mut shell("exec sleep 60"), Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("no end after"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("/nonexistent/frobnicate")).unwrap_err();
        assert!(error.to_string().contains("frobnicate does not start"), "{error}");
    }

    #[test]
    fn path_is_searched_in_the_order_of_the_names() {
        assert_eq!(in_path(&["no-such-program-here"]), None);
        assert!(in_path(&["no-such-program-here", "sh"]).is_some());
    }
}
