//! Which differences last, and which are only on their way.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sums::Sum;

/// What differs at every look for so long is taken for different, though what differs changes.
pub const HOT_AFTER: Duration = Duration::from_secs(60);

/// How parts of two replicas have compared so far.
#[derive(Default)]
pub struct Suspects(BTreeMap<u16, Suspect>);

struct Suspect {
    difference: Sum,
    since: Duration,
}

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They are equal.
    Equal,
    /// They differ otherwise than at the last look: by what is under way, as far as can be told.
    Moving,
    /// They have differed at every look for [`HOT_AFTER`].
    Hot,
    /// They differ as they did at the last look: something is missing and nothing brings it.
    Settled,
}

impl Suspects {
    /// Notes by how much `part` differs now.
    pub fn look(&mut self, part: u16, difference: Sum, now: Duration) -> Standing {
        if difference.is_zero() {
            self.0.remove(&part);
            return Standing::Equal;
        }
        let since = match self.0.get(&part) {
            Some(last) if last.difference == difference => return Standing::Settled,
            Some(last) => last.since,
            None => now,
        };
        self.0.insert(part, Suspect { difference, since });
        if now >= since + HOT_AFTER { Standing::Hot } else { Standing::Moving }
    }

    /// By how much `part` differed at the last look.
    pub fn difference(&self, part: u16) -> Sum {
        self.0.get(&part).map_or(Sum::default(), |suspect| suspect.difference)
    }

    /// Begins anew with parts that are being repaired: hot ones stay so for [`HOT_AFTER`].
    pub fn repairing(&mut self, parts: impl IntoIterator<Item = u16>, now: Duration) {
        for part in parts {
            if let Some(suspect) = self.0.get_mut(&part) {
                suspect.since = now;
            }
        }
    }

    /// Forgets parts that are equal again, or all of them.
    pub fn forget(&mut self, parts: impl IntoIterator<Item = u16>) {
        for part in parts {
            self.0.remove(&part);
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
