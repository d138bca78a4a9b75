//! A storage server for tests, in this process.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kvserver::{Config, Server};
use tokio::runtime::Runtime;

/// An address where nobody listens.
pub const NOBODY: &str = "127.0.0.1:1";

pub struct TestServer {
    runtime: Runtime,
    server: Option<Server>,
    port: u16,
}

impl TestServer {
    pub fn start() -> Self {
        Self::joining(&[])
    }

    /// One that is one store with these.
    pub fn joining(others: &[&Self]) -> Self {
        let runtime = Runtime::new().unwrap();
        // Between looking for free ports and taking them, another test may take them.
        for _ in 0..100 {
            let port = free_ports();
            let join = others.iter().map(|other| other.where_servers_meet()).collect();
            let config = Config { port, join, ..Config::default() };
            if let Ok(server) = runtime.block_on(kvserver::start(config)) {
                return Self { runtime, server: Some(server), port };
            }
        }
        panic!("there are no two free ports side by side");
    }

    /// Where its one query actor answers, alive or not.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port + 1)
    }

    /// Where other servers would join it.
    pub fn where_servers_meet(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        self.runtime.block_on(self.server.take().expect("it runs").shutdown());
    }

    /// Starts it again, empty, on the same ports.
    pub fn revive(&mut self) {
        let config = Config { port: self.port, ..Config::default() };
        self.server = Some(self.runtime.block_on(kvserver::start(config)).unwrap());
    }
}

/// A port that is free, and the one after it. It lies below those that the operating system gives to outgoing
/// connections, or one of these might take it while the server is away.
fn free_ports() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let place = NEXT.fetch_add(1, Relaxed) + std::process::id();
        let port = 10_000 + (place % 900 * 2) as u16;
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}
