//! `cargo xtask play` as a person starts it, but with programs that are built and a page of one file.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;
use xtask::process::wait_at_most;
use xtask::workspace::cargo;

/// Nothing takes longer than this, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A game that is being played.
struct Play {
    child: Child,
    input: Option<ChildStdin>,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    _built: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// Two at once might both find the usual ports free.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Play {
    fn start(arguments: &[&str]) -> Play {
        Play::start_with(built(), arguments)
    }

    fn start_with(built: TempDir, arguments: &[&str]) -> Play {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("play")
            .args(arguments)
            .arg("--built")
            .arg(built.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        Play { child, input, out, err, _built: built, _alone: alone }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn said(&self) -> String {
        format!("{}{}", self.out.lock().unwrap(), self.err.lock().unwrap())
    }

    fn shows(&self, text: &str) {
        eventually(|| self.said().contains(text), || format!("{text:?} in {}", self.said()));
    }

    /// The addresses that follow these words in what was said.
    fn addresses(&self, words: &str) -> Vec<SocketAddr> {
        let said = self.said();
        let rest = said.lines().filter_map(|line| line.trim().strip_prefix(words));
        let first = rest.map(|rest| rest.trim().trim_start_matches("http://"));
        first.filter_map(|first| first.split(['/', ',']).next()?.parse().ok()).collect()
    }

    fn ends(&mut self) -> ExitStatus {
        self.input = None;
        let end = wait_at_most(&mut self.child, PATIENCE).unwrap();
        end.unwrap_or_else(|| panic!("it does not end; it said {}", self.said()))
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        // Asked, not killed: it has servers to stop.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        if !matches!(wait_at_most(&mut self.child, PATIENCE), Ok(Some(_))) {
            let _ = self.child.kill();
        }
    }
}

/// A folder with the programs, which stand beside this one, and a page.
fn built() -> TempDir {
    let beside = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
    let programs = ["kvserver", "cmud"].map(|name| (name, beside.join(name)));
    if !programs.iter().all(|(_, program)| program.is_file()) {
        let packages = ["--package", "kvserver", "--package", "cli-app", "--bins"];
        assert!(cargo("build").args(packages).status().unwrap().success());
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, program) in programs {
        symlink(program, folder.path().join(name)).unwrap();
    }
    fs::create_dir(folder.path().join("www")).unwrap();
    fs::write(folder.path().join("www/index.html"), "the page").unwrap();
    folder
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let all = Arc::new(Mutex::new(String::new()));
    let text = Arc::clone(&all);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            text.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    all
}

#[track_caller]
fn eventually(is_so: impl Fn() -> bool, what: impl Fn() -> String) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {}", what());
        thread::sleep(Duration::from_millis(20));
    }
}

fn http_get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Whether nobody listens at any of these addresses.
fn nobody_is_left(addresses: &[SocketAddr]) {
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "somebody listens at {address}");
    }
}

#[test]
fn three_servers_are_one_world_and_end_with_the_game() {
    let mut play = Play::start(&["--servers", "3", "--http", "localhost:0"]);
    play.shows("line by line");
    for line in play.said().lines().take_while(|line| !line.contains("line by line")) {
        assert!(line.len() <= 80, "too long for a terminal: {line}");
    }
    let all: Vec<_> =
        ["Server 1:", "Server 2:", "Server 3:"].map(|words| play.addresses(words)).concat();
    assert_eq!(all.len(), 3, "{}", play.said());
    for http in &all {
        assert!(http_get(*http, "/").ends_with("the page"));
        eventually(
            || http_get(*http, "/healthz").contains("200 OK"),
            || format!("{http} to be ready"),
        );
        let live = || {
            let answer = http_get(*http, "/stats.json");
            let (_, json) = answer.split_once("\r\n\r\n").unwrap();
            let stats: Value = serde_json::from_str(json).unwrap();
            let members = stats["members"].as_array().unwrap().clone();
            members.iter().filter(|member| member["state"] == "live").count()
        };
        eventually(|| live() == 2, || format!("two others at {http}"));
    }
    let ports = [all, play.addresses("for clients"), play.addresses("for servers")].concat();
    assert_eq!(ports.len(), 9, "{}", play.said());

    play.types("Ada");
    play.types("yes");
    play.types("map");
    play.shows("Ada (you");
    let end = play.ends();
    assert!(end.success(), "{}", play.said());
    play.shows("The servers are stopped.");
    // The game promises nothing that stopping them breaks.
    play.shows("ends with the game. Goodbye!");
    assert!(!play.said().contains("keeps your things"), "{}", play.said());
    nobody_is_left(&ports);
}

#[test]
fn a_signal_ends_all_of_it() {
    for signal in [Signal::TERM, Signal::HUP] {
        let mut play = Play::start(&["--servers", "2", "--http", "127.0.0.1:0"]);
        play.shows("line by line");
        let ports = [play.addresses("for clients"), play.addresses("for servers")].concat();
        assert_eq!(ports.len(), 4, "{}", play.said());
        kill_process(Pid::from_child(&play.child), signal).unwrap();
        let end = wait_at_most(&mut play.child, PATIENCE).unwrap();
        assert!(end.is_some(), "it does not end; it said {}", play.said());
        nobody_is_left(&ports);
    }
}

#[test]
fn a_taken_port_is_named_and_nothing_is_left_running() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = taken.local_addr().unwrap();
    let mut play = Play::start(&["--servers", "3", "--http", &taken.to_string()]);
    assert_eq!(play.ends().code(), Some(1));
    play.shows("choose another place with --http");
    play.shows(&taken.to_string());
}

#[test]
fn a_server_that_is_not_at_its_usual_port_says_where_it_is() {
    // Whoever has it, it is taken.
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 6001));
    let mut play = Play::start(&["--http", "127.0.0.1:0"]);
    play.shows("some are in use, so server 1 is at ");
    play.shows("line by line");
    play.ends();
}

#[test]
fn wrong_usage_is_explained() {
    for servers in ["0", "9", "many"] {
        let mut play = Play::start(&["--servers", servers]);
        assert_eq!(play.ends().code(), Some(2));
        play.shows("--servers <N>");
    }
}

#[test]
fn a_server_that_does_not_start_is_quoted_and_takes_the_others_with_it() {
    let built = built();
    let (program, number) = (built.path().join("kvserver"), built.path().join("number"));
    let real = fs::read_link(&program).unwrap();
    fs::remove_file(&program).unwrap();
    // The first begins a store and leaves the number of its process, which `exec` keeps.
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--join*) echo no luck >&2; exit 1;; esac\n\
         echo $$ > {}\nexec {} \"$@\"\n",
        number.display(),
        real.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut play = Play::start_with(built, &["--servers", "2", "--http", "127.0.0.1:0"]);
    assert_eq!(play.ends().code(), Some(1));
    play.shows("server 2 of 2: the server did not start: no luck");
    let first: i32 = fs::read_to_string(number).unwrap().trim().parse().unwrap();
    assert!(test_kill_process(Pid::from_raw(first).unwrap()).is_err(), "the first one runs on");
}
