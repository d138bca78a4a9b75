//! A storage server as a process of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, copy, sink};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::process::wait_at_most;

/// How long a server may take until all its ports listen.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long it may take to leave when asked to; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The program.
    pub program: &'a Path,
    /// The actor system's port; the query ports follow it.
    pub port: u16,
    /// How many query actors.
    pub actors: usize,
    /// Where to serve the page; port 0 takes a free one.
    pub http: SocketAddr,
    /// The page's folder.
    pub www: &'a Path,
    /// A server of the store to join, as its [`Server::actor_system`] says; without one it begins a store.
    pub join: Option<&'a str>,
    /// The file for what it reports.
    pub log: &'a Path,
}

/// A running server. It ends with this value, whatever becomes of its owner's thread.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address at which other servers reach it.
    pub actor_system: String,
    /// The addresses of the query ports.
    pub queries: Vec<String>,
    /// Where the page is.
    pub http: SocketAddr,
}

impl Server {
    /// Starts a server; when this returns all its ports listen.
    pub fn start(options: &Options<'_>) -> Result<Server> {
        if let Some(folder) = options.log.parent() {
            fs::create_dir_all(folder)?;
        }
        let log = File::create(options.log)
            .with_context(|| format!("{} cannot be written", options.log.display()))?;
        let mut command = Command::new(options.program);
        command
            .arg("--json")
            .args(["--port", &options.port.to_string()])
            .args(["--actors", &options.actors.to_string()])
            .args(["--http", &options.http.to_string()])
            .arg("--www")
            .arg(options.www)
            .args(options.join.iter().flat_map(|join| ["--join", join]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        keep_from_terminal(&mut command);
        let mut child = command.spawn().context("the server does not start")?;
        let line = first_line(&mut child);
        // From here on the child is owned: an error below ends it.
        let mut server =
            Server { child, actor_system: String::new(), queries: Vec::new(), http: options.http };
        line.and_then(|line| server.read(&line)).map_err(|error| {
            let log = fs::read_to_string(options.log).unwrap_or_default();
            error.context(format!("the server did not start: {}", log.trim()))
        })?;
        Ok(server)
    }

    /// Ends the server at once, as a power failure would.
    pub fn kill(mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Takes the addresses from the line that a server prints when it is up.
    fn read(&mut self, line: &str) -> Result<()> {
        let line: Value = serde_json::from_str(line).context("its first line is no JSON")?;
        let text = |value: &Value| value.as_str().map(str::to_string);
        self.actor_system = text(&line["actor_system"]).context("it names no port for servers")?;
        let queries = line["queries"].as_array().context("it names no query ports")?;
        self.queries = queries.iter().filter_map(text).collect();
        ensure!(!self.queries.is_empty(), "it names no query ports");
        self.http = text(&line["http"]).context("it serves no page")?.parse()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !ask_to_leave(&self.child)
            || !matches!(wait_at_most(&mut self.child, STOP_LIMIT), Ok(Some(_)))
        {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// The first line of a program's output; the rest is read and dropped, so that it never blocks.
fn first_line(child: &mut Child) -> Result<String> {
    let stdout = child.stdout.take().context("its output is piped")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        if stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
            sender.send(line).ok();
        }
        copy(&mut stdout, &mut sink()).ok();
    });
    receiver.recv_timeout(START_LIMIT).map_err(|why| match why {
        mpsc::RecvTimeoutError::Disconnected => anyhow!("it ended"),
        mpsc::RecvTimeoutError::Timeout => anyhow!("nothing within {} s", START_LIMIT.as_secs()),
    })
}

/// The server shares the terminal with a player, whose Ctrl-C is not meant for it.
#[cfg(unix)]
fn keep_from_terminal(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn keep_from_terminal(_: &mut Command) {}

#[cfg(unix)]
fn ask_to_leave(child: &Child) -> bool {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_child(child), Signal::TERM).is_ok()
}

#[cfg(not(unix))]
fn ask_to_leave(_: &Child) -> bool {
    false
}

/// A port that is free, and so are the next `more`. It lies below those that operating systems give to outgoing
/// connections, or one of these might take it before a server does.
pub fn free_ports(more: usize) -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (0..500)
        .map(|_| {
            let place = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id();
            20_000 + (place % 500 * 20) as u16
        })
        .find(|port| all_free(*port, more))
        .context("there are no free ports")
}

/// Whether a port and the next `more` can be had.
pub fn all_free(first: u16, more: usize) -> bool {
    (0..=more).all(|offset| {
        u16::try_from(usize::from(first) + offset)
            .is_ok_and(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    })
}

/// Where a server's report goes: a file of this name in the target directory.
pub fn log_file(target: &Path, name: &str) -> PathBuf {
    target.join("logs").join(format!("{name}.log"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn start(script: &str) -> Result<Server> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("server");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Server::start(&Options {
            program: &program,
            port: 0,
            actors: 1,
            http: ([127, 0, 0, 1], 0).into(),
            www: folder.path(),
            join: None,
            log: &folder.path().join("log"),
        })
    }

    #[test]
    fn the_addresses_are_read() {
        let line = r#"{"desc":"x","actor_system":"127.0.0.1:1000","queries":["127.0.0.1:1001"],"http":"127.0.0.1:80"}"#;
        let server = start(&format!("echo '{line}'; exec sleep 60")).unwrap();
        assert_eq!(server.http.port(), 80);
        assert_eq!(server.actor_system, "127.0.0.1:1000");
        assert_eq!(server.queries, ["127.0.0.1:1001"]);
    }

    #[test]
    fn a_server_that_gives_up_is_quoted() {
        let error = start("echo 'port 6000 is in use' >&2; exit 1").unwrap_err();
        assert!(format!("{error:#}").contains("port 6000 is in use"), "{error:#}");
    }

    #[test]
    fn one_taken_port_of_many_is_noticed() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(!all_free(port - 1, 2));
        assert!(!all_free(u16::MAX, 1));
        assert!(free_ports(4).is_ok());
    }
}
