//! Tests of the whole: real servers, real terminals, a real browser.
//!
//! The tests stand in `tests/`. Those that need a browser are built with the feature `browser` only, so that a plain
//! `cargo test` needs none; `cargo xtask test` runs them. By hand:
//! `cargo test --workspace --features e2e/browser --test browser`.
//!
//! - [`stage`]: what a test plays on; keeps the evidence when it fails
//! - [`world`]: a server to play in, which can be lost and come back
//! - [`terminal`]: a player at a terminal
//! - [`page`]: a player at a browser
//! - [`wait`]: waiting for conditions, never for time
//!
//! Networks that go away are made with `testproxy`. `tests/links.rs` needs no browser and is part of every test run;
//! it drives the program `numbers`.

pub mod page;
pub mod stage;
pub mod terminal;
pub mod wait;
pub mod world;

pub use stage::Stage;
