//! Servers without their sockets, in the simulator: what takes hours, or a broken network.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod aside;
mod leaving;
mod members;
mod strangers;
mod sweeps;
mod telling;
mod world;
