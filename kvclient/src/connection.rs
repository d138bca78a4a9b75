//! One WebSocket to a query port: the native and the web twin behind one name.
//!
//! Both have the same four methods. `open` connects and shakes hands. `feed` takes a message if
//! there `has_room`; it travels while `next` is awaited, which tells what happens on the socket.
//! `next` may be dropped and called again without losing anything.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod web;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::Connection;
#[cfg(target_family = "wasm")]
pub(crate) use web::Connection;

/// What happens on a socket.
pub(crate) enum Event<M> {
    /// A binary message came.
    Message(M),
    /// There is room to feed again.
    Room,
}
