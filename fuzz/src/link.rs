//! The links between actor systems.

use actor::fuzzing;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A frame of actor messages.
pub fn frame(bytes: &[u8]) {
    fuzzing::check_frame(bytes);
}

/// The headers of an upgrade request or its answer, one a line, `name: value`.
pub fn handshake(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|&byte| byte == b'\n').take(100) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    fuzzing::check_handshake(&headers);
}
