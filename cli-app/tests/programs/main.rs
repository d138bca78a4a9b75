//! The built programs against a real server in this process.

mod kv;
mod plain;
mod program;
mod server;
mod terminal;
