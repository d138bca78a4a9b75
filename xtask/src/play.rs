//! `cargo xtask play`: servers with the page, one or a small world of them, and the game in this terminal.

use std::io::{IsTerminal, stdin, stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread::{self, available_parallelism};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::server::{self, Server, all_free, free_ports, log_file};
use crate::web;
use crate::workspace::{self, Programs};

/// Where the first server's page is unless said otherwise; the next server's is at the next port.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The first server's first port, if it and those after it are free; the next server's is so much further.
const PORT: u16 = 6000;
const NEXT_PORT: u16 = 100;

/// What is to be started.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Where to serve the page, and those of further servers at the ports after it; without this 127.0.0.1:8080,
    /// or free ports when they are taken.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    http: Option<SocketAddr>,
    /// How many servers, which are one store.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    servers: u16,
    /// A folder with the programs and the page (kvserver, cmud, www), which are then not built.
    #[arg(long, value_name = "DIR", hide = true)]
    built: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let none = || "it names no address of this machine".to_string();
    text.to_socket_addrs().map_err(|error| error.to_string())?.next().ok_or_else(none)
}

/// Builds what is missing, starts the servers, says where they are, and plays until the player leaves.
pub fn play(options: &Options) -> Result<ExitCode> {
    // Before the build, which may take minutes.
    let pages = page_addresses(options.http, options.servers)?;
    let things = match &options.built {
        Some(folder) => Things::at(folder),
        None => Things::build()?,
    };
    // From here on there are servers to stop, so whatever would end this program ends the game first.
    let mut signals = Signals::caught()?;

    let mut servers: Vec<Server> = Vec::new();
    for (number, http) in (1..).zip(pages) {
        let join = servers.first().map(|first| first.actor_system.as_str());
        servers.push(things.start(number, options.servers, http, join)?);
        if signals.came() {
            bail!("interrupted; the servers are stopped");
        }
    }
    welcome(&servers);
    let queries: Vec<&str> =
        servers.iter().flat_map(|server| &server.queries).map(String::as_str).collect();
    let mut game = Command::new(&things.cmud)
        .args(["--passing", "--server", &queries.join(",")])
        .spawn()
        .context("the game does not start")?;
    signals.pass_on_to(&game);
    let status = game.wait()?;
    drop(servers);
    println!(
        "{}",
        if options.servers == 1 { "The server is stopped." } else { "The servers are stopped." }
    );
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What is played with.
struct Things {
    kvserver: PathBuf,
    cmud: PathBuf,
    www: PathBuf,
}

impl Things {
    fn at(folder: &Path) -> Things {
        let [kvserver, cmud, www] = ["kvserver", "cmud", "www"].map(|name| folder.join(name));
        Things { kvserver, cmud, www }
    }

    fn build() -> Result<Things> {
        eprintln!("Building what is not up to date (some minutes the first time) ...");
        let www = web::build()?.folder;
        let Programs { kvserver, cmud, .. } = Programs::build(
            "build",
            &["--release", "--package", "kvserver", "--package", "cli-app", "--bins"],
        )?;
        Ok(Things { kvserver, cmud, www })
    }

    /// Starts one of so many servers. If this fails, those that run end with their owner.
    fn start(&self, number: u16, of: u16, http: SocketAddr, join: Option<&str>) -> Result<Server> {
        let cores = available_parallelism().map_or(2, usize::from);
        let actors = if of == 1 { cores.clamp(2, 8) } else { 2 };
        let usual = PORT + (number - 1) * NEXT_PORT;
        let port = if all_free(usual, actors) { usual } else { free_ports(actors)? };
        if port != usual {
            let last = usize::from(usual) + actors;
            eprintln!(
                "Of the ports {usual} to {last} some are in use, so server {number} is at {port}."
            );
        }
        let name =
            if of == 1 { "play-server".to_string() } else { format!("play-server-{number}") };
        Server::start(&server::Options {
            program: &self.kvserver,
            port,
            actors,
            http,
            www: &self.www,
            join,
            log: &log_file(workspace::target()?, &name),
        })
        .with_context(|| format!("server {number} of {of}"))
    }
}

fn welcome(servers: &[Server]) {
    let (bold, plain) = if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    println!();
    if let [server] = servers {
        println!("  In a browser:   {bold}http://{}/{plain}", server.http);
    } else {
        println!("  {} servers, one world. In a browser, at any of them:", servers.len());
        for (number, server) in (1..).zip(servers) {
            println!();
            println!("  Server {number}:       {bold}http://{}/{plain}", server.http);
            println!("    its state     http://{}/stats.json", server.http);
            println!("    for clients   {}", server.queries.join(","));
            println!("    for servers   {}", server.actor_system);
        }
        println!();
    }
    let first = &servers[0].queries[0];
    println!("  Other players:  cargo run --release -p cli-app -- --server {first}");
    if servers.len() > 1 {
        println!("  How they are:");
        println!("    cargo run --release -p cli-app --bin kv -- --server {first} status");
    }
    let stop = if servers.len() == 1 { "the server stops" } else { "the servers stop" };
    if stdin().is_terminal() {
        println!("  And right here. When you leave, {stop}.");
    } else {
        println!("  And right here, line by line. When the input ends, {stop}.");
    }
    println!();
}

/// The addresses for the pages: from the one asked for on, all of which must be free; or the usual ones, or any.
fn page_addresses(asked: Option<SocketAddr>, servers: u16) -> Result<Vec<SocketAddr>> {
    let first = asked.unwrap_or(HTTP);
    let mut addresses = Vec::new();
    for number in 0..servers {
        let port = match first.port() {
            0 => 0,
            port => port.checked_add(number).with_context(|| {
                format!("there are not {servers} ports from {first} on; choose another place with --http")
            })?,
        };
        let address = SocketAddr::new(first.ip(), port);
        match TcpListener::bind(address) {
            Ok(_) => addresses.push(address),
            Err(error) if asked.is_some() => {
                return Err(error).with_context(|| {
                    format!(
                        "the page cannot be served at {address}; choose another place with --http"
                    )
                });
            }
            Err(_) => {
                eprintln!("Port {port} is in use, so the page goes to a free one.");
                addresses.push(SocketAddr::new(first.ip(), 0));
            }
        }
    }
    Ok(addresses)
}

/// What a terminal or an operating system uses to end a program.
#[cfg(unix)]
struct Signals(signal_hook::iterator::Signals);

#[cfg(unix)]
impl Signals {
    fn caught() -> Result<Signals> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]);
        Ok(Signals(signals.context("signals cannot be caught")?))
    }

    /// Whether one has come that nobody has heard of.
    fn came(&mut self) -> bool {
        self.0.pending().next().is_some()
    }

    /// Ctrl-C comes to the game from the terminal that it shares with this program; the others come to us alone.
    fn pass_on_to(mut self, game: &Child) {
        use rustix::process::{Pid, Signal, kill_process};
        let game = Pid::from_child(game);
        thread::spawn(move || {
            for signal in &mut self.0 {
                if signal != signal_hook::consts::SIGINT {
                    kill_process(game, Signal::TERM).ok();
                }
            }
        });
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn caught() -> Result<Signals> {
        Ok(Signals)
    }

    fn came(&mut self) -> bool {
        false
    }

    fn pass_on_to(self, _: &Child) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_place_for_a_page_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let http = taken.local_addr().unwrap();
        let error = format!("{:#}", page_addresses(Some(http), 1).unwrap_err());
        assert!(error.contains(&http.to_string()) && error.contains("--http"), "{error}");
        let below = SocketAddr::new(http.ip(), http.port() - 1);
        let error = format!("{:#}", page_addresses(Some(below), 3).unwrap_err());
        assert!(error.contains("--http"), "{error}");
    }

    #[test]
    fn a_host_may_have_a_name() {
        assert_eq!(address("localhost:8080").map(|address| address.port()), Ok(8080));
        assert!(address("localhost").is_err());
    }

    #[test]
    fn there_are_only_so_many_ports() {
        let last = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), u16::MAX);
        let error = format!("{:#}", page_addresses(Some(last), 3).unwrap_err());
        assert!(error.contains("not 3 ports") || error.contains("cannot be served"), "{error}");
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        assert_eq!(page_addresses(Some(any), 3).unwrap(), [any; 3]);
    }
}
