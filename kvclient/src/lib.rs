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
//! Natively a client lives in a tokio runtime, and its futures are `Send`. On wasm32 it lives on
//! the page's event loop. Either way the protocol itself, `session`, is the same pure code.

mod address;
mod client;
mod connection;
mod error;
pub mod platform;
pub mod router;
mod session;

pub use address::{Address, ParseAddressError};
pub use client::{Client, Link, Versioned};
pub use error::{Error, ErrorKind};
pub use kvcommon::Stamp;
pub use router::{Addresses, Fixed, Outcome, Random, RoundRobin, Router, Sticky};
