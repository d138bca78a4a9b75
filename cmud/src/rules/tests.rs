use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn hardware(counts: [u64; 5]) -> Hardware {
    let mut hardware = Hardware::default();
    for (kind, count) in Kind::ALL.into_iter().zip(counts) {
        hardware.set(kind, count);
    }
    hardware
}

#[test]
fn the_tables_are_those_of_the_rules() {
    let goods = Kind::ALL.map(|kind| (kind.word(), kind.price(), kind.power()));
    let expected = [
        ("cpu", 1, 1),
        ("gpu", 5, 10),
        ("asic", 25, 100),
        ("quantum", 125, 1_000),
        ("dark_matter", 625, 10_000),
    ];
    assert_eq!(goods, expected);
    assert_eq!(Problem::ALL.map(Problem::work), [100, 1_000, 10_000, 500_000, 10_000_000]);
    assert_eq!(Rank::ALL.map(|rank| rank.shop().len()), [1, 2, 3, 4, 5, 5]);
    assert_eq!(Place::START.word(), "5");
}

#[test]
fn each_problem_leads_from_one_rank_to_the_next() {
    for (i, rank) in Rank::ALL.into_iter().enumerate() {
        let problem = rank.problem();
        assert_eq!(problem.map(Problem::rank), problem.map(|_| rank));
        assert_eq!(problem.map(Problem::reward), Rank::ALL.get(i + 1).copied());
    }
}

#[test]
fn words_find_what_they_name() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_word(&kind.word().to_uppercase()), Some(kind));
    }
    assert_eq!(Kind::from_word("dark-matter"), Some(Kind::DarkMatter));
    assert_eq!(Kind::from_word("darkmatter"), Some(Kind::DarkMatter));
    for place in Place::ALL {
        assert_eq!(Place::from_word(&place.word().to_uppercase()), Some(place));
        let json = serde_json::to_string(&place).unwrap();
        assert_eq!(json, format!("\"{}\"", place.word()));
    }
    for nothing in ["", "0", "10", "moon", "c p u"] {
        assert_eq!((Kind::from_word(nothing), Place::from_word(nothing)), (None, None));
    }
}

/// How often `event` happens in many trials lies within four standard deviations of `p`.
fn check_chance(name: &str, p: f64, mut event: impl FnMut(&mut StdRng) -> bool) {
    const TRIALS: u32 = 100_000;
    let mut rng = StdRng::seed_from_u64(42);
    let hits = (0..TRIALS).filter(|_| event(&mut rng)).count() as f64;
    let (mean, deviation) = (p * f64::from(TRIALS), (f64::from(TRIALS) * p * (1.0 - p)).sqrt());
    assert!((hits - mean).abs() < 4.0 * deviation, "{name}: {hits} of {TRIALS}, expected {mean}");
}

#[test]
fn chances_are_those_of_the_rules() {
    check_chance("mining", 0.9, |rng| mine(rng, 10).is_some());
    check_chance("breaks", 3.0 / 20.0, |rng| blow(rng) == Blow::Break);
    check_chance("progress", 16.0 / 20.0, |rng| blow(rng) == Blow::Progress);
    check_chance("stuck", 1.0 / 20.0, |rng| blow(rng) == Blow::Stuck);
    for seconds in 0..=4 {
        check_chance("pauses", 0.2, |rng| thinking_millis(rng) == seconds * 1_000);
    }
    for coins in 1..=5 {
        check_chance("coins", 0.9 / 5.0, |rng| mine(rng, 5) == Some(coins));
    }
    let three = hardware([4, 0, 9, 0, 2]);
    for kind in [Kind::Cpu, Kind::Asic, Kind::DarkMatter] {
        check_chance("what breaks", 1.0 / 3.0, |rng| shatter(rng, three).unwrap().0 == kind);
    }
}

#[test]
fn a_seed_replays_its_luck() {
    let run = |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let tries: Vec<_> = (0..50).map(|_| (mine(&mut rng, 100), blow(&mut rng))).collect();
        tries
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn without_power_nothing_is_mined_and_nothing_breaks() {
    let mut rng = StdRng::seed_from_u64(1);
    assert!((0..100).all(|_| mine(&mut rng, 0).is_none()));
    assert_eq!(shatter(&mut rng, Hardware::default()), None);
    assert_eq!(Hardware::default().or_spare(), Hardware::SPARE);
}

proptest! {
    #[test]
    fn mining_yields_one_to_power(seed in any::<u64>(), power in 1_u64..) {
        let coins = mine(&mut StdRng::seed_from_u64(seed), power);
        prop_assert!(coins.is_none_or(|coins| (1..=power).contains(&coins)));
    }

    #[test]
    fn buying_conserves_coins(coins in any::<u64>(), kind in 0_usize..5) {
        let kind = Kind::ALL[kind];
        let (pieces, left) = afford(coins, kind);
        prop_assert_eq!(pieces * kind.price() + left, coins);
        prop_assert!(left < kind.price());
    }

    #[test]
    fn power_is_never_zero_and_never_overflows(counts in any::<[u64; 5]>(), more in any::<u64>()) {
        let mut owned = hardware(counts).or_spare();
        prop_assert!(owned.power() > 0);
        owned.add(Kind::DarkMatter, more);
        prop_assert!(owned.count(Kind::DarkMatter) >= more);
    }

    #[test]
    fn a_break_leaves_a_quarter_of_one_kind(seed in any::<u64>(), counts in any::<[u64; 5]>()) {
        let before = hardware(counts);
        match shatter(&mut StdRng::seed_from_u64(seed), before) {
            None => prop_assert!(before.is_empty()),
            Some((kind, lost, after)) => {
                prop_assert_eq!(after.count(kind), before.count(kind) / 4);
                prop_assert_eq!(after.count(kind) + lost, before.count(kind));
                prop_assert!(lost > 0);
                for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
                    prop_assert_eq!(after.count(other), before.count(other));
                }
            }
        }
    }
}
