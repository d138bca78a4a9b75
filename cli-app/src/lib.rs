//! The terminal programs: `cmud`, the game in a terminal, and `kv`, the store's command line.
//!
//! The binaries only parse their arguments and call [`kv::run`] or [`play::run`].

pub mod kv;
mod lines;
pub mod play;
mod signals;
mod text;

use std::fmt::Display;
use std::io::Write;

/// Tells the person why the program ends. Standard error may be closed too; then nobody is told.
fn complain(program: &str, error: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "{program}: {error}");
}
