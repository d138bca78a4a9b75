//! What a replica's index costs, beside what else could be one: `cargo bench -p kvserver --bench index
//! [-- KEYS…]`. The table in `docs/performance.md` is made by it.
//!
//! All hold the same entries, of 16 bytes of key and 32 of value, made before and in no order of
//! memory. Every candidate has a process of its own, so that what it takes of memory can be told.
//! Times are the processor's, per operation, as the least of [`ROUNDS`], since other programs can
//! only add to them.

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::ops::Bound;
use std::process::Command;

use blart::TreeMap;
use hashbrown::HashTable;
use kvcommon::Stamp;
use kvserver::entry::{ByKey, Entry};
use kvserver::replica::index::{Index, KeyHasher};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;

/// Point operations in a round.
const POINTS: usize = 1_000_000;

/// Lists in a round, and keys in each.
const LISTS: usize = 20_000;
const LISTED: usize = 100;

/// Takes all numbers below any power of ten in an order without neighbours.
const STRIDE: usize = 7_368_787;

fn key(number: usize) -> String {
    format!("player/{number:09}")
}

fn entry(number: usize, millis: u64) -> Entry {
    let stamp = Stamp { millis, counter: 0, uid: 7 };
    Entry::new(stamp, &key(number), Some("a value of thirty-two bytes, all"))
}

/// An index in question.
trait Candidate: Default {
    const NAME: &str;

    fn put(&mut self, entry: Entry);

    fn get(&self, key: &[u8]) -> Option<&Entry>;

    /// Calls `each` with the entries from a key on, so many at most.
    fn list(&self, from: &[u8], limit: usize, each: impl FnMut(&Entry));
}

/// An ordered set of handles.
#[derive(Default)]
struct Ordered(BTreeSet<ByKey>);

impl Candidate for Ordered {
    const NAME: &str = "BTreeSet";

    fn put(&mut self, entry: Entry) {
        self.0.replace(ByKey(entry));
    }

    fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.0.get(key).map(|ByKey(entry)| entry)
    }

    fn list(&self, from: &[u8], limit: usize, mut each: impl FnMut(&Entry)) {
        let from = (Bound::Included(from), Bound::Unbounded);
        self.0.range::<[u8], _>(from).take(limit).for_each(|ByKey(entry)| each(entry));
    }
}

/// A hash table of handles beside an ordered set of handles.
#[derive(Default)]
struct HashedToo {
    hasher: KeyHasher,
    table: HashTable<Entry>,
    set: BTreeSet<ByKey>,
}

impl Candidate for HashedToo {
    const NAME: &str = "BTreeSet + HashTable";

    fn put(&mut self, entry: Entry) {
        let hasher = self.hasher;
        let hash = |entry: &Entry| hasher.hash(entry.key_bytes()).number();
        let same = |other: &Entry| other.key_bytes() == entry.key_bytes();
        match self.table.entry(hash(&entry), same, hash) {
            hashbrown::hash_table::Entry::Occupied(mut held) => *held.get_mut() = entry.clone(),
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(entry.clone());
            }
        }
        self.set.replace(ByKey(entry));
    }

    fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.table.find(self.hasher.hash(key).number(), |entry| entry.key_bytes() == key)
    }

    fn list(&self, from: &[u8], limit: usize, mut each: impl FnMut(&Entry)) {
        let from = (Bound::Included(from), Bound::Unbounded);
        self.set.range::<[u8], _>(from).take(limit).for_each(|ByKey(entry)| each(entry));
    }
}

/// An adaptive radix tree: blart.
#[derive(Default)]
struct Radix(TreeMap<Box<[u8]>, Entry>);

impl Candidate for Radix {
    const NAME: &str = "radix tree (blart)";

    fn put(&mut self, entry: Entry) {
        let key = entry.key_bytes().into();
        self.0.try_insert(key, entry).expect("no key is the beginning of another");
    }

    fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.0.get(key)
    }

    fn list(&self, from: &[u8], limit: usize, mut each: impl FnMut(&Entry)) {
        let from: Box<[u8]> = from.into();
        self.0.range(from..).take(limit).for_each(|(_, entry)| each(entry));
    }
}

/// What a replica has.
#[derive(Default)]
struct Chosen {
    hasher: KeyHasher,
    index: Index,
}

impl Candidate for Chosen {
    const NAME: &str = "slots: tables + tree";

    fn put(&mut self, entry: Entry) {
        let hash = self.hasher.hash(entry.key_bytes());
        match self.index.find(hash, entry.key_bytes()) {
            Some(slot) => drop(self.index.replace(slot, entry)),
            None => {
                self.index.insert(hash, entry);
            }
        }
    }

    fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.index.find(self.hasher.hash(key), key).map(|slot| self.index.at(slot))
    }

    fn list(&self, from: &[u8], limit: usize, each: impl FnMut(&Entry)) {
        self.index.range(Bound::Included(from)).take(limit).for_each(each);
    }
}

/// What the kernel says of this process.
fn status(file: &str) -> String {
    std::fs::read_to_string(format!("/proc/self/{file}")).expect("Linux")
}

/// The processor time of this thread, in nanoseconds.
fn spent() -> f64 {
    let status = status("schedstat");
    status.split(' ').next().and_then(|spent| spent.parse().ok()).expect("a number")
}

/// The memory in use, in bytes.
fn resident() -> f64 {
    let status = status("statm");
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.expect("a number") * 4096.0
}

fn each(count: usize, work: impl FnOnce()) -> f64 {
    let before = spent();
    work();
    (spent() - before) / count as f64
}

fn least(mut round: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// The row of one candidate.
fn measure<C: Candidate>(keys: usize) -> String {
    let scattered = |number: usize| number.wrapping_mul(STRIDE) % keys;
    let entries: Vec<Entry> = (0..keys).map(|number| entry(scattered(number), 1)).collect();
    let mut ordered = entries.clone();
    ordered.sort_unstable_by(|a, b| a.key_bytes().cmp(b.key_bytes()));
    let names: Vec<String> = (0..POINTS).map(|n| key(scattered(n * 31 % keys))).collect();
    let rounds = (1_000_000 / keys).max(1);

    let mut before = resident();
    let mut candidate = C::default();
    let mut filled = |entries: &[Entry]| {
        least(|| {
            let mut time = 0.0;
            for _ in 0..rounds {
                candidate = C::default();
                before = before.min(resident());
                time += each(keys, || entries.iter().for_each(|e| candidate.put(e.clone())));
            }
            time / rounds as f64
        })
    };
    let merge = filled(&ordered);
    let fill = filled(&entries);
    let memory = (resident() - before) / keys as f64;

    let mut bytes = 0;
    let get = least(|| {
        each(POINTS, || {
            for name in &names {
                bytes += candidate.get(name.as_bytes()).map_or(0, |entry| entry.bytes().len());
            }
        })
    });
    let miss = least(|| {
        let missing = names.iter().map(|name| &name.as_bytes()[..15]);
        each(POINTS, || {
            missing.for_each(|name| bytes += usize::from(candidate.get(name).is_some()));
        })
    });
    let list = least(|| {
        each(LISTS, || {
            for name in &names[..LISTS] {
                candidate.list(name.as_bytes(), LISTED, |entry| bytes += entry.bytes().len());
            }
        })
    });
    let put = least(|| {
        each(POINTS, || {
            for number in 0..POINTS {
                candidate.put(entry(scattered(number * 31 % keys), 2));
            }
        })
    });
    black_box(bytes);
    let name = C::NAME;
    format!(
        "{keys:>9} {name:<24} {get:>6.0} {miss:>6.0} {put:>6.0} {fill:>6.0} {merge:>6.0} {list:>8.0} {memory:>6.1}"
    )
}

fn main() {
    let rows: HashMap<&str, fn(usize) -> String> = HashMap::from([
        (Ordered::NAME, measure::<Ordered> as fn(usize) -> String),
        (HashedToo::NAME, measure::<HashedToo>),
        (Radix::NAME, measure::<Radix>),
        (Chosen::NAME, measure::<Chosen>),
    ]);
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [name, keys] = args.as_slice()
        && let Some(row) = rows.get(name.as_str())
    {
        println!("{}", row(keys.parse().expect("a number of keys")));
        return;
    }
    println!(
        "nanoseconds of the processor for each operation, a List is of {LISTED} keys; bytes for each key"
    );
    println!(
        "{:>9} {:<24} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>6}",
        "keys", "", "Get", "miss", "Put", "fill", "merge", "List", "memory"
    );
    let sizes = if args.is_empty() {
        vec!["10000".to_owned(), "1000000".to_owned(), "10000000".to_owned()]
    } else {
        args
    };
    let program = std::env::current_exe().expect("this program");
    for keys in sizes {
        for name in [Ordered::NAME, HashedToo::NAME, Radix::NAME, Chosen::NAME] {
            let status = Command::new(&program).args([name, &keys]).status().expect("this program");
            assert!(status.success(), "{name} with {keys} keys");
        }
    }
}
