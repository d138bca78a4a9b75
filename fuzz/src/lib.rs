//! What must hold for whatever bytes come from outside: each function is one fuzz target, and panics when
//! it does not hold.
//!
//! `cargo xtask fuzz` runs the targets under the fuzzer, which looks for bytes that lead elsewhere. Every
//! ordinary test run puts the corpus, and what was ever found, through the same functions.
//!
//! - [`client`]: what clients and servers of the store say to each other
//! - [`link`]: what actor systems say to each other before their messages are looked into
//! - [`sync`]: what the storage servers' actors say to each other
//! - [`server`]: a whole server, to which another one says whatever it likes

pub mod client;
pub mod link;
pub mod server;
pub mod sync;

/// A fuzz target: its name, which is also that of its program and of its folder in the corpus, and what
/// it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("queries", client::queries),
    ("answers", client::answers),
    ("link_frame", link::frame),
    ("link_handshake", link::handshake),
    ("entries", sync::entries),
    ("actor_message", sync::actor_message),
    ("server_script", server::script),
];
