//! A terminal: a real one as far as the program in it can tell, with an emulator at its other end.

use std::num::NonZero;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::Instant;

use pty_process::{Pts, Pty, Size};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::program::PATIENCE;

pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";

pub struct Terminal {
    runtime: Runtime,
    pty: Pty,
    child: Child,
    screen: vt100::Parser,
    /// Everything that was ever written.
    pub written: Vec<u8>,
}

impl Terminal {
    /// Starts a program in a terminal of 80 by 24.
    pub fn start(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::open(|pts| {
            let command = pty_process::Command::new(program).args(arguments);
            let command = command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
            command.envs(environment.iter().copied()).kill_on_drop(true).spawn(pts).unwrap()
        })
    }

    /// Starts a program that reads and writes a terminal of another session than its own, so that
    /// no signal tells it when that is closed.
    pub fn start_aloof(program: &str, arguments: &[&str]) -> Self {
        Self::open(|pts| {
            let end = || Stdio::from(pts.as_fd().try_clone_to_owned().unwrap());
            let mut command = tokio::process::Command::new(program);
            command.args(arguments).env("TERM", "xterm-256color").kill_on_drop(true);
            command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
        })
    }

    fn open(spawn: impl FnOnce(Pts) -> Child) -> Self {
        let (rows, columns) = (NonZero::new(24).unwrap(), NonZero::new(80).unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (pty, child) = {
            let _inside = runtime.enter();
            let (pty, pts) = pty_process::open().unwrap();
            pty.resize(Size::new(rows.get(), columns.get())).unwrap();
            (pty, spawn(pts))
        };
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { runtime, pty, child, screen, written: Vec::new() }
    }

    pub fn types(&mut self, keys: &str) {
        self.runtime.block_on(self.pty.write_all(keys.as_bytes())).unwrap();
    }

    pub fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is as wanted.
    pub fn until(&mut self, wanted: impl Fn(&str) -> bool) {
        let started = Instant::now();
        while !wanted(&self.contents()) {
            if started.elapsed() > PATIENCE || !self.read() {
                panic!("waited in vain; the screen shows\n{}", self.contents());
            }
        }
    }

    pub fn shows(&mut self, text: &str) {
        self.until(|screen| screen.contains(text));
    }

    /// Waits until a text is gone.
    pub fn hides(&mut self, text: &str) {
        self.until(|screen| !screen.contains(text));
    }

    /// Waits until the lowest row begins so.
    pub fn row(&mut self, start: &str) {
        self.until(|screen| screen.lines().last().is_some_and(|row| row.starts_with(start)));
    }

    /// Reads what the program writes next; false when nothing comes any more.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read =
            self.runtime.block_on(async { timeout(PATIENCE, self.pty.read(&mut bytes)).await });
        let Ok(Ok(count @ 1..)) = read else { return false };
        self.screen.process(&bytes[..count]);
        self.written.extend(&bytes[..count]);
        true
    }

    pub fn send(&self, signal: Signal) {
        let id = self.child.id().unwrap().try_into().unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Reads what is left and waits for the end.
    pub fn ends(&mut self) -> Option<i32> {
        while self.read() {}
        wait(&self.runtime, &mut self.child)
    }

    /// Closes the terminal and waits for the program's end.
    pub fn close(mut self) -> Option<i32> {
        {
            let _inside = self.runtime.enter();
            drop(self.pty);
        }
        wait(&self.runtime, &mut self.child)
    }

    /// Whether it echoes and waits for whole lines, as a shell expects it.
    pub fn is_restored(&self) -> bool {
        let modes = tcgetattr(&self.pty).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}

/// The exit status of a program; none if a signal has ended it.
fn wait(runtime: &Runtime, child: &mut Child) -> Option<i32> {
    let end = runtime.block_on(async { timeout(PATIENCE, child.wait()).await });
    end.expect("the program ends").unwrap().code()
}
