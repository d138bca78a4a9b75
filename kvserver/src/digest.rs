//! Comparing replicas: whatever they missed of each other, and however, they find it and repair it.
//!
//! Messages between replicas are lost when a link breaks or an actor dies, and no bookkeeping of
//! what was sent finds every such loss. So replicas also compare what they *hold*.
//!
//! # Sums
//!
//! Every replica keeps a [`Digest`]: its keys fall, by a hash, into 256 groups of 256 buckets, and
//! each bucket has the wrapping sum of the 128-bit hashes of its live entries; the sums of a group and
//! the root are kept the same way. Equal roots mean equal stores. Sums are needed a few times a second
//! and entries are written a million times, so a replica does not keep them up to date: the first
//! overwrite of a key takes the old entry out of them, and further ones cost nothing. Whoever asks for
//! the sums has what such keys hold by then added first, a slice at a time and with queries in between
//! ([`Replica::sum_up`](crate::replica::Replica::sum_up)), and what was said of sums waits until that is
//! done. What brings entries waits for nothing, so it is merged in the order in which it came.
//!
//! The hash is XXH3 with a seed: specified independently of any machine, at home in every language,
//! and of quality enough that sums of hashes do not cancel; [`Sum`] says what it takes. Its speed
//! counts: SipHash-1-3, which was here before, takes four times as long (`docs/performance.md`), and
//! what it adds, a secret, is of no use among servers that all have to know it.
//!
//! # A round
//!
//! ```text
//! asker                                      answerer
//!   | Root(my sum)  ------------------------>  |   equal: Same, and the round is over
//!   | <---------------------  Groups(256 sums) |
//!   | Open(groups that are out of step) ---->  |   at most 32 in a message
//!   | <------------  Opened(256 sums of each)  |   … until all are opened
//!   | Ask(buckets that are out of step)  --->  |   a walk over the store
//!   | <-----------  Held(keys and stamps, a    |
//!   |                stretch of the store)     |   a walk over the same stretch
//!   | Settle(entries, wanted keys)  -------->  |
//!   | <--------------------  Settle(entries)   |
//!   | Ask(the same, further on)  ----------->  |   … until the end of the store
//! ```
//!
//! The answerer keeps nothing but the walk it is on, so a lost message costs a round and nothing
//! else; no message is repeated, since the next round finds what is left. Either side may give
//! entries that the other one has overwritten or deleted: then it gets the newer one in return, so
//! tombstones, which count in no sum, meet every stale live entry that shows in one.
//!
//! # What is under way
//!
//! While clients write, two replicas always differ by what is under way between them. So a group, or
//! a bucket, is taken for out of step only when its *difference* is the same in two rounds: what is
//! under way changes. In a group whose difference is settled, all buckets that differ are. What has
//! differed at every look for [`HOT_AFTER`] without settling is looked into all the same, some
//! groups in each round ([`HOT_GROUPS`]), and its buckets repaired once a minute.
//!
//! # Driving it
//!
//! A [`Comparison`] is one replica's end of comparing with one peer; it both asks and answers. It is
//! pure: its owner moves messages and gives it turns.
//!
//! - [`begin`](Comparison::begin) when the schedule says so: siblings compare in a ring every
//!   [`SIBLING_EVERY`] (each asks the next one only), one steward of each server with each peer's
//!   every [`PEER_EVERY`] and when they meet again. It sends at most one message.
//! - [`on_message`](Comparison::on_message) for every message from the peer, and
//!   [`work`](Comparison::work), a slice at a time, while it [`has_work`](Comparison::has_work).
//! - Each gives an [`Outcome`]: messages to send to the peer, in order, and entries that were merged
//!   and are news, which a steward passes on to its siblings.
//!
//! # Costs
//!
//! - Nothing differs: `Root` and `Same`, 28 bytes a round at most, 3 bytes a second for a pair that
//!   compares every 10 s.
//! - Under load: the group sums, 4 KiB a round, and once they have differed for a minute 8 groups'
//!   buckets, 32 KiB a round: below 4 KiB a second.
//! - A repair: two walks over the store, in slices; about 30 bytes and its key for every entry of a
//!   bucket that differs, and the entries that are missing, each once.
//! - Memory: 1 MiB for the sums of a replica, and for each peer the differences of the last round,
//!   a few KiB as a rule, 4 MiB if all buckets differ. A message has at most 1.3 MiB, or 3 MiB where
//!   keys are long.
//!
//! # Caveats
//!
//! - A difference of another kind than the sums see is not found: two tombstones with different
//!   stamps, or a tombstone that a replica lacks altogether.
//! - The key of the hash is no secret. Who may write to the store and searches long enough can make
//!   entries whose hashes cancel, and so hide a loss that then has to happen as well.
//! - Under a load that never ends, a loss in a bucket that it touches may take ten minutes to be
//!   repaired: all groups are hot, and 8 are looked into in a round of 10 s.

mod comparison;
mod message;
mod repair;
mod sums;
mod suspects;

#[cfg(test)]
mod tests;

pub use comparison::{Comparison, HOT_GROUPS, Outcome, PEER_EVERY, SIBLING_EVERY, Tally};
pub use message::{
    ENTRIES_BYTES, HELD_BYTES, Held, MAX_ENTRIES, MAX_OPEN, MAX_REPAIR, Message, Round,
};
pub use sums::{Bucket, Digest, FANOUT, Group, Sum};
pub use suspects::HOT_AFTER;
