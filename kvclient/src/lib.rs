//! The store's client, one library for native programs and for pages.
//!
//! A [`Client`] asks the addresses that its [`Router`] names, over WebSockets that it opens when
//! they are needed and opens again when they fail. Every query ends with its answer or with an
//! [`Error`] that a person can read; nothing hangs, and nothing is tried twice.
//!
//! ```no_run
//! use kvclient::{Client, Sticky};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let servers: kvclient::Addresses = "localhost:6001,localhost:6002".parse()?;
//! let client = Client::new(Sticky::new(servers));
//! client.put("place/ada", "library").await?;
//! let place = client.get("place/ada").await?;
//! assert_eq!(place.map(|found| found.value).as_deref(), Some("library"));
//! # Ok(())
//! # }
//! ```
//!
//! # What one client sees
//!
//! Each query may go to another server, and servers are a moment behind each other: 500 ms within
//! one, 2 s around the world, longer where links are broken. All the same, through one [`Client`],
//! whatever its router does:
//!
//! - **It reads its own writes.** After a put, a get or a list shows that value or a newer one; after
//!   a delete, none or a newer one.
//! - **What it reads never goes back.** A get or list never shows less than an earlier one did.
//! - **Its writes follow what it read.** A put wins over every value that the client has seen of
//!   that key, on whichever server it was seen.
//!
//! Nothing waits for this. The client remembers what it has seen of each key: an answer that is older
//! is replaced, and a write carries the stamp that it has to beat. It costs 1 MiB of memory at most,
//! a copy of each value that comes or goes, and in a list, where a key that was seen is missing, one
//! more round trip to learn whether it was deleted.
//!
//! What it remembers is bounded, and the promises with it: the latest 1 MiB of keys and values, each
//! for 5 minutes after a server has last confirmed it; of a list of more than 256 KiB only what was
//! known before. A write that failed with its outcome unknown promises nothing. A server that was
//! restarted empty, with nobody left to fetch the store from, is believed: what was lost is lost. (One
//! that has never heard of a key is not, before the one that knew it was asked as well.) And where a
//! server's clock is far ahead of another's, a put of what was seen there is refused as invalid until
//! the other has heard of it.
//!
//! Clones of a client share all this: they are one reader and writer. Two clients share nothing, and
//! see each other's writes as everybody else does.
//!
//! Natively a client lives in a tokio runtime, and its futures are `Send`. On wasm32 it lives on
//! the page's event loop. Either way the protocol itself, `session`, is the same pure code.

mod address;
mod client;
mod connection;
mod error;
mod overlay;
pub mod platform;
pub mod router;
mod session;

pub use address::{Address, ParseAddressError};
pub use client::{Client, Link, ServerStatus, Versioned};
pub use error::{Error, ErrorKind};
pub use kvcommon::Stamp;
pub use router::{Addresses, Fixed, Outcome, Random, RoundRobin, Router, Sticky};
