//! A storage server: replicas of one key-value store, each behind a WebSocket port of its own.
//!
//! A server runs N query actors. Each holds a replica of the whole store, answers clients on its
//! own port from that replica alone, and tells the others what was written. How they stay equal is
//! told in [`query_actor`].
//!
//! - A query is answered at once, without coordination; a write is visible on its actor
//!   immediately and on the server's other actors within 500 ms.
//! - The last writer wins, in an order that every replica agrees on ([`stamp`], [`replica`]).
//! - Nothing that a client sends stops the server or holds up others (`query_receiver`).
//! - A start succeeds as a whole or leaves nothing behind ([`server`]).
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let server = kvserver::start(kvserver::Config { actors: 2, ..Default::default() }).await?;
//! println!("clients may connect to {} or {}", server.queries()[0], server.queries()[1]);
//! server.shutdown().await;
//! # Ok::<(), kvserver::StartError>(()) }).unwrap();
//! ```

pub mod stamp;

pub mod entry;

pub mod replica;

pub mod digest;

pub mod query_actor;

pub mod members;

pub mod status;

mod query_receiver;

mod handshake;
mod http;
mod listener;
pub mod server;

pub use server::{Config, Description, MemberStats, Server, StartError, Stats, start};
