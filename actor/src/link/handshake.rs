//! The upgrade request and its answer: who is there, in which life, speaking which version.

use http::{HeaderMap, HeaderName, HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};

use crate::refs::{Address, Incarnation, MAX_ADDRESS_BYTES};
use crate::report::LINKS_TO_ITSELF;

/// The WebSocket subprotocol of a link, which carries the version: a system refuses any other.
pub(crate) const PROTOCOL: &str = "cmud-actor.1";
const ADDRESS: HeaderName = HeaderName::from_static("actor-address");
const INCARNATION: HeaderName = HeaderName::from_static("actor-incarnation");

/// Who is at one end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Where others reach it.
    pub(crate) address: Address,
    pub(crate) incarnation: Incarnation,
}

/// Why a link is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("this system speaks {PROTOCOL}, the other end offers {0}")]
    Version(String),
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    #[error("{LINKS_TO_ITSELF}")]
    Oneself,
}

impl Identity {
    /// Writes what the other end has to know.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        if let Ok(address) = HeaderValue::from_str(self.address.as_str()) {
            headers.insert(ADDRESS, address); // one that is no header text is refused by the other end
        }
        if let Ok(incarnation) = HeaderValue::from_str(&format!("{:?}", self.incarnation)) {
            headers.insert(INCARNATION, incarnation);
        }
    }

    /// Reads what the other end wrote, and checks that a link with it makes sense.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<Identity, HandshakeError> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let offered = text(SEC_WEBSOCKET_PROTOCOL).unwrap_or("nothing");
        if !offered.split(',').any(|version| version.trim() == PROTOCOL) {
            return Err(HandshakeError::Version(offered.chars().take(100).collect()));
        }
        let address = text(ADDRESS)
            .filter(|address| !address.is_empty() && address.len() <= MAX_ADDRESS_BYTES)
            .ok_or(HandshakeError::Header("actor-address"))?;
        let incarnation = text(INCARNATION)
            .filter(|hex| hex.len() == 16 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u64::from_str_radix(hex, 16).ok())
            .filter(|&number| number != 0)
            .ok_or(HandshakeError::Header("actor-incarnation"))?;
        if incarnation == self.incarnation.0 {
            return Err(HandshakeError::Oneself);
        }
        Ok(Identity { address: Address::new(address), incarnation: Incarnation(incarnation) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(address: &str, incarnation: u64) -> Identity {
        Identity { address: Address::new(address), incarnation: Incarnation(incarnation) }
    }

    #[test]
    fn what_is_written_is_read() {
        let (here, there) = (identity("a:1", 1), identity("b:2", u64::MAX));
        let mut headers = HeaderMap::new();
        there.write(&mut headers);
        assert_eq!(here.read(&headers), Ok(there.clone()));
        assert_eq!(there.read(&headers), Err(HandshakeError::Oneself));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("cmud-actor.2"));
        assert_eq!(here.read(&headers), Err(HandshakeError::Version("cmud-actor.2".to_owned())));
    }

    proptest! {
        #[test]
        fn any_headers_are_read_or_refused(
            protocol in proptest::option::of("[ -~]{0,30}"),
            address in proptest::option::of(prop::collection::vec(any::<u8>(), 0..400)),
            incarnation in proptest::option::of("[0-9a-fA-F+ -]{0,20}"),
        ) {
            let mut headers = HeaderMap::new();
            let protocol = protocol.unwrap_or_else(|| PROTOCOL.to_owned());
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(&protocol).expect("printable"));
            if let Some(Ok(address)) = address.map(|bytes| HeaderValue::from_bytes(&bytes)) {
                headers.insert(ADDRESS, address);
            }
            if let Some(Ok(hex)) = incarnation.map(|hex| HeaderValue::from_str(&hex)) {
                headers.insert(INCARNATION, hex);
            }
            if let Ok(read) = identity("a:1", 1).read(&headers) {
                prop_assert!(!read.address.as_str().is_empty() && read.incarnation.0 > 1);
            }
        }
    }
}
