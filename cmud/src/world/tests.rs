use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::rules::{Hardware, Kind, Place, Problem, Rank};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn a_name() -> impl Strategy<Value = Name> {
    "[A-Za-z0-9_-]{1,24}".prop_map(|text| name(&text))
}

fn a_problem() -> impl Strategy<Value = Problem> {
    (0..Problem::ALL.len()).prop_map(|i| Problem::ALL[i])
}

#[test]
fn keys_are_those_of_the_format() {
    let ada = name("Ada");
    assert_eq!(Key::player(&ada).as_str(), "player/ada");
    assert_eq!(Key::place(&ada).as_str(), "place/ada");
    assert_eq!(Key::session(&ada).as_str(), "session/ada");
    let work = Key::work(Problem::PVersusNp, Round(12), &ada);
    assert_eq!(work.as_str(), "work/p-np/0000000012/ada");
}

#[test]
fn a_character_is_stored_as_json_that_stays() {
    let token = Token::draw(&mut StdRng::seed_from_u64(1));
    let mut ada = Character::new(name("Ada"), token.clone());
    (ada.rank, ada.coins, ada.edit) = (Rank::Phd, 7, 3);
    ada.hardware.add(Kind::DarkMatter, 2);
    let json = format!(
        r#"{{"version":1,"name":"Ada","rank":"phd","coins":7,"hardware":{{"cpu":1,"gpu":0,"asic":0,"quantum":0,"dark_matter":2}},"writer":"{}","edit":3}}"#,
        token.as_str()
    );
    assert_eq!(ada.to_json(), json);
    assert_eq!(Character::from_json(&name("ADA"), &json), Ok(ada));
    let seen = Whereabouts::new(&name("Ada"), Place::Bridge, Rank::PostDoc);
    assert_eq!(seen.to_json(), r#"{"name":"Ada","place":"bridge","rank":"postdoc"}"#);
}

#[test]
fn nobody_is_read_without_hardware() {
    let json = r#"{"version":1,"name":"Ada","rank":"masters","coins":7,"hardware":{},"writer":"","edit":3}"#;
    assert_eq!(Character::from_json(&name("ada"), json).unwrap().hardware, Hardware::SPARE);
}

#[test]
fn names_have_rules() {
    for good in ["a", "PhD", "0", "-", "_", "a-b_c", "abcdefghijklmnopqrstuvwx"] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in
        ["", " ", "a b", "a/b", "ä", "a\n", "\u{0}", "abcdefghijklmnopqrstuvwxy", "K\u{212a}"]
    {
        assert!(bad.parse::<Name>().is_err(), "{bad:?}");
    }
    assert_eq!(name("Ada"), name("aDA"));
    assert!(name("Ada") < name("BOB") && name("ada") < name("Bob"));
}

#[test]
fn rounds_follow_each_other() {
    let entry = |round: u32, who: &str, work: &str| {
        (
            Key::work(Problem::Salesman, Round(round), &name(who)).as_str().to_string(),
            work.to_string(),
        )
    };
    let entries = [
        entry(0, "ada", "60"),
        entry(0, "bob", "40"),
        entry(1, "ada", "101"),
        entry(2, "bob", "99"),
        entry(4, "ada", "100"),
        entry(2, "eve", "rubbish"),
        entry(2, "zoe", "0"),
    ];
    let ledger = Ledger::read(Problem::Salesman, &entries);
    assert_eq!(ledger.current(), Round(2));
    assert_eq!(ledger.round(Round(1)).share(&name("ada")), 100, "surplus is lost");
    assert_eq!(ledger.round(Round(2)).shares.len(), 1);
    assert!(ledger.rewards(&name("ada")) && ledger.rewards(&name("BOB")));
    assert!(!ledger.rewards(&name("eve")) && !ledger.rewards(&name("zoe")));
    assert_eq!(Ledger::read(Problem::Midterm, &entries).current(), Round(0));
}

proptest! {
    #[test]
    fn different_things_have_different_keys(a in a_name(), b in a_name(), p in a_problem(), q in a_problem(), r in any::<u32>(), s in any::<u32>()) {
        let keys = |name: &Name, problem, round| {
            [Key::player(name), Key::place(name), Key::session(name), Key::work(problem, round, name)]
        };
        let (first, second) = (keys(&a, p, Round(r)), keys(&b, q, Round(s)));
        for (i, x) in first.iter().enumerate() {
            for (j, y) in second.iter().enumerate() {
                let same = i == j && a == b && (i < 3 || (p == q && r == s));
                prop_assert_eq!(x == y, same);
                // No key lies under another one's, whatever the names are.
                let below = format!("{}/", x.as_str());
                prop_assert!(!y.as_str().starts_with(&below));
            }
        }
    }

    #[test]
    fn a_prefix_holds_its_own_and_nothing_else(a in a_name(), p in a_problem(), q in a_problem(), r in any::<u32>(), s in any::<u32>()) {
        let key = Key::work(p, Round(r), &a);
        let within = key.as_str().starts_with(Prefix::round(q, Round(s)).as_str());
        prop_assert_eq!(within, p == q && r == s);
        prop_assert_eq!(key.as_str().starts_with(Prefix::rounds(q).as_str()), p == q);
        prop_assert_eq!(Key::read_work(q, key.as_str()), (p == q).then_some((Round(r), a.clone())));
        prop_assert_eq!(Key::read_place(Key::place(&a).as_str()), Some(a));
    }

    #[test]
    fn rounds_sort_as_they_count(a in any::<u32>(), b in any::<u32>()) {
        prop_assert_eq!(a.cmp(&b), Round(a).to_string().cmp(&Round(b).to_string()));
    }

    #[test]
    fn nothing_in_the_store_makes_reading_fail(key in any::<String>(), value in any::<String>()) {
        let _ = Key::read_place(&key);
        let _ = Character::from_json(&name("ada"), &value);
        let _ = Whereabouts::from_json(&name("ada"), &value);
        let entries = [(format!("work/salesman/{key}"), value)];
        prop_assert_eq!(Ledger::read(Problem::Salesman, &entries).current(), Round(0));
    }

    #[test]
    fn characters_survive_the_store(coins in any::<u64>(), edit in any::<u64>(), cpu in 1_u64.., who in a_name()) {
        let mut character = Character::new(who.clone(), Token::draw(&mut StdRng::seed_from_u64(coins)));
        (character.coins, character.edit) = (coins, edit);
        character.hardware.set(Kind::Cpu, cpu);
        prop_assert_eq!(Character::from_json(&who, &character.to_json()), Ok(character));
    }
}
