//! Runs the built programs and never waits for ever.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nothing takes longer than this, on a slow and busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(5);

/// What a program has said, and how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A program that runs, its output being collected.
pub struct Running {
    child: Child,
    out: Collected,
    err: Collected,
}

pub fn kv() -> Command {
    Command::new(env!("CARGO_BIN_EXE_kv"))
}

pub fn cmud() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cmud"))
}

/// Runs a program to its end with this on its standard input.
pub fn run(command: &mut Command, input: impl AsRef<[u8]>) -> Outcome {
    let mut running = Running::start(command);
    running.types(input);
    running.end()
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Collected::from(child.stdout.take().unwrap());
        let err = Collected::from(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    pub fn id(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    pub fn types(&mut self, input: impl AsRef<[u8]>) {
        // A program that does not read all of its input has its reasons.
        let _ = self.child.stdin.as_mut().unwrap().write_all(input.as_ref());
    }

    /// What it has printed until now.
    pub fn so_far(&self) -> String {
        self.out.so_far()
    }

    /// Waits until it has printed this.
    pub fn wait_for(&self, text: &str) {
        eventually(|| self.so_far().contains(text), || format!("{text:?} in {}", self.so_far()));
    }

    /// Ends its input and waits for its end.
    pub fn end(mut self) -> Outcome {
        drop(self.child.stdin.take());
        let code = wait(&mut self.child).code();
        Outcome { code, out: self.out.all(), err: self.err.all() }
    }

    /// Waits for its end, its input still being open.
    pub fn ends(mut self) -> Outcome {
        let code = wait(&mut self.child).code();
        Outcome { code, out: self.out.all(), err: self.err.all() }
    }
}

/// Waits until something holds; panics, saying what was waited for, when it takes too long.
pub fn eventually(mut holds: impl FnMut() -> bool, what: impl Fn() -> String) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {}", what());
        thread::sleep(LOOK);
    }
}

/// Waits for a child, and kills it rather than wait for ever.
pub fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the program did not end");
        }
        thread::sleep(LOOK);
    }
}

/// What comes out of a pipe.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn all(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8(std::mem::take(&mut *self.bytes.lock().unwrap())).unwrap()
    }
}
