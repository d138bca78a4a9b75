//! What comes more often than all else, encoded and decoded by hand. Answers take a third of the time that
//! they take in postcard, which makes numbers byte by byte; queries some percent of a GET less.

use super::QueryItem;
use crate::limits::{as_key, as_value};
use crate::{Query, QueryId, Stamp};

/// Takes a Get or a Put off the front of a run of queries. Whatever else is there is left to postcard,
/// and so is a query that breaks a rule, or has a floor.
pub fn take<'a>(run: &mut &'a [u8]) -> Option<QueryItem<'a>> {
    let mut rest = *run;
    let id = QueryId(take_number(&mut rest)?);
    let query = match take_byte(&mut rest)? {
        0 => Query::Get { key: as_key(take_bytes(&mut rest)?)? },
        1 => {
            let key = as_key(take_bytes(&mut rest)?)?;
            let value = as_value(take_bytes(&mut rest)?)?;
            let (0, floor) = (take_byte(&mut rest)?, None) else { return None };
            Query::Put { key, value, floor }
        }
        _ => return None,
    };
    *run = rest;
    Some(QueryItem { id, query: Ok(query) })
}

/// Appends an [`Answer::Found`](crate::Answer::Found).
pub fn append_found(message: &mut Vec<u8>, id: QueryId, stamp: Stamp, value: &str) {
    append_stamped(message, (id, 0), stamp);
    append_numbers(message, [value.len() as u64]);
    message.extend_from_slice(value.as_bytes());
}

/// Appends an [`Answer::Stored`](crate::Answer::Stored).
pub fn append_stored(message: &mut Vec<u8>, id: QueryId, stamp: Stamp) {
    append_stamped(message, (id, 2), stamp);
}

fn take_bytes<'a>(run: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(run)?).ok()?;
    let (bytes, rest) = run.split_at_checked(length)?;
    *run = rest;
    Some(bytes)
}

/// A number below 2^63.
fn take_number(run: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..9 {
        let byte = take_byte(run)?;
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn take_byte(run: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = run.split_first()?;
    *run = rest;
    Some(*byte)
}

fn append_stamped(message: &mut Vec<u8>, (QueryId(id), variant): (QueryId, u64), stamp: Stamp) {
    append_numbers(message, [id, variant, stamp.millis, stamp.counter.into(), stamp.uid]);
}

fn append_numbers<const COUNT: usize>(message: &mut Vec<u8>, numbers: [u64; COUNT]) {
    let mut end = message.len();
    message.resize(end + COUNT * WIDE, 0);
    for number in numbers {
        let (bytes, length) = varint(number);
        message[end..end + WIDE].copy_from_slice(&bytes);
        end += length;
    }
    message.truncate(end);
}

/// A number is written in so many bytes, of which the next one overwrites those that it does not need.
const WIDE: usize = 16;

/// A number as postcard has it, seven bits in each byte, the lowest first; and its length.
fn varint(number: u64) -> ([u8; WIDE], usize) {
    let bits = u64::BITS - (number | 1).leading_zeros();
    let length = bits.div_ceil(7);
    // Eight groups of seven bits move into bytes of their own: halves, quarters, eighths.
    let low = number & 0x00ff_ffff_ffff_ffff;
    let low = (low & 0x00ff_ffff_f000_0000) << 4 | low & 0x0000_0000_0fff_ffff;
    let low = (low & 0x0fff_c000_0fff_c000) << 2 | low & 0x0000_3fff_0000_3fff;
    let low = (low & 0x3f80_3f80_3f80_3f80) << 1 | low & 0x007f_007f_007f_007f;
    let high = number >> 56;
    let all = u128::from(high >> 7 << 8 | high & 0x7f) << 64 | u128::from(low);
    // All bytes but the last one say that there is another.
    let more = 0x8080_8080_8080_8080_8080_u128 & ((1 << (8 * (length - 1))) - 1);
    ((all | more).to_le_bytes(), length as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame;

    fn text(bytes: usize) -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::string::string_regex(&format!("[a-z]{{0,{bytes}}}")).expect("a pattern"),
            "\\PC{0,3}",
        ]
    }

    proptest! {
        /// One byte of a query is wrong, perhaps.
        #[test]
        fn what_is_taken_is_what_postcard_takes(
            (id, bits) in (any::<u64>(), 0..64u32),
            key in text(20),
            value in prop::option::of(text(200)),
            floor in prop::option::weighted(0.2, 0..5u64),
            (place, byte) in (any::<prop::sample::Index>(), prop::option::of(any::<u8>())),
        ) {
            let floor = floor.map(|millis| Stamp { millis, counter: 0, uid: 0 });
            let query = match &value {
                Some(value) => Query::Put { key: &key, value, floor },
                None => Query::Get { key: &key },
            };
            let id = QueryId(id >> bits);
            let mut message = Vec::new();
            frame::encode_query(&mut message, id, &query);
            let has_floor = value.is_some() && floor.is_some();
            let is_usual = !key.is_empty() && !has_floor && id.0 < 1 << 63;
            prop_assert_eq!(take(&mut &message[..]).is_some(), is_usual);
            frame::encode_query(&mut message, QueryId(1), &Query::Status);
            if let Some(byte) = byte {
                *place.get_mut(&mut message) = byte;
            }
            let (mut by_hand, mut by_postcard) = (&message[..], &message[..]);
            if let Some(item) = take(&mut by_hand) {
                let taken = frame::take::<(QueryId, frame::WireQuery<'_>)>(&mut by_postcard, "queries");
                let (id, query) = taken.expect("not empty").expect("an item");
                prop_assert_eq!(item, QueryItem { id, query: query.check() });
                prop_assert_eq!(by_hand, by_postcard);
            } else {
                prop_assert_eq!(by_hand, by_postcard, "nothing is taken");
            }
        }
    }
}
