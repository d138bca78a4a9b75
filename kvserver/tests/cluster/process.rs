//! The program `kvserver` as a process that can be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::client::PATIENCE;

/// A running server, killed with the value.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    pub queries: Vec<SocketAddr>,
    pub http: SocketAddr,
    pub description: String,
}

impl Process {
    /// Starts a server with a free HTTP port. When this returns, all its ports listen.
    pub fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kvserver"))
            .args(["--json", "--http", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<String>>::default();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let (written, mut line) = (log.clone(), String::new());
        // Read at once, so that the server never waits for its reader.
        thread::spawn(move || {
            while errors.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                written.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let said: Value = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("it did not start: {}", log.lock().unwrap()));
        let address = |value: &Value| value.as_str().unwrap().parse().unwrap();
        Self {
            queries: said["queries"].as_array().unwrap().iter().map(address).collect(),
            http: address(&said["http"]),
            description: said["desc"].as_str().unwrap().to_owned(),
            child,
            log,
        }
    }

    /// SIGKILL: the process can do nothing about it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it says goodbye. Waits for its end.
    pub fn leave(&mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// What the log says so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until one line of the log has all these parts, and returns it.
    pub async fn until_logged(&self, parts: &[&str]) -> String {
        let since = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| parts.iter().all(|p| line.contains(p))) {
                return line.to_owned();
            }
            assert!(since.elapsed() < PATIENCE, "no line has {parts:?}: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
