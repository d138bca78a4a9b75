//! A server to play in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use xtask::server::{Options, Server, free_ports, log_file};
use xtask::web;
use xtask::workspace::{self, Programs};

/// How many query actors each server has; more than one, so that players meet through the sync between them.
const ACTORS: usize = 4;

/// What is played with: the programs and the page, up to date.
#[derive(Debug, Clone)]
pub struct Things {
    /// The programs.
    pub programs: Programs,
    /// The page's folder.
    pub www: PathBuf,
}

impl Things {
    /// Builds what is not up to date. `cargo xtask test` has built everything before; by hand this does it.
    pub fn ready() -> Result<Things> {
        static READY: Mutex<Option<Things>> = Mutex::new(None);
        let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(things) = &*ready {
            return Ok(things.clone());
        }
        // The same words as the test run itself, which then has built them already.
        let programs = Programs::build("test", &["--workspace", "--no-run"])?;
        let things = Things { programs, www: web::build()?.folder };
        Ok(ready.insert(things).clone())
    }
}

/// A server, and what it takes to start it again.
#[derive(Debug)]
pub struct World {
    things: Things,
    name: String,
    server: Option<Server>,
    /// The addresses of its query ports.
    pub queries: Vec<String>,
    /// Where its page is.
    pub http: SocketAddr,
    port: u16,
    starts: u32,
}

impl World {
    /// Starts a server on free ports; the name is that of its log.
    pub fn start(name: &str) -> Result<World> {
        let http = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let (things, name) = (Things::ready()?, name.to_string());
        // Known ones, so that a restarted server can be found where the one before was.
        let port = free_ports(ACTORS)?;
        let mut world =
            World { things, name, server: None, queries: Vec::new(), http, port, starts: 0 };
        world.restart()?;
        Ok(world)
    }

    /// The programs.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.things.programs
    }

    /// Where its page is, as a browser writes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.http)
    }

    /// Ends the server at once, and with it everything it held.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    /// Starts an empty server on the ports of the one before.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        self.starts += 1;
        let log_name = format!("e2e-{}-server-{}", self.name, self.starts);
        let server = Server::start(&Options {
            program: &self.things.programs.kvserver,
            port: self.port,
            actors: ACTORS,
            http: self.http,
            www: &self.things.www,
            join: None,
            log: &log_file(workspace::target()?, &log_name),
        })
        .context("the test's server does not start")?;
        (self.queries, self.http) = (server.queries.clone(), server.http);
        self.server = Some(server);
        Ok(())
    }
}
