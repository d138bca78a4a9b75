//! The built programs against a real server in this process.

// What is not as expected fails the test.
#![allow(clippy::unwrap_used)]

mod bench;
mod kv;
mod plain;
mod program;
mod pty;
mod server;
mod terminal;
