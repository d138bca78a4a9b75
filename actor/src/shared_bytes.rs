//! The one reviewed type of memory that actors may share.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::{fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use triomphe::{Arc, ThinArc};

/// Bytes whose clones share one allocation, and which never change while they do.
///
/// This is the only shared memory between actors. It is sound because nobody can change what others
/// see: there is no way from a `&SharedBytes` to a `&mut [u8]`, and from a `&mut SharedBytes` only while
/// it has no clone. Over a link it travels as plain bytes.
///
/// A handle takes eight bytes, and so does its `Option`. The allocation holds two numbers, the
/// clones and the length, and then the bytes, which are copied there when it is made: a part of a
/// larger buffer would pin all of it.
#[derive(Clone)]
pub struct SharedBytes(ThinArc<(), u8>);

impl SharedBytes {
    /// Copies `bytes` into an allocation of its own.
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        SharedBytes(ThinArc::from_header_and_slice((), bytes))
    }

    /// Changes the bytes where they are, if this is the only handle to them. Returns whether it is. If
    /// `change` panics, what it has changed stays.
    pub fn change_if_alone(&mut self, change: impl FnOnce(&mut [u8])) -> bool {
        self.0.with_arc_mut(|arc| Arc::get_mut(arc).map(|all| change(all.slice_mut())).is_some())
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0.slice
    }
}

impl Default for SharedBytes {
    fn default() -> Self {
        SharedBytes::copy_from_slice(&[])
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SharedBytes {}

impl PartialOrd for SharedBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedBytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for SharedBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        SharedBytes::copy_from_slice(&bytes)
    }
}

impl From<&[u8]> for SharedBytes {
    fn from(bytes: &[u8]) -> Self {
        SharedBytes::copy_from_slice(bytes)
    }
}

impl From<String> for SharedBytes {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}

impl Serialize for SharedBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_slice())
    }
}

impl<'de> Deserialize<'de> for SharedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> de::Visitor<'de> for BytesVisitor {
    type Value = SharedBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<SharedBytes, E> {
        Ok(bytes.into())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<SharedBytes, E> {
        Ok(bytes.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SharedBytes, E> {
        Ok(text.as_bytes().into())
    }

    // JSON knows no bytes and writes them as a list of numbers.
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<SharedBytes, A::Error> {
        /// A length that a peer claims is not believed further than this before its bytes are there.
        const TRUSTED_LENGTH: usize = 4096;
        let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(TRUSTED_LENGTH));
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_travels_as_plain_bytes_in_both_formats() {
        let bytes = SharedBytes::from(vec![0, 1, 255]);
        let postcard = postcard::to_stdvec(&bytes).expect("plain data");
        assert_eq!(postcard, [3, 0, 1, 255]);
        assert_eq!(
            postcard::from_bytes::<SharedBytes>(&postcard).expect("what was written"),
            bytes
        );
        let json = serde_json::to_string(&bytes).expect("plain data");
        assert_eq!(json, "[0,1,255]");
        assert_eq!(serde_json::from_str::<SharedBytes>(&json).expect("what was written"), bytes);
    }

    #[test]
    fn a_handle_takes_eight_bytes() {
        assert_eq!(size_of::<Option<SharedBytes>>(), 8);
    }

    #[test]
    fn bytes_change_only_while_nobody_else_has_them() {
        let mut bytes = SharedBytes::from("ab".as_bytes());
        let clone = bytes.clone();
        assert!(!bytes.change_if_alone(|bytes| bytes[0] = b'x'));
        assert_eq!(&*clone, b"ab");
        drop(clone);
        assert!(bytes.change_if_alone(|bytes| bytes[0] = b'x'));
        assert_eq!(&*bytes, b"xb");
    }

    #[test]
    fn it_is_ordered_as_its_bytes_are() {
        let of = |text: &str| SharedBytes::from(text.as_bytes());
        assert!(of("b") > of("ab"));
        assert!(of("ab") > of("a"));
        assert_eq!(SharedBytes::default(), of(""));
    }

    #[test]
    fn clones_share_one_allocation_and_a_claimed_length_is_not_believed() {
        let bytes = SharedBytes::from("a long value".to_owned());
        assert_eq!(bytes.as_slice().as_ptr(), bytes.clone().as_slice().as_ptr());
        let claims_4_gb = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2];
        assert!(postcard::from_bytes::<SharedBytes>(&claims_4_gb).is_err());
    }
}
