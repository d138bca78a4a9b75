//! `kvserver`: a storage server.

use std::convert::Infallible;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use actor::Address;
use clap::Parser;
use kvserver::query_actor::Keeping;
use kvserver::{Config, Description, Server};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

/// Frees on one thread what another one has allocated, as every sync does, and keeps little back;
/// what it was measured against is told in `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A storage server: replicas of one key-value store, each behind a WebSocket port of its own.
///
/// The actor system listens on PORT, query actor i (from 1) on PORT + i.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The starting port; 0 takes free ones.
    #[arg(long, default_value_t = 6000)]
    port: u16,
    /// The number of query actors [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_ACTORS))]
    actors: Option<u16>,
    /// The interface that all ports listen on; 0.0.0.0 or :: for all of them (see --advertise).
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Where to serve HTTP: /kv, /stats.json, /healthz, and the page; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    http: Option<SocketAddr>,
    /// The folder of the page, served at / of the HTTP port.
    #[arg(long, value_name = "DIR", requires = "http")]
    www: Option<PathBuf>,
    /// A server of the store to join: its description, or where its actor system listens. May be
    /// given several times; one that is alive is enough, and this server goes on calling the others
    /// for days (or until `kv forget`). With none it begins a new store, unless members of an old one
    /// know its address: then it was restarted, and gets that store from them.
    #[arg(long, value_name = "DESC|HOST:PORT")]
    join: Vec<String>,
    /// How other servers reach this one's actor system, if not at the address it listens on; needed when
    /// it listens on all interfaces.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// The age in seconds at which what is left of a deleted key is collected; the same on all servers.
    /// Clients remember for five minutes what they have read, and would take a key that was collected
    /// earlier for one that has not come yet: so it is 600 at least.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    #[arg(value_parser = clap::value_parser!(u64).range(600..=TEN_YEARS))]
    tombstones: u64,
    /// The time in seconds after which a silent member is forgotten; the same on all servers.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=TEN_YEARS))]
    retention: u64,
    /// Where to write down what clients wrote while the server was away and others have overwritten.
    #[arg(long, value_name = "DIR", default_value = ".")]
    set_aside: PathBuf,
    /// Say where the server listens as one line of JSON, and on further lines {"ready":true} as soon as
    /// the store is open, {"ready":false} when it has to be fetched anew.
    #[arg(long)]
    json: bool,
}

/// The longest time that a person can mean, in seconds.
const TEN_YEARS: u64 = 10 * 365 * 24 * 60 * 60;

/// As many as a server takes, for the parser of arguments.
const MOST_ACTORS: i64 = kvserver::server::MAX_ACTORS as i64;

fn address(text: &str) -> Result<SocketAddr, String> {
    let none = || "it names no address of this machine".to_owned();
    text.to_socket_addrs().map_err(|error| error.to_string())?.next().ok_or_else(none)
}

/// The query actors have threads of their own; this one serves HTTP and waits for the end.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(colours).init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kvserver: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    // Before the start, so that no signal after the announcement can miss them.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let cores = || available_parallelism().map_or(1, usize::from);
    let actors = args.actors.map_or_else(cores, usize::from);
    let Args { port, host, http, www, join, advertise, set_aside, .. } = args;
    let keeping = Keeping {
        tombstones: Duration::from_secs(args.tombstones),
        retention: Duration::from_secs(args.retention),
        ..Keeping::default()
    };
    let has_page = www.is_some();
    let reached = advertise.clone();
    let config = Config { host, port, actors, http, www, join, advertise, keeping, set_aside };
    let server = kvserver::start(config).await?;
    let announced = match args.json {
        true => announce_json(&server),
        false => announce(&server, has_page, reached.as_deref()),
    };
    if announced.is_ok() {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            never = say_when_it_opens(&server, args.json) => match never {},
        }
    }
    server.shutdown().await;
    announced.map_err(|error| format!("cannot say where the server listens: {error}").into())
}

#[derive(Serialize)]
struct Announcement<'a> {
    desc: &'a Description,
    actor_system: SocketAddr,
    queries: &'a [SocketAddr],
    http: Option<SocketAddr>,
}

fn announce_json(server: &Server) -> io::Result<()> {
    let announcement = Announcement {
        desc: server.description(),
        actor_system: server.actor_system(),
        queries: server.queries(),
        http: server.http(),
    };
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &announcement)?;
    writeln!(out)?;
    out.flush()
}

const OPEN: &str = "The store is open.";

/// Whoever has restarted the only server of a store has to see that it is not the old one.
const NEW: &str = "A new store is open; it is empty.";

/// A replica that has panicked has lost it, the server was away for too long, or it was restarted and the
/// others have found it.
const SHUT: &str = "Not every replica here has the store: it is being fetched.";

/// One that joins others is not ready before it has the store from one of them, and one that was away
/// or restarted may have to fetch it anew.
async fn say_when_it_opens(server: &Server, json: bool) -> Infallible {
    /// Nobody minds to hear so much later that the store is open, or that it is not any more.
    const UNTIL_OPEN: Duration = Duration::from_millis(200);
    const WHILE_OPEN: Duration = Duration::from_secs(1);
    // What has been said: the announcement for people says that a store of one's own is open.
    let mut open = !json && server.joins().is_empty();
    loop {
        if let Some(now) = server.readiness().await.filter(|now| *now != open) {
            open = now;
            let mut out = io::stdout().lock();
            // It serves as well if nobody listens any more.
            let _ = match json {
                true => writeln!(out, "{{\"ready\":{open}}}"),
                false => writeln!(out, "{}", if open { OPEN } else { SHUT }),
            }
            .and_then(|()| out.flush());
        }
        tokio::time::sleep(if open { WHILE_OPEN } else { UNTIL_OPEN }).await;
    }
}

fn announce(server: &Server, has_page: bool, advertise: Option<&str>) -> io::Result<()> {
    let joins: Vec<&str> = server.joins().iter().map(Address::as_str).collect();
    let queries: Vec<String> = server.queries().iter().map(|at| nearby(*at).to_string()).collect();
    let reached = server.actor_system();
    let reached = match advertise {
        Some(address) => format!("--join {address}"),
        None if reached.ip().is_unspecified() => "none can join: --advertise is missing".to_owned(),
        None => format!("--join {reached}"),
    };
    let mut out = io::stdout().lock();
    match joins.as_slice() {
        [] => writeln!(out, "{NEW}")?,
        [one] => writeln!(out, "The store is not open here yet: it comes from {one}.")?,
        several => {
            let several = several.join(", ");
            writeln!(out, "The store is not open here yet: it comes from one of {several}.")?;
        }
    }
    writeln!(out, "  clients (kv, cmud)   --server {}", queries.join(","))?;
    if let Some(http) = server.http().map(nearby) {
        if has_page {
            writeln!(out, "  browsers             http://{http}/")?;
        }
        writeln!(out, "  state                http://{http}/stats.json")?;
        writeln!(out, "  health               http://{http}/healthz")?;
    }
    writeln!(out, "  other servers        {reached}")?;
    writeln!(out, "  described to them    {}", server.description())?;
    if server.actor_system().ip().is_unspecified() {
        writeln!(out, "From elsewhere, use a name or an address of this machine.")?;
    }
    if !joins.is_empty() {
        writeln!(
            out,
            "Until it is, clients are turned away. To begin a new store instead, leave --join out, at a \
             --port where no server of this store was."
        )?;
    }
    writeln!(out, "Nothing is kept on disk. Ctrl-C ends it.")?;
    out.flush()
}

/// How an address is called from this machine: one that stands for all interfaces cannot be everywhere.
fn nearby(mut at: SocketAddr) -> SocketAddr {
    match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => at.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => at.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    at
}
