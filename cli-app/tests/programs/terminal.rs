//! The game in a terminal: a real one as far as the program can tell, with an emulator at its
//! other end.

use std::num::NonZero;
use std::process::ExitStatus;

use pty_process::{Command, Pty, Size};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

use crate::program::PATIENCE;
use crate::server::{NOBODY, TestServer};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

struct Terminal {
    pty: Pty,
    child: Child,
    screen: vt100::Parser,
    /// Everything that was ever written.
    written: Vec<u8>,
}

impl Terminal {
    fn start(server: &str, name: &str, environment: &[(&str, &str)]) -> Self {
        let (rows, columns) = (NonZero::new(24).unwrap(), NonZero::new(80).unwrap());
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(Size::new(rows.get(), columns.get())).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_cmud"))
            .args(["--server", server, "--name", name])
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .envs(environment.iter().copied())
            .kill_on_drop(true)
            .spawn(pts)
            .unwrap();
        Self { pty, child, screen: vt100::Parser::new(rows, columns, 0), written: Vec::new() }
    }

    async fn types(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.unwrap();
    }

    /// Waits until the screen is as wanted.
    async fn until(&mut self, wanted: impl Fn(&str) -> bool) {
        let seen = timeout(PATIENCE, async {
            while !wanted(&self.screen.screen().contents()) {
                self.read().await;
            }
        });
        if seen.await.is_err() {
            panic!("waited in vain; the screen shows\n{}", self.screen.screen().contents());
        }
    }

    async fn shows(&mut self, text: &str) {
        self.until(|screen| screen.contains(text)).await;
    }

    /// Waits until the cursor's row begins so.
    async fn row(&mut self, start: &str) {
        self.until(|screen| screen.lines().last().is_some_and(|row| row.starts_with(start))).await;
    }

    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.pty.read(&mut bytes).await {
            Ok(count @ 1..) => {
                self.screen.process(&bytes[..count]);
                self.written.extend(&bytes[..count]);
                true
            }
            // The program has closed its end.
            _ => false,
        }
    }

    fn send(&self, signal: Signal) {
        let id = self.child.id().unwrap().try_into().unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Reads what is left and waits for the end.
    async fn ends(&mut self) -> ExitStatus {
        let end = timeout(PATIENCE, async {
            while self.read().await {}
            self.child.wait().await.unwrap()
        });
        end.await.expect("the program ends")
    }

    /// Whether it echoes and waits for whole lines, as a shell expects it.
    fn is_restored(&self) -> bool {
        let modes = tcgetattr(&self.pty).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}

#[tokio::test]
async fn a_game_is_played() {
    let server = TestServer::start();
    let mut it = Terminal::start(&server.address(), "Ada", &[]);
    it.shows("● online").await;
    it.row("> help, or Tab").await;
    assert!(!it.is_restored());
    it.types("m\t").await;
    it.row("  mine  ").await;
    it.types("ove br\t").await;
    it.row("> move bridge").await;
    it.types("\r").await;
    it.shows("Randy Pausch bridge · ").await;
    it.types("mine 1000\r").await;
    it.shows("/1,000").await;
    it.types("stats\r").await;
    it.types(CTRL_C).await;
    it.shows("brought").await;
    it.shows("Undergraduate, at").await;
    // Up to the line before the last: what was typed ahead is remembered too.
    it.types("\x1b[A\x1b[A").await;
    it.row("> mine 1000").await;
    it.types("\x15").await;
    it.types(CTRL_D).await;
    assert_eq!(it.ends().await.code(), Some(0));
    assert!(it.screen.screen().contents().contains(cmud::text::GOODBYE[0]));
    assert!(!it.screen.screen().contents().contains("online"), "only the log stays");
    assert!(it.is_restored());
    assert!(it.written.windows(4).any(|bytes| bytes == b"\x1b[32"), "there are colours");
}

#[tokio::test]
async fn ctrl_c_twice_leaves() {
    let server = TestServer::start();
    let mut it = Terminal::start(&server.address(), "Ada", &[]);
    it.row("> help, or Tab").await;
    it.types("mine 1000\r").await;
    it.shows("/1,000").await;
    it.types(CTRL_C).await;
    it.row("> Ctrl-C once more").await;
    it.types(CTRL_C).await;
    assert_eq!(it.ends().await.code(), Some(0));
    assert!(it.is_restored());
}

#[tokio::test]
async fn no_colours_where_none_are_wanted() {
    let server = TestServer::start();
    let mut it = Terminal::start(&server.address(), "Ada", &[("NO_COLOR", "1")]);
    it.row("> help, or Tab").await;
    it.types("mine 1\r").await;
    it.shows("1 try brought").await;
    it.types(CTRL_D).await;
    it.ends().await;
    let written = String::from_utf8(it.written).unwrap();
    let styles = written.split("\x1b[").skip(1).filter(|rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
    });
    assert_eq!(styles.count(), 0);
}

#[tokio::test]
async fn a_dumb_terminal_gets_plain_lines_and_a_prompt() {
    let server = TestServer::start();
    let mut it = Terminal::start(&server.address(), "Ada", &[("TERM", "dumb")]);
    it.row(">").await;
    it.types("map\n").await;
    it.shows("Ada (you").await;
    it.row(">").await;
    it.types(CTRL_D).await;
    assert_eq!(it.ends().await.code(), Some(0));
    assert!(!it.written.contains(&0x1b));
}

#[tokio::test]
async fn a_closed_terminal_ends_it_in_the_middle_of_a_command() {
    let server = TestServer::start();
    for command in ["mine 1000\r", "mi", ""] {
        let mut it = Terminal::start(&server.address(), "Ada", &[]);
        it.row(">").await;
        it.types(command).await;
        if command.ends_with('\r') {
            it.shows("/1,000").await;
        }
        drop(it.pty);
        let status = timeout(PATIENCE, it.child.wait()).await.expect("it ends").unwrap();
        assert_eq!(status.code(), Some(0), "{command:?}: {status}");
    }
}

#[tokio::test]
async fn a_terminal_that_vanishes_unannounced_ends_it_too() {
    let server = TestServer::start();
    let mut it = Terminal::start(&server.address(), "Ada", &[]);
    it.row(">").await;
    // A stopped program hears of nothing; then it finds the terminal gone.
    it.send(Signal::STOP);
    drop(it.pty);
    let id = it.child.id().unwrap().try_into().unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::CONT).unwrap();
    let status = timeout(PATIENCE, it.child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test]
async fn a_signal_ends_it_and_the_terminal_is_as_before() {
    let server = TestServer::start();
    let mut it = Terminal::start(&server.address(), "Ada", &[]);
    it.row(">").await;
    it.types("mine 1000\r").await;
    it.shows("/1,000").await;
    it.send(Signal::TERM);
    assert_eq!(it.ends().await.code(), Some(0));
    assert!(it.is_restored());
}

#[tokio::test]
async fn what_others_do_leaves_the_line_being_typed_alone() {
    let server = TestServer::start();
    let mut ada = Terminal::start(&server.address(), "Ada", &[]);
    ada.row("> help, or Tab").await;
    ada.types("mine 7").await;
    let mut grace = Terminal::start(&server.address(), "Grace", &[]);
    grace.row(">").await;
    ada.shows("Grace").await;
    ada.row("> mine 7").await;
    ada.types("\x15map\r").await;
    ada.shows("Grace (").await;
    ada.types(CTRL_D).await;
    assert_eq!(ada.ends().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_shown_above_the_line_being_typed() {
    let mut server = tokio::task::block_in_place(TestServer::start);
    let mut it = Terminal::start(&server.address(), "Ada", &[]);
    it.row("> help, or Tab").await;
    it.types("move 9").await;
    it.row("> move 9").await;
    tokio::task::block_in_place(|| server.kill());
    it.shows("○ offline").await;
    it.row("> move 9").await;
    it.types("\r").await;
    it.shows("connection is lost").await;
    tokio::task::block_in_place(|| server.revive());
    it.shows("connection is back").await;
    it.row("yes/no> ").await;
    it.types("yes\r").await;
    it.shows("Welcome to the campus, Ada").await;
    it.types(CTRL_D).await;
    assert_eq!(it.ends().await.code(), Some(0));
}

#[tokio::test]
async fn a_world_that_is_not_there_can_be_left() {
    let mut it = Terminal::start(NOBODY, "Ada", &[]);
    it.shows("○ offline").await;
    it.types(CTRL_C).await;
    it.types(CTRL_C).await;
    assert_eq!(it.ends().await.code(), Some(0));
    assert!(it.is_restored());
}
