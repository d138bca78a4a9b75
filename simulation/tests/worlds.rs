//! A few worlds of every profile; `cargo xtask sim` runs as many as you like.

use clap::ValueEnum;
use simulation::{Plan, Profile, run};

const SEEDS: u64 = 4;

#[test]
fn what_must_hold_holds_in_a_few_worlds_of_every_profile() {
    for &profile in Profile::value_variants() {
        for seed in 0..SEEDS {
            let report = run(&Plan::new(seed, profile), 0);
            let report = report.unwrap_or_else(|failure| panic!("{profile:?} {seed}: {failure}"));
            assert!(report.answers > 0, "{profile:?} {seed}");
        }
    }
}

#[test]
fn a_seed_is_a_world() {
    let world = |seed| run(&Plan::new(seed, Profile::Chaos), 0).expect("nothing is wrong");
    assert_eq!(world(7), world(7));
    assert_ne!(world(7).trace, world(8).trace);
}
