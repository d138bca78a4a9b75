//! Ports for servers that have to know them before they start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A port that is free, and so are the four above it. They lie below those that the operating system
/// gives to outgoing connections, or one of these might take one of them meanwhile.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        // Tests of several processes begin at different places.
        let place = NEXT.fetch_add(1, Relaxed) + std::process::id();
        let first = 12_000 + (place % 1_000 * 8) as u16;
        if (first..=first + 4).all(is_free) {
            return first;
        }
    }
}
