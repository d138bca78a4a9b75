use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;

use kvcommon::Stamp;
use kvcommon::limits::MAX_VALUE_BYTES;

use super::*;

/// Few keys, stamps and values, so that entries meet, and even tie.
fn entries(
    length: impl Into<proptest::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Entry>> {
    let entry = ("[a-d]", 0..3u64, 0..2u32, 0..2u64, proptest::option::of("[x-z]?")).prop_map(
        |(key, millis, counter, uid, value)| {
            Entry::new(Stamp { millis, counter, uid }, &key, value.as_deref())
        },
    );
    vec(entry, length)
}

fn merged(entries: &[Entry]) -> Replica {
    let mut replica = Replica::default();
    for entry in entries {
        replica.merge(entry.clone());
    }
    replica
}

/// Everything that is held, in a comparable form.
fn contents(replica: &Replica) -> Vec<Entry> {
    walked(replica, usize::MAX)
}

fn walked(replica: &Replica, limit: usize) -> Vec<Entry> {
    let mut walk = Walk::default();
    let mut entries = Vec::new();
    while !walk.is_done() {
        entries.extend(replica.walk(&mut walk, limit));
    }
    entries
}

/// All pages of a List: each key with its value, and what ran between two pages.
fn listed(
    replica: &mut Replica,
    prefix: &str,
    mut between: impl FnMut(&mut Replica),
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    loop {
        let page = replica.list(prefix, all.last().map(|(key, _)| key.as_str()));
        let more = page.more;
        assert!(!page.entries.is_empty() || !more, "an empty page is the last one");
        all.extend(page.entries.iter().map(|e| (e.key.to_owned(), e.value.to_owned())));
        if !more {
            return all;
        }
        between(replica);
    }
}

proptest! {
    #[test]
    fn merging_is_commutative_and_associative(entries in entries(0..24), order: Vec<Index>) {
        let mut shuffled = entries.clone();
        for (at, with) in order.iter().enumerate().take(shuffled.len()) {
            let with = with.index(shuffled.len());
            shuffled.swap(at, with);
        }
        prop_assert_eq!(contents(&merged(&shuffled)), contents(&merged(&entries)));
    }

    #[test]
    fn merging_what_was_merged_elsewhere_first_is_the_same(a in entries(0..12), b in entries(0..12)) {
        let elsewhere = contents(&merged(&b));
        let direct = [a.clone(), b].concat();
        let grouped = [a, elsewhere].concat();
        prop_assert_eq!(contents(&merged(&grouped)), contents(&merged(&direct)));
    }

    #[test]
    fn merging_is_idempotent_and_says_what_changed(entries in entries(0..24)) {
        let mut replica = merged(&entries);
        let before = contents(&replica);
        for entry in &entries {
            prop_assert!(!replica.merge(entry.clone()));
        }
        prop_assert_eq!(contents(&replica), before);
    }

    #[test]
    fn keys_that_are_sought_together_are_merged_as_one_by_one(
        groups in vec((entries(0..5), any::<bool>()), 0..6),
    ) {
        let (mut together, mut single) = (Replica::default(), Replica::default());
        for (mut group, in_order) in groups {
            if in_order {
                group.sort_by(|a, b| a.key_bytes().cmp(b.key_bytes()));
            }
            let sought = together.seek_all(group.iter().map(Entry::key_bytes));
            for (entry, sought) in group.into_iter().zip(sought) {
                let held = together.get_sought(entry.key(), sought);
                prop_assert_eq!(held, single.get(entry.key()));
                let news = matches!(together.merge_sought(entry.clone(), sought), Merged::News(_));
                prop_assert_eq!(news, single.merge(entry));
            }
            prop_assert_eq!(contents(&together), contents(&single));
            prop_assert_eq!(together.digest().root(), single.digest().root());
        }
    }

    #[test]
    fn a_replica_is_what_a_plain_fold_over_all_entries_gives(entries in entries(0..24)) {
        let mut model: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in &entries {
            let held = model.entry(entry.key().to_owned()).or_insert_with(|| entry.clone());
            let rank = |e: &Entry| (e.stamp(), e.is_tombstone(), e.value().map(str::to_owned));
            if rank(entry) > rank(held) {
                *held = entry.clone();
            }
        }
        let replica = merged(&entries);
        for key in ["a", "b", "c", "d"] {
            prop_assert_eq!(replica.get(key), model.get(key));
        }
        let live = model.values().filter(|entry| !entry.is_tombstone()).count();
        prop_assert_eq!(replica.len(), live);
        prop_assert_eq!(contents(&replica).len(), model.len(), "no key is held twice");
    }

    #[test]
    fn a_write_beats_what_the_replica_has_seen(
        entries in entries(0..24),
        clock in 0..4u64,
        uid in 0..3u64,
        value in proptest::option::of("[x-z]?"),
    ) {
        let mut replica = merged(&entries);
        let entry = replica.write(&Writer::new(uid), clock, "a", value.as_deref()).unwrap();
        let entry = entry.clone();
        prop_assert_eq!(replica.get("a"), Some(&entry));
        for seen in entries.iter().filter(|seen| seen.key() == "a") {
            prop_assert!(entry.beats(seen), "{:?} beats {:?}", entry, seen);
            prop_assert!(!replica.merge(seen.clone()));
        }
    }

    #[test]
    fn a_walk_meets_every_entry_once_in_slices_of_any_size(
        entries in entries(0..24),
        limit in 1..6usize,
    ) {
        let replica = merged(&entries);
        prop_assert_eq!(walked(&replica, limit), contents(&replica));
    }

    #[test]
    fn pages_are_exact(
        model in btree_map("[ab]{1,6}", 0..PAGE_BYTES, 0..24),
        deleted in vec("[ab]{1,6}", 0..6),
        prefix in "[ab]{0,2}",
    ) {
        let mut replica = Replica::default();
        let writer = Writer::new(1);
        for (key, length) in &model {
            replica.write(&writer, 1, key, Some(&"v".repeat(*length)));
        }
        for key in &deleted {
            replica.write(&writer, 2, key, None);
        }
        let expected: Vec<(String, usize)> = model
            .into_iter()
            .filter(|(key, _)| key.starts_with(&prefix) && !deleted.contains(key))
            .collect();
        let all = listed(&mut replica, &prefix, |_| ());
        let got: Vec<(String, usize)> = all.into_iter().map(|(k, v)| (k, v.len())).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn a_key_present_throughout_appears_exactly_once(
        staying in vec("s[a-c]{1,3}", 1..12),
        changes in vec(("[a-z][a-c]{0,3}", any::<bool>()), 0..24),
    ) {
        let writer = Writer::new(1);
        let mut replica = Replica::default();
        let large = "v".repeat(PAGE_BYTES / 2);
        for key in &staying {
            replica.write(&writer, 1, key, Some(&large));
        }
        let mut changes = changes.into_iter().filter(|(key, _)| !staying.contains(key));
        let all = listed(&mut replica, "", |replica| {
            for (key, there) in changes.by_ref().take(3) {
                replica.write(&writer, 2, &key, there.then_some(large.as_str()));
            }
        });
        for key in &staying {
            prop_assert_eq!(all.iter().filter(|(listed, _)| listed == key).count(), 1);
        }
        prop_assert!(all.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}

#[test]
fn a_page_is_closed_by_the_entry_that_fills_it() {
    let mut replica = Replica::default();
    let writer = Writer::new(1);
    let third = "v".repeat(PAGE_BYTES / 3);
    for key in ["a", "b", "c", "d"] {
        replica.write(&writer, 1, key, Some(&third));
    }
    let page = replica.list("", None);
    let keys: Vec<&str> = page.entries.iter().map(|entry| entry.key).collect();
    assert_eq!((keys, page.more), (vec!["a", "b", "c"], true));
}

#[test]
fn a_page_of_the_smallest_entries_and_the_largest_fits_a_message() {
    let mut replica = Replica::default();
    let writer = Writer::new(u64::MAX);
    let late = Stamp::MILLIS_LIMIT - 1;
    for n in 0..10_000 {
        replica.write(&writer, late, &format!("{n:x}"), Some(""));
    }
    let page = replica.list("", None);
    let (count, last) = (page.entries.len(), page.entries[page.entries.len() - 1].key.to_owned());
    assert!(page.more);
    replica.write(&writer, late, &last, Some(&"v".repeat(MAX_VALUE_BYTES)));

    let page = replica.list("", None);
    assert_eq!(page.entries.len(), count, "closed by the largest");
    let entries = page.entries.iter().map(|&PageEntry { key, stamp, value }| kvcommon::Entry {
        key,
        stamp: Stamp { counter: u32::MAX, ..stamp },
        value,
    });
    let answer = kvcommon::Answer::Page { entries: entries.collect(), more: true };
    let mut message = Vec::new();
    kvcommon::frame::encode_answer(&mut message, kvcommon::QueryId(u64::MAX), &answer);
    assert!(message.len() <= PAGE_BYTES + MAX_VALUE_BYTES + 1024, "{} bytes", message.len());
}

#[test]
fn a_cursor_outside_the_prefix_lists_what_lies_after_it() {
    let mut replica = Replica::default();
    let writer = Writer::new(1);
    for key in ["a/1", "b/1", "b/2", "c/1"] {
        replica.write(&writer, 1, key, Some("v"));
    }
    let check = |after, expected: &[&str]| {
        let page = replica.list("b/", Some(after));
        let keys: Vec<&str> = page.entries.iter().map(|entry| entry.key).collect();
        assert_eq!((keys.as_slice(), page.more), (expected, false), "after {after}");
    };
    check("a/9", &["b/1", "b/2"]);
    check("b/1", &["b/2"]);
    check("b/2", &[]);
    check("c/0", &[]);
}

#[test]
fn a_write_that_no_stamp_is_left_for_changes_nothing() {
    let last = Stamp { millis: Stamp::MILLIS_LIMIT - 1, counter: u32::MAX, uid: 1 };
    let mut replica = merged(&[Entry::new(last, "a", Some("end"))]);
    assert_eq!(replica.write(&Writer::new(9), 1, "a", Some("more")), None);
    assert_eq!(replica.get("a").unwrap().value(), Some("end"));
}
