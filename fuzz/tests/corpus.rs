//! The corpus, and whatever the fuzzer has ever found, put through the targets.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod seeds;

use std::{fs, path::Path};

use fuzz::TARGETS;

fn folder(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

#[test]
fn everything_in_the_corpus_holds() {
    for (name, target) in TARGETS {
        for file in fs::read_dir(folder(name)).unwrap() {
            let path = file.unwrap().path();
            println!("{}", path.display()); // shown when it panics
            target(&fs::read(&path).unwrap());
        }
    }
}

/// The seeds follow the formats: when one of these changes, the files are written anew and the test fails
/// once, so that they are looked at and committed.
#[test]
fn the_seeds_are_up_to_date() {
    let mut written = Vec::new();
    for (target, name, bytes) in seeds::all() {
        let path = folder(target).join(format!("seed-{name}"));
        if fs::read(&path).ok().as_deref() != Some(&bytes) {
            fs::create_dir_all(folder(target)).unwrap();
            fs::write(&path, bytes).unwrap();
            written.push(path);
        }
    }
    assert!(written.is_empty(), "these were out of date and are written anew: {written:#?}");
}
