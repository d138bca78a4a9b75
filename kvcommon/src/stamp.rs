//! When something was written, in an order that every replica agrees on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A hybrid logical timestamp: ordered by clock, then counter, then writer.
///
/// Two different writes never carry the same stamp, because `uid` is drawn at random at every
/// start of a writing actor and an actor's own stamps for a key only grow.
///
/// Source of the idea: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Stamp {
    /// Milliseconds since the Unix epoch, below [`Stamp::MILLIS_LIMIT`].
    pub millis: u64,
    /// Orders writes of one key within a millisecond, or against a clock that lags.
    pub counter: u32,
    /// The incarnation of the actor that wrote it.
    pub uid: u64,
}

impl Stamp {
    /// A stamp at or beyond this many milliseconds (the year 6429) is not decoded: nothing honest
    /// issues one, and it could not be beaten for ever.
    pub const MILLIS_LIMIT: u64 = 1 << 47;
}

/// Written and read as `MILLIS.COUNTER.UID`, the uid as 16 hexadecimal digits.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:016x}", self.millis, self.counter, self.uid)
    }
}

/// The text is not a stamp as [`Stamp`]'s `Display` writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stamp is written MILLIS.COUNTER.UID, such as 1700000000000.0.00c0ffee00c0ffee")]
pub struct ParseStampError;

impl FromStr for Stamp {
    type Err = ParseStampError;

    fn from_str(text: &str) -> Result<Self, ParseStampError> {
        let mut parts = text.split('.');
        let (Some(millis), Some(counter), Some(uid), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseStampError);
        };
        let millis = millis.parse().map_err(|_| ParseStampError)?;
        let counter = counter.parse().map_err(|_| ParseStampError)?;
        let uid = u64::from_str_radix(uid, 16).map_err(|_| ParseStampError)?;
        let stamp = Self::try_from(Fields { millis, counter, uid }).map_err(|_| ParseStampError)?;
        // One text for each stamp: no signs, no zeros in front, no capitals.
        if stamp.to_string() == text { Ok(stamp) } else { Err(ParseStampError) }
    }
}

/// A stamp as it arrives, not yet checked.
#[derive(Deserialize)]
struct Fields {
    millis: u64,
    counter: u32,
    uid: u64,
}

impl TryFrom<Fields> for Stamp {
    type Error = BeyondLimit;

    fn try_from(Fields { millis, counter, uid }: Fields) -> Result<Self, BeyondLimit> {
        if millis >= Self::MILLIS_LIMIT {
            return Err(BeyondLimit);
        }
        Ok(Self { millis, counter, uid })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a stamp lies beyond the year 6429")]
struct BeyondLimit;
