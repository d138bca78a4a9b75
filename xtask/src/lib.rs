//! Everything a person runs in this project, behind `cargo xtask`.
//!
//! The library exists beside the program so that the end-to-end tests build and find the very things that people
//! run, through the same code.
//!
//! - [`workspace`]: where things are, and how cargo is called
//! - [`process`]: running other programs
//! - [`toolchain`]: the compiler for the page, the browser, and Redis: found, or installed
//! - [`web`]: builds the page
//! - [`server`]: a storage server as a process
//! - [`play`]: a server, the page and the terminal game with one command
//! - [`check`]: everything that continuous integration checks
//! - [`fuzz`](mod@fuzz): every decoder of bytes from outside under the fuzzer
//! - [`bench`](mod@bench): benchmarks beside peers
//! - [`sim`]: simulated worlds of servers

pub mod bench;
pub mod check;
pub mod fuzz;
pub mod play;
pub mod process;
pub mod server;
pub mod sim;
pub mod toolchain;
pub mod web;
pub mod workspace;
