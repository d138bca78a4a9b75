//! A whole server, over real sockets.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod client;
mod http;
mod ports;
mod program;
mod queries;
mod starting;
mod status;
mod strangers;
mod sync;
mod unkind;
