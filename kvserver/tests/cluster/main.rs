//! Several servers, over real sockets, most of them far away. Each test prints what it measured:
//! `cargo test -p kvserver --test cluster -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../it/client.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod client;
#[path = "../it/ports.rs"]
mod ports;

mod conflicts;
mod economy;
mod faults;
mod joining;
mod mixture;
mod nodes;
mod process;
mod returning;
mod strangers;
mod traces;
