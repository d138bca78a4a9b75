//! Every bound of the client protocol, checked before anything is decoded or stored.

use crate::{Refusal, RefusalKind, Stamp};

/// The longest key, in bytes of UTF-8. Keys are names, not content.
pub const MAX_KEY_BYTES: usize = 1024;

/// The longest address of a member, in bytes of UTF-8: generous to any name there is.
pub const MAX_MEMBER_BYTES: usize = 1024;

/// The longest value, in bytes of UTF-8: a quarter of a message, so that one always fits.
pub const MAX_VALUE_BYTES: usize = 256 * 1024;

/// The largest WebSocket message in either direction, in bytes: bounds what one peer can make the
/// other hold before it has looked at it.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// A page of a List is closed by the entry that brings it to this many bytes, each entry counted as
/// its key, its value and [`ENTRY_OVERHEAD_BYTES`]: so a page costs the server about a tenth of a
/// millisecond and always fits a message.
pub const PAGE_BYTES: usize = 64 * 1024;

/// The most that an entry of a page takes beside its key and value: the stamp at its longest and two
/// lengths.
pub const ENTRY_OVERHEAD_BYTES: usize = 7 + 5 + 10 + 2 + 3;

/// These bytes as a key, if they are one.
pub fn as_key(bytes: &[u8]) -> Option<&str> {
    as_text(bytes, MAX_KEY_BYTES).filter(|key| !key.is_empty())
}

/// These bytes as a value, if they are one.
pub fn as_value(bytes: &[u8]) -> Option<&str> {
    as_text(bytes, MAX_VALUE_BYTES)
}

/// A key is 1 byte to [`MAX_KEY_BYTES`] of UTF-8.
///
/// # Errors
/// [`RefusalKind::Invalid`] for an empty key or bytes that are not UTF-8,
/// [`RefusalKind::TooLarge`] for a long one.
pub fn check_key(bytes: &[u8]) -> Result<&str, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new(
            RefusalKind::Invalid,
            "the key is empty; a key has at least 1 byte",
        ));
    }
    check_text("key", bytes, MAX_KEY_BYTES)
}

/// A prefix is 0 bytes to [`MAX_KEY_BYTES`] of UTF-8.
///
/// # Errors
/// As [`check_key`], but an empty prefix is fine: it names every key.
pub fn check_prefix(bytes: &[u8]) -> Result<&str, Refusal> {
    check_text("prefix", bytes, MAX_KEY_BYTES)
}

/// A value is 0 bytes to [`MAX_VALUE_BYTES`] of UTF-8.
///
/// # Errors
/// [`RefusalKind::TooLarge`] for a long one, [`RefusalKind::Invalid`] if it is not UTF-8.
pub fn check_value(bytes: &[u8]) -> Result<&str, Refusal> {
    check_text("value", bytes, MAX_VALUE_BYTES)
}

/// The address of a member is 1 byte to [`MAX_MEMBER_BYTES`] of UTF-8.
///
/// # Errors
/// As [`check_key`].
pub fn check_member(bytes: &[u8]) -> Result<&str, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "the member's address is empty"));
    }
    check_text("member's address", bytes, MAX_MEMBER_BYTES)
}

/// A floor is a stamp below [`Stamp::MILLIS_LIMIT`].
///
/// # Errors
/// [`RefusalKind::Invalid`] for one beyond it.
pub fn check_floor(floor: Stamp) -> Result<Stamp, Refusal> {
    if floor.millis >= Stamp::MILLIS_LIMIT {
        return Err(Refusal::new(
            RefusalKind::Invalid,
            "the floor is no stamp: it lies beyond the year 6429",
        ));
    }
    Ok(floor)
}

fn as_text(bytes: &[u8], limit: usize) -> Option<&str> {
    (bytes.len() <= limit).then(|| std::str::from_utf8(bytes).ok()).flatten()
}

fn check_text<'a>(what: &str, bytes: &'a [u8], limit: usize) -> Result<&'a str, Refusal> {
    as_text(bytes, limit).ok_or_else(|| {
        if bytes.len() > limit {
            let message = format!("the {what} has {} bytes; the limit is {limit}", bytes.len());
            return Refusal::new(RefusalKind::TooLarge, message);
        }
        Refusal::new(RefusalKind::Invalid, format!("the {what} is not valid UTF-8"))
    })
}
