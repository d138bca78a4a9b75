//! What the storage servers' actors say to each other.

use actor::SharedBytes;
use kvserver::entry::Entry;
use kvserver::query_actor::Message;
use kvserver::replica::{Replica, Walk};

/// A run of entries, one after the other. Each is what it was made of, and merging is total: whatever
/// they are, in whatever order and however often they come, the replica is the same.
pub fn entries(bytes: &[u8]) {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    // One that cannot be decoded is passed over, so that the fuzzer has an easier time with the others.
    while let Ok((bytes, after)) = postcard::take_from_bytes::<SharedBytes>(rest) {
        entries.extend(Entry::try_from(bytes));
        rest = after;
    }
    let (mut there, mut back) = (Replica::default(), Replica::default());
    for entry in &entries {
        check_entry(entry);
        there.merge(entry.clone());
    }
    for entry in entries.iter().rev() {
        back.merge(entry.clone());
    }
    let whole = |replica: &Replica| {
        let (mut walk, mut held) = (Walk::default(), Vec::new());
        while !walk.is_done() {
            held.extend(replica.walk(&mut walk, 2));
        }
        held
    };
    let held = whole(&there);
    assert!(held == whole(&back));
    assert!(held.iter().all(|entry| entries.contains(entry)));
    assert!(entries.into_iter().all(|entry| !there.merge(entry)), "nothing is news a second time");
}

fn check_entry(entry: &Entry) {
    assert!(Entry::new(entry.stamp(), entry.key(), entry.value()) == *entry);
    assert!(!entry.beats(entry));
}

/// A message to a query actor, as it comes over a link.
pub fn actor_message(bytes: &[u8]) {
    let Ok(message) = postcard::from_bytes::<Message>(bytes) else { return };
    let encode =
        |message: &Message| postcard::to_stdvec(message).expect("what was decoded can be encoded");
    let once = encode(&message);
    // A message holds no more than came. A time may come with more than a second's nanoseconds, and
    // then takes a byte more when it goes.
    assert!(once.len() <= 2 * bytes.len());
    let again = postcard::from_bytes(&once).expect("what was encoded can be decoded");
    assert!(encode(&again) == once);
}
