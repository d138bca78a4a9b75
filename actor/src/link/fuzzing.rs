//! What must hold for whatever another system sends on a link. Only the fuzz targets call this.

use http::HeaderMap;

use super::{Identity, frame, handshake::HandshakeError};
use crate::refs::{Address, Incarnation, RawRef};

/// A frame: what is read of it can be written and says the same.
pub fn check_frame(bytes: &[u8]) {
    let Ok((stream, items)) = frame::read(bytes) else { return };
    let mut items: Vec<_> = items.collect();
    items.pop_if(|item| item.is_err());
    let items: Vec<_> =
        items.into_iter().map(|item| item.expect("nothing follows an error")).collect();
    let mut again = frame::empty(bytes.len());
    frame::set_stream(&mut again, stream);
    for item in &items {
        let (incarnation, id) = (item.incarnation, item.id);
        frame::push(
            &mut again,
            &RawRef { address: Address::new("a:1"), incarnation, id },
            item.payload,
        );
    }
    assert!(
        again.len() <= bytes.len(),
        "a number may be written with more bytes than it needs, not with fewer"
    );
    let (stream_again, items_again) = frame::read(&again).expect("what was written is read");
    assert_eq!(stream_again, stream);
    assert!(items_again.eq(items.into_iter().map(Ok)));
}

/// The headers of an upgrade: whoever is read from them is someone else, and can write the same.
pub fn check_handshake(headers: &HeaderMap) {
    let here = Identity { address: Address::new("a:1"), incarnation: Incarnation(1) };
    let Ok(peer) = here.read(headers) else { return };
    assert!(!peer.address.as_str().is_empty() && peer.incarnation != here.incarnation);
    let mut written = HeaderMap::new();
    peer.write(&mut written);
    assert_eq!(here.read(&written), Ok(peer.clone()));
    assert_eq!(peer.read(&written), Err(HandshakeError::Oneself));
}
