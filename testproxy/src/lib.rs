//! A TCP proxy for tests: real connections over a network that is as bad as the test wants it.
//!
//! It delays and throttles each direction, holds or swallows what travels, ends connections, and heals
//! again, all while it runs. It preserves order and bandwidth: bytes are stamped on arrival and leave
//! when their delay is over, however many are under way meanwhile.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let server_address = server.local_addr()?;
//! use std::time::Duration;
//! use testproxy::Proxy;
//!
//! let proxy = Proxy::start("127.0.0.1:0", server_address.to_string()).await?;
//! proxy.delay(Duration::from_millis(200)); // one way, in both directions
//! println!("connect to {}", proxy.near());
//! proxy.cut(); // ends all connections, and every new one
//! proxy.heal();
//! # Ok::<(), std::io::Error>(()) }).unwrap();
//! ```
//!
//! - [`Conditions`]: what the network is like
//! - [`Proxy`]: a port that leads to another one through such a network

mod conditions;
mod proxy;
mod pump;

pub use conditions::{Conditions, Passage, Way};
pub use proxy::Proxy;
pub use pump::MAX_UNDER_WAY;
