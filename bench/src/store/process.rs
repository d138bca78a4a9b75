//! Servers as processes of their own, so that what they cost can be told from what the load costs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::wire::Dialect;

/// A server that runs for as long as this value lives.
pub struct Process {
    child: Child,
    pub dialect: Dialect,
    /// Where it listens; connections are spread over them.
    pub ports: Vec<SocketAddr>,
    /// Where its actor system listens, if it has one.
    pub actor_system: Option<String>,
    /// Where it serves HTTP, if it does.
    pub http: Option<String>,
}

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);

impl Process {
    /// A server of this project.
    pub fn kvserver(program: &Path, actors: usize, more: &[&str]) -> Result<Self> {
        Self::kvserver_at(program, "0", actors, more)
    }

    /// The same at a chosen starting port.
    pub fn kvserver_at(program: &Path, port: &str, actors: usize, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--json", "--port", port, "--actors", &actors.to_string()]).args(more);
        let (child, line) = announced(&mut command)?;
        let mut process =
            Self { child, dialect: Dialect::Kv, ports: vec![], actor_system: None, http: None };
        let line: Value = serde_json::from_str(&line).context("the server says no JSON")?;
        let ports = line["queries"].as_array().context("it names no ports")?;
        let ports = ports.iter().filter_map(Value::as_str).map(str::parse);
        process.ports = ports.collect::<Result<_, _>>()?;
        process.http = line["http"].as_str().map(str::to_owned);
        process.actor_system = line["actor_system"].as_str().map(str::to_owned);
        Ok(process)
    }

    /// A Redis that keeps nothing on disk.
    pub fn redis(program: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.args(["--maxclients", "15000"]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().context("redis-server does not start")?;
        let process = Self {
            child,
            dialect: Dialect::Resp,
            ports: vec![port],
            actor_system: None,
            http: None,
        };
        let start = Instant::now();
        while TcpStream::connect(port).is_err() {
            if start.elapsed() > START_LIMIT {
                bail!("redis-server does not answer");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    /// The bare echo of [`super::echo`], with so many threads, each with a port.
    pub fn echo(threads: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["echo", &threads.to_string()]);
        let (child, line) = announced(&mut command)?;
        let mut process =
            Self { child, dialect: Dialect::Echo, ports: vec![], actor_system: None, http: None };
        process.ports = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(process)
    }

    /// The processor time that it has used.
    pub fn cpu(&self) -> Duration {
        cpu_time(&self.child.id().to_string())
    }

    /// How often its threads went to sleep because there was nothing to do.
    pub fn sleeps(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks.into_iter().flatten().flatten();
        let statuses = tasks.map(|task| fs::read_to_string(task.path().join("status")));
        statuses.flatten().map(|status| field(&status, "voluntary_ctxt_switches:")).sum()
    }

    /// The memory that it holds, in bytes.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        field(&status, "VmRSS:") * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The processor time of a process, `self` for this one.
pub fn cpu_time(process: &str) -> Duration {
    /// Linux counts in these, whatever its own clock.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number| after_name.split_whitespace().nth(number)?.parse::<u64>().ok();
    let ticks = field(11).unwrap_or(0) + field(12).unwrap_or(0);
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// The number behind a name in the status of a process.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Starts a program and waits for the line that it says when it is up.
fn announced(command: &mut Command) -> Result<(Child, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
    let mut line = String::new();
    let stdout = child.stdout.take().context("its output is piped")?;
    BufReader::new(stdout).read_line(&mut line)?;
    if line.is_empty() {
        child.kill().ok();
        child.wait()?;
        bail!("{command:?} ended at once");
    }
    Ok((child, line))
}
