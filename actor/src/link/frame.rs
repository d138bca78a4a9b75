//! The bytes of a link's messages: a stream number, then a run of actor messages.
//!
//! ```text
//! frame = stream: u64 LE, item*
//! item  = id: varint, incarnation: u64 LE unless the id is well-known, length: varint, payload
//! ```
//!
//! The stream number grows each time a sender moves to another connection. A receiver drops frames of a
//! stream older than the newest it has seen, so that what an abandoned connection still holds can never
//! come after what its successor brought.

use crate::refs::{ActorId, Incarnation, RawRef};

/// A larger message between systems is dropped and reported. It leaves room for the largest frame of
/// synchronisation (4 MiB) and what surrounds it.
pub const MAX_REMOTE_MESSAGE_BYTES: usize = 8 << 20;
/// The largest frame: one largest message and its header.
pub(crate) const MAX_FRAME_BYTES: usize = MAX_REMOTE_MESSAGE_BYTES + 64;
const STREAM_BYTES: usize = 8;

/// A frame without a single item, its stream still unknown.
pub(crate) fn empty(capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(capacity.max(STREAM_BYTES));
    frame.extend_from_slice(&[0; STREAM_BYTES]);
    frame
}

pub(crate) fn set_stream(frame: &mut [u8], stream: u64) {
    if let Some(start) = frame.first_chunk_mut::<STREAM_BYTES>() {
        *start = stream.to_le_bytes();
    }
}

pub(crate) fn push(frame: &mut Vec<u8>, to: &RawRef, payload: &[u8]) {
    push_varint(frame, to.id.0);
    if !to.id.is_well_known() {
        frame.extend_from_slice(&to.incarnation.0.to_le_bytes());
    }
    push_varint(frame, payload.len() as u64);
    frame.extend_from_slice(payload);
}

/// One message in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) id: ActorId,
    pub(crate) incarnation: Incarnation,
    pub(crate) payload: &'a [u8],
}

/// The bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed frame")]
pub(crate) struct FrameError;

/// Splits off the stream number; the items are read one by one.
pub(crate) fn read(frame: &[u8]) -> Result<(u64, Items<'_>), FrameError> {
    let (stream, items) = frame.split_first_chunk::<STREAM_BYTES>().ok_or(FrameError)?;
    Ok((u64::from_le_bytes(*stream), Items(items)))
}

/// The items of a frame. After an error there is no way to find the next item: it ends.
pub(crate) struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = self.read_item();
        if item.is_none() {
            self.0 = &[];
        }
        Some(item.ok_or(FrameError))
    }
}

impl<'a> Items<'a> {
    fn read_item(&mut self) -> Option<Item<'a>> {
        let id = ActorId(self.read_varint()?);
        let incarnation = if id.is_well_known() {
            Incarnation::ANY
        } else {
            let (bytes, rest) = self.0.split_first_chunk::<8>()?;
            self.0 = rest;
            Incarnation(u64::from_le_bytes(*bytes))
        };
        let length = usize::try_from(self.read_varint()?).ok()?;
        let (payload, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Item { id, incarnation, payload })
    }

    fn read_varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Address;

    fn well_known(id: u64) -> RawRef {
        RawRef { address: Address::new("a:1"), incarnation: Incarnation::ANY, id: ActorId(id) }
    }

    #[test]
    fn the_bytes_are_pinned() {
        let mut frame = empty(0);
        push(&mut frame, &well_known(3), b"hi");
        let ordinary = RawRef { incarnation: Incarnation(0x0102), ..well_known(1 << 32) };
        push(&mut frame, &ordinary, b"");
        set_stream(&mut frame, 5);
        let expected: &[u8] = &[
            5, 0, 0, 0, 0, 0, 0, 0, // stream
            3, 2, b'h', b'i', // well-known 3
            0x80, 0x80, 0x80, 0x80, 0x10, 2, 1, 0, 0, 0, 0, 0, 0, 0, // ordinary 0, no payload
        ];
        assert_eq!(frame, expected);
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read(
            stream: u64,
            items in prop::collection::vec((any::<u64>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20),
        ) {
            let mut frame = empty(0);
            for (id, incarnation, payload) in &items {
                let to = RawRef { incarnation: Incarnation(*incarnation), ..well_known(*id) };
                push(&mut frame, &to, payload);
            }
            set_stream(&mut frame, stream);
            let (read_stream, read_items) = read(&frame).expect("a frame");
            prop_assert_eq!(read_stream, stream);
            let read_items: Vec<_> = read_items.map(|item| item.expect("an item")).collect();
            prop_assert_eq!(read_items.len(), items.len());
            for (read, (id, incarnation, payload)) in read_items.iter().zip(&items) {
                prop_assert_eq!(read.id, ActorId(*id));
                prop_assert_eq!(read.payload, payload);
                let sent = if read.id.is_well_known() { 0 } else { *incarnation };
                prop_assert_eq!(read.incarnation.0, sent);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((_, items)) = read(&bytes) {
                prop_assert!(items.map(|item| item.map_or(0, |item| item.payload.len())).sum::<usize>() <= bytes.len());
            }
        }
    }
}
