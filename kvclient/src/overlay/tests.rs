use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Held = (Stamp, Option<String>);

fn stamp(millis: u64) -> Stamp {
    Stamp { millis, counter: 0, uid: 1 }
}

fn versioned(millis: u64, value: &str) -> Versioned {
    Versioned { value: value.to_owned(), stamp: stamp(millis) }
}

fn found(millis: u64, value: &str) -> Lookup {
    Lookup::Found(versioned(millis, value))
}

fn missing(millis: Option<u64>) -> Lookup {
    Lookup::Missing { deleted: millis.map(stamp) }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn by(replica: usize, epoch: u64) -> Source {
    let address = format!("replica-{replica}:1").parse().unwrap();
    Source { address, epoch: Epoch(epoch) }
}

#[test]
fn a_replica_that_is_behind_does_not_show() {
    let mut overlay = Overlay::default();
    overlay.wrote(at(0), &by(0, 1), "k", stamp(5), Some("new"));
    assert_eq!(overlay.look(at(1), &by(0, 1), "k", missing(None)), Some(versioned(5, "new")));
    assert_eq!(overlay.look(at(1), &by(0, 1), "k", missing(Some(4))), Some(versioned(5, "new")));
    assert_eq!(overlay.look(at(1), &by(0, 1), "k", found(4, "old")), Some(versioned(5, "new")));
    assert_eq!(overlay.look(at(1), &by(0, 1), "k", found(6, "newer")), Some(versioned(6, "newer")));
    assert_eq!(overlay.floor(at(1), "k"), Some(stamp(6)));
    assert_eq!(overlay.look(at(1), &by(0, 1), "k", missing(Some(7))), None);
    assert_eq!(overlay.look(at(1), &by(0, 1), "k", found(6, "newer")), None);
    assert_eq!(overlay.floor(at(1), "k"), Some(stamp(7)));
    assert_eq!(overlay.floor(at(1), "other"), None);
}

#[test]
fn a_list_is_completed() {
    let mut overlay = Overlay::default();
    overlay.wrote(at(0), &by(0, 1), "l/b", stamp(5), Some("b5"));
    overlay.wrote(at(0), &by(0, 1), "l/c", stamp(5), None);
    overlay.wrote(at(0), &by(0, 1), "l/d", stamp(5), Some("d5"));
    overlay.wrote(at(0), &by(0, 1), "l/f", stamp(5), Some("f5"));
    overlay.wrote(at(0), &by(0, 1), "m", stamp(5), Some("outside"));
    let listed = |entries: &[(&str, u64, &str)]| -> Vec<(String, Versioned)> {
        let entry = |(key, at, value): &(&str, u64, &str)| ((*key).into(), versioned(*at, value));
        entries.iter().map(entry).collect()
    };
    let entries = listed(&[("l/a", 1, "a1"), ("l/c", 4, "c4"), ("l/d", 4, "d4"), ("l/e", 9, "e9")]);
    assert_eq!(overlay.doubts(at(1), "l/", &entries), ["l/b", "l/f"]);
    overlay.look(at(1), &by(0, 1), "l/f", missing(Some(6)));
    let complete = overlay.complete(at(1), &by(0, 1), "l/", entries);
    let expected = [("l/a", 1, "a1"), ("l/b", 5, "b5"), ("l/d", 5, "d5"), ("l/e", 9, "e9")];
    assert_eq!(complete, listed(&expected));
    assert_eq!(overlay.floor(at(1), "l/e"), Some(stamp(9)), "what was listed was seen");
}

#[test]
fn whoever_knew_a_key_is_asked_where_another_has_never_heard_of_it() {
    let mut overlay = Overlay::default();
    for key in ["a", "b"] {
        overlay.wrote(at(0), &by(0, 1), key, stamp(5), Some("v"));
    }
    let known = &by(0, 1).address;
    assert_eq!(overlay.witness(&by(1, 7), "a", &missing(Some(4))), None, "it is only behind");
    assert_eq!(overlay.witness(&by(1, 7), "a", &found(4, "old")), None);
    assert_eq!(overlay.witness(&by(0, 2), "a", &missing(None)), None, "it knows itself");
    assert_eq!(overlay.witness(&by(1, 7), "nobody's", &missing(None)), None);
    assert_eq!(overlay.witness(&by(1, 7), "a", &missing(None)).as_ref(), Some(known));
    assert_eq!(overlay.witness(&by(1, 7), "a", &missing(None)), None, "it is being asked");
    assert_eq!(overlay.witness(&by(1, 7), "b", &missing(None)).as_ref(), Some(known));
    // One cannot be reached, the other was restarted.
    overlay.heard(at(1), "a", None);
    overlay.heard(at(1), "b", Some((by(0, 2), missing(None))));
    assert_eq!(overlay.look(at(1), &by(1, 7), "a", missing(None)), Some(versioned(5, "v")));
    assert_eq!(overlay.look(at(1), &by(1, 7), "b", missing(None)), None);
    assert_eq!(overlay.witness(&by(1, 7), "a", &missing(None)).as_ref(), Some(known), "again");
    // What it knows better stays.
    overlay.heard(at(2), "a", Some((by(0, 1), found(6, "new"))));
    assert_eq!(overlay.look(at(2), &by(1, 7), "a", missing(None)), Some(versioned(6, "new")));
}

#[test]
fn who_has_lost_the_store_is_believed() {
    let mut overlay = Overlay::default();
    for key in ["a", "b"] {
        overlay.wrote(at(0), &by(0, 1), key, stamp(5), Some("v"));
    }
    // Another replica, and the same connection, cannot have lost it.
    for by in [by(1, 7), by(0, 1)] {
        assert_eq!(overlay.look(at(1), &by, "a", missing(None)), Some(versioned(5, "v")));
    }
    // What is only older has not been lost.
    assert_eq!(overlay.look(at(1), &by(0, 2), "a", missing(Some(4))), Some(versioned(5, "v")));
    assert_eq!(overlay.look(at(1), &by(0, 2), "a", missing(None)), None);
    assert_eq!((overlay.floor(at(1), "a"), overlay.floor(at(1), "b")), (None, Some(stamp(5))));
    overlay.look(at(1), &by(1, 7), "b", found(5, "v"));
    assert_eq!(overlay.look(at(1), &by(0, 2), "b", missing(None)), Some(versioned(5, "v")));
}

#[test]
fn what_nobody_confirms_is_forgotten_in_time() {
    let mut overlay = Overlay::default();
    overlay.wrote(at(0), &by(0, 1), "old", stamp(1), Some("v"));
    overlay.wrote(at(0), &by(0, 1), "confirmed", stamp(1), Some("v"));
    assert_eq!(
        overlay.look(at(200), &by(0, 1), "confirmed", found(1, "v")),
        Some(versioned(1, "v"))
    );
    assert_eq!(overlay.look(at(200), &by(0, 1), "old", missing(None)), Some(versioned(1, "v")));
    assert_eq!(overlay.look(at(299), &by(0, 1), "old", missing(None)), Some(versioned(1, "v")));
    assert_eq!(overlay.look(at(300), &by(0, 1), "old", missing(None)), None);
    assert_eq!(overlay.floor(at(499), "confirmed"), Some(stamp(1)));
    assert_eq!(overlay.floor(at(500), "confirmed"), None);
    assert_eq!((overlay.bytes, overlay.seen.len(), overlay.by_age.len()), (0, 0, 0));
}

#[test]
fn the_oldest_goes_first_and_a_large_list_drives_nothing_out() {
    let mut overlay = Overlay::default();
    let large = "v".repeat(MAX_BYTES / 4);
    for (second, key) in (0..).zip(["a", "b", "c", "d"]) {
        overlay.wrote(at(second), &by(0, 1), key, stamp(1), Some(&large));
    }
    let kept: Vec<_> = overlay.seen.keys().map(|key| &**key).collect();
    assert_eq!(kept, ["b", "c", "d"]);

    let list = (0..5000).map(|n| (format!("l/{n:04}"), versioned(2, "listed"))).collect();
    overlay.wrote(at(5), &by(0, 1), "l/0007", stamp(1), Some("mine"));
    assert_eq!(overlay.complete(at(6), &by(0, 1), "l/", list).len(), 5000);
    assert_eq!(overlay.floor(at(6), "b"), Some(stamp(1)));
    assert_eq!(overlay.floor(at(6), "l/0007"), Some(stamp(2)), "of what was known, the newest");
    assert_eq!(overlay.floor(at(6), "l/0008"), None);
}

/// Something that happens, at one of the replicas.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put {
        key: usize,
    },
    Delete {
        key: usize,
    },
    Get {
        key: usize,
    },
    List {
        prefix: usize,
    },
    /// Another client, which knows of no floors, puts or deletes.
    Other {
        key: usize,
        deletes: bool,
    },
    /// The replica hears of a key from another one.
    Hear {
        from: usize,
        key: usize,
    },
    Pass {
        millis: u64,
    },
    /// The connection to the replica is a new one.
    Reconnect,
    /// The replica is restarted empty.
    Lose,
}

const KEYS: [&str; 6] = ["a", "a/1", "a/2", "b", "b/1", "c"];
const PREFIXES: [&str; 4] = ["", "a", "a/", "b"];
/// Within and beyond the 500 ms that a floor may be ahead.
const OFFSETS: [u64; 3] = [1000, 1400, 3000];

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let key = || 0..KEYS.len();
    let step = prop_oneof![
        4 => key().prop_map(|key| Step::Put { key }),
        2 => key().prop_map(|key| Step::Delete { key }),
        5 => key().prop_map(|key| Step::Get { key }),
        3 => (0..PREFIXES.len()).prop_map(|prefix| Step::List { prefix }),
        3 => (key(), any::<bool>()).prop_map(|(key, deletes)| Step::Other { key, deletes }),
        4 => (0..OFFSETS.len(), key()).prop_map(|(from, key)| Step::Hear { from, key }),
        2 => prop_oneof![0u64..2000, Just(100_000)].prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Lose),
    ];
    prop::collection::vec((0..OFFSETS.len(), step), 0..80)
}

/// Replicas that hear of each other's writes only when a step says so, and what one client has
/// seen, kept for its whole life without bounds.
struct World {
    now: Duration,
    replicas: [BTreeMap<&'static str, Held>; OFFSETS.len()],
    overlay: Overlay,
    epochs: [u64; OFFSETS.len()],
    seen: BTreeMap<&'static str, (Held, Duration, Source)>,
    writes: u64,
    written: Vec<(&'static str, Versioned)>,
}

impl World {
    fn new(max_bytes: usize) -> Self {
        Self {
            now: Duration::ZERO,
            replicas: Default::default(),
            overlay: Overlay::with_limit(max_bytes),
            epochs: [1; OFFSETS.len()],
            seen: BTreeMap::new(),
            writes: 0,
            written: Vec::new(),
        }
    }

    /// A replica carries out a write as a server does.
    fn write(
        &mut self,
        at: usize,
        key: &'static str,
        value: Option<String>,
        floor: Option<Stamp>,
    ) -> Option<Stamp> {
        let clock = OFFSETS[at] + u64::try_from(self.now.as_millis()).expect("small");
        let held = self.replicas[at].get(key).map(|(stamp, _)| *stamp);
        if floor.is_some_and(|floor| floor.millis > clock + 500) && held < floor {
            return None;
        }
        // A restarted replica is another writer.
        let uid = self.epochs[at] * 10 + at as u64;
        let clock = Stamp { millis: clock, counter: 0, uid };
        let next = held.max(floor).map(|seen| Stamp { counter: seen.counter + 1, uid, ..seen });
        let stamp = next.map_or(clock, |next| next.max(clock));
        self.written.extend(as_shown((stamp, value.clone())).map(|written| (key, written)));
        self.replicas[at].insert(key, (stamp, value));
        Some(stamp)
    }

    fn lookup(&self, at: usize, key: &str) -> Lookup {
        match self.replicas[at].get(key) {
            Some((stamp, Some(value))) => {
                Lookup::Found(Versioned { value: value.clone(), stamp: *stamp })
            }
            Some((stamp, None)) => Lookup::Missing { deleted: Some(*stamp) },
            None => Lookup::Missing { deleted: None },
        }
    }

    fn list(&self, at: usize, prefix: &str) -> Vec<(String, Versioned)> {
        let held = self.replicas[at].iter().filter(|(key, _)| key.starts_with(prefix));
        let live = held.filter_map(|(key, (stamp, value))| {
            let value = value.clone()?;
            Some(((*key).to_owned(), Versioned { value, stamp: *stamp }))
        });
        live.collect()
    }

    fn source(&self, at: usize) -> Source {
        by(at, self.epochs[at])
    }

    /// What the client knows of a key, if it is recent.
    fn known(&self, key: &str) -> Option<&Held> {
        let (held, confirmed, _) = self.seen.get(key)?;
        (*confirmed + MAX_AGE > self.now).then_some(held)
    }

    /// The client is shown what a replica holds; what it has to make of it.
    fn see(&mut self, at: usize, key: &'static str, is_read: bool) -> Option<Held> {
        let held = self.replicas[at].get(key).cloned();
        let by = self.source(at);
        let was_lost = |(_, _, before): &(Held, Duration, Source)| {
            held.is_none() && before.address == by.address && before.epoch != by.epoch
        };
        if self.seen.get(key).is_some_and(was_lost) {
            self.seen.remove(key);
        }
        let known = self.known(key).cloned();
        match (held, known) {
            (Some(held), known) if known.as_ref().is_none_or(|known| known.0 <= held.0) => {
                let before = self.seen.get(key).filter(|(before, ..)| before.0 == held.0);
                let confirmed = match before.filter(|_| is_read) {
                    Some((_, confirmed, _)) if self.now < *confirmed + REFRESH => *confirmed,
                    _ => self.now,
                };
                self.seen.insert(key, (held.clone(), confirmed, by));
                Some(held)
            }
            (_, known) => known,
        }
    }

    fn step(&mut self, at: usize, step: Step, is_bounded: bool) -> Result<(), TestCaseError> {
        let by = self.source(at);
        match step {
            Step::Put { key } => {
                let value = format!("own {}", self.writes);
                self.own_write(at, KEYS[key], Some(&value))?;
            }
            Step::Delete { key } => self.own_write(at, KEYS[key], None)?,
            Step::Get { key } => {
                let key = KEYS[key];
                let answer = self.lookup(at, key);
                let shown = self.overlay.look(self.now, &by, key, answer);
                let expected = self.see(at, key, true).and_then(as_shown);
                if is_bounded {
                    let held = self.replicas[at].get(key).cloned();
                    let is_older = |shown: &Versioned| Some(shown.stamp) < held.map(|held| held.0);
                    prop_assert!(!shown.as_ref().is_some_and(is_older), "{shown:?}");
                    let was_written = |shown| self.written.contains(&(key, shown));
                    prop_assert!(shown.is_none_or(was_written), "out of nothing");
                } else {
                    prop_assert_eq!(shown, expected, "a Get of {}", key);
                }
            }
            Step::List { prefix } => {
                let prefix = PREFIXES[prefix];
                let entries = self.list(at, prefix);
                let doubts = self.overlay.doubts(self.now, prefix, &entries);
                for key in &doubts {
                    let answer = self.lookup(at, key);
                    self.overlay.look(self.now, &by, key, answer);
                }
                let shown = self.overlay.complete(self.now, &by, prefix, entries.clone());
                prop_assert!(shown.is_sorted_by(|(a, _), (b, _)| a < b), "{shown:?}");
                let mut expected = Vec::new();
                for key in KEYS.into_iter().filter(|key| key.starts_with(prefix)) {
                    let is_listed = entries.iter().any(|(listed, _)| listed == key);
                    let held = match is_listed || doubts.iter().any(|doubt| doubt == key) {
                        true => self.see(at, key, true),
                        false => self.known(key).cloned(),
                    };
                    expected.extend(held.and_then(as_shown).map(|held| (key.to_owned(), held)));
                }
                prop_assert!(is_bounded || shown == expected, "{shown:?}, not {expected:?}");
            }
            Step::Other { key, deletes } => {
                let value = (!deletes).then(|| format!("other {}", self.writes));
                self.writes += 1;
                self.write(at, KEYS[key], value, None);
            }
            Step::Hear { from, key } => {
                if let Some(news) = self.replicas[from].get(KEYS[key]).cloned() {
                    let held = self.replicas[at].get(KEYS[key]);
                    if held.is_none_or(|(stamp, _)| *stamp < news.0) {
                        self.replicas[at].insert(KEYS[key], news);
                    }
                }
            }
            Step::Pass { millis } => self.now += Duration::from_millis(millis),
            Step::Reconnect => self.epochs[at] += 1,
            Step::Lose => {
                self.epochs[at] += 1;
                self.replicas[at].clear();
            }
        }
        self.check_bounds()
    }

    fn own_write(
        &mut self,
        at: usize,
        key: &'static str,
        value: Option<&str>,
    ) -> Result<(), TestCaseError> {
        let by = self.source(at);
        self.writes += 1;
        let floor = self.overlay.floor(self.now, key);
        if let Some(stamp) = self.write(at, key, value.map(str::to_owned), floor) {
            self.overlay.wrote(self.now, &by, key, stamp, value);
            if let Some(floor) = floor {
                prop_assert!(stamp > floor, "a write does not follow what was read");
            }
            self.see(at, key, false);
        }
        Ok(())
    }

    fn check_bounds(&self) -> Result<(), TestCaseError> {
        let Overlay { seen, by_age, bytes, max_bytes, .. } = &self.overlay;
        let sum: usize = seen.iter().map(|(key, seen)| cost(key, seen.value.as_deref())).sum();
        prop_assert_eq!(sum, *bytes);
        prop_assert!(bytes <= max_bytes);
        prop_assert_eq!(seen.len(), by_age.len());
        Ok(())
    }
}

fn as_shown((stamp, value): Held) -> Option<Versioned> {
    value.map(|value| Versioned { value, stamp })
}

proptest! {
    /// However far replicas are behind, and wherever each query goes: the client reads its own
    /// writes, what it reads never goes back, and its writes beat what it has read; exactly what a
    /// client would be shown that remembers everything for five minutes.
    #[test]
    fn a_client_that_moves_at_every_query_is_one_reader_and_writer(steps in steps()) {
        let mut world = World::new(MAX_BYTES);
        for (at, step) in steps {
            let floor = match step {
                Step::Put { key } | Step::Delete { key } => {
                    let expected = world.known(KEYS[key]).map(|(stamp, _)| *stamp);
                    Some((expected, world.overlay.floor(world.now, KEYS[key])))
                }
                _ => None,
            };
            prop_assert!(floor.is_none_or(|(expected, floor)| expected == floor), "{floor:?}");
            world.step(at, step, false)?;
        }
    }

    /// With room for two keys it forgets more, but never shows what was not there.
    #[test]
    fn a_full_overlay_shows_nothing_that_it_has_not_seen(steps in steps()) {
        let mut world = World::new(2 * (KEY_BYTES + 12));
        for (at, step) in steps {
            world.step(at, step, true)?;
        }
    }
}
