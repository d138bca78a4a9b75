//! `cargo xtask play`: a server with the page, and the game in this terminal.

use std::io::{IsTerminal, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, ExitCode};
use std::thread::{self, available_parallelism};

use anyhow::{Context, Result};

use crate::server::{Options, Server, all_free, free_ports, log_file};
use crate::web;
use crate::workspace::{self, Programs};

/// Where the page is served unless said otherwise.
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The server's first port, if it and those after it are free.
const PORT: u16 = 6000;

/// Builds what is missing, starts a server, says where the page is, and plays until the player leaves.
///
/// `http` is where the page shall be; without it a free port will do.
pub fn play(http: Option<SocketAddr>) -> Result<ExitCode> {
    // Before the build, which may take minutes.
    let http = page_address(http)?;
    eprintln!("Building what is not up to date (some minutes the first time) ...");
    let page = web::build()?;
    let programs = Programs::build(
        "build",
        &["--release", "--package", "kvserver", "--package", "cli-app", "--bins"],
    )?;
    // From here on there is a server to stop, so whatever would end this program ends the game first.
    let signals = Signals::caught()?;

    let actors = available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    let log = log_file(workspace::target()?, "play-server");
    let server = Server::start(&Options {
        program: &programs.kvserver,
        port: if all_free(PORT, actors) { PORT } else { free_ports(actors)? },
        actors,
        http,
        www: &page.folder,
        log: &log,
    })?;
    welcome(&server);
    let mut game = Command::new(&programs.cmud)
        .args(["--server", &server.queries.join(",")])
        .spawn()
        .context("the game does not start")?;
    signals.pass_on_to(&game);
    let status = game.wait()?;
    drop(server);
    println!("The server is stopped.");
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

fn welcome(server: &Server) {
    let (bold, plain) = if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    println!();
    println!("  In a browser:   {bold}http://{}/{plain}", server.http);
    println!("  Other players:  cargo run --release -p cli-app -- --server {}", server.queries[0]);
    if stdin().is_terminal() {
        println!("  And right here. When you leave, the server stops.");
    } else {
        println!("  And right here, line by line. When the input ends, the server stops.");
    }
    println!();
}

/// The address for the page: the one asked for, which must be free, or the usual one, or any.
fn page_address(asked: Option<SocketAddr>) -> Result<SocketAddr> {
    if let Some(http) = asked {
        TcpListener::bind(http).with_context(|| {
            format!("the page cannot be served at {http}; choose another place with --http")
        })?;
        return Ok(http);
    }
    if TcpListener::bind(HTTP).is_ok() {
        return Ok(HTTP);
    }
    eprintln!("Port {} is in use, so the page goes to a free one.", HTTP.port());
    Ok(SocketAddr::new(HTTP.ip(), 0))
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

    fn pass_on_to(self, _: &Child) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_place_for_the_page_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let http = taken.local_addr().unwrap();
        let error = format!("{:#}", page_address(Some(http)).unwrap_err());
        assert!(error.contains(&http.to_string()) && error.contains("--http"), "{error}");
    }
}
