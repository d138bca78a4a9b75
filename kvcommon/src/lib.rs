//! What clients and servers of the store say to each other.
//!
//! A client opens a WebSocket with the subprotocol [`PROTOCOL`] to a query port and sends binary
//! messages, each a run of `(id, query)` items; the server answers with binary messages that are
//! runs of `(id, answer)` items, in any order. `docs/protocol.md` describes every byte.
//!
//! This crate is pure: it knows neither sockets nor clocks, and it builds for wasm32.
//!
//! ```
//! use kvcommon::{Query, QueryId, QueryItem, frame};
//!
//! let mut message = Vec::new();
//! frame::encode_query(&mut message, QueryId(7), &Query::Get { key: "place/ada" });
//!
//! let items: Vec<QueryItem<'_>> = frame::queries(&message).collect::<Result<_, _>>().unwrap();
//! assert_eq!(items, [QueryItem { id: QueryId(7), query: Ok(Query::Get { key: "place/ada" }) }]);
//! ```

pub mod frame;
pub mod limits;
mod query;
mod stamp;

pub use frame::{AnswerItem, FrameError, QueryItem};
pub use query::{Answer, Entry, Query, QueryId, Refusal, RefusalKind};
pub use stamp::{ParseStampError, Stamp};

/// The WebSocket subprotocol, which carries the version: a server refuses any other.
pub const PROTOCOL: &str = "cmud-kv.1";
