//! Tests of the whole: real servers, real terminals, a real browser.
//!
//! The tests stand in `tests/`, marked as ignored so that a plain `cargo test` needs no browser; `cargo xtask test`
//! runs them. By hand: `cargo test --workspace --test browser -- --ignored`.
//!
//! - [`stage`]: what a test plays on; keeps the evidence when it fails
//! - [`world`]: a server to play in, which can be lost and come back
//! - [`terminal`]: a player at a terminal
//! - [`page`]: a player at a browser
//! - [`cable`]: a network connection that can be pulled out
//! - [`wait`]: waiting for conditions, never for time

pub mod cable;
pub mod page;
pub mod stage;
pub mod terminal;
pub mod wait;
pub mod world;

pub use stage::Stage;
