use proptest::prelude::*;

use super::*;
use crate::rules::Hardware;

fn status(rank: Rank, coins: u64) -> Status {
    let (hardware, place) = (Hardware::SPARE, Place::Floor5);
    Status { name: "Ada".parse().unwrap(), rank, coins, power: 1, hardware, place }
}

/// Completes at the mark `|`.
fn at(prompt: Prompt, status: Option<&Status>, marked: &str) -> (usize, Vec<String>) {
    let cursor = marked.find('|').unwrap();
    let completion = complete(prompt, status, &marked.replace('|', ""), cursor);
    (completion.start, completion.candidates)
}

#[test]
fn commands_are_completed_where_they_make_sense() {
    assert_eq!(at(Prompt::Command, None, "m|").1, ["mine", "move", "map"]);
    assert_eq!(at(Prompt::Command, None, "  MO|").1, ["move"]);
    assert_eq!(at(Prompt::Command, None, "  MO|").0, 2);
    assert!(!at(Prompt::Command, None, "|").1.contains(&"resign".to_string()));
    assert_eq!(
        at(Prompt::Problem, None, "|").1,
        ["inv", "solve", "resign", "map", "stats", "help", "quit"]
    );
    assert_eq!(at(Prompt::Busy, None, "st|").1, ["stop", "stats"]);
    assert_eq!(at(Prompt::Confirm, None, "|").1, ["yes", "no"]);
    assert_eq!(at(Prompt::Confirm, None, "yes n|").1, [""; 0]);
    assert_eq!(at(Prompt::Name, None, "m|").1, [""; 0]);
    assert_eq!(at(Prompt::Command, None, "xyz|").1, [""; 0]);
}

#[test]
fn places_are_those_where_one_is_not() {
    let ada = status(Rank::Undergraduate, 0);
    let places = at(Prompt::Command, Some(&ada), "move |").1;
    assert_eq!(places.len(), 10);
    assert!(!places.contains(&"5".to_string()));
    assert_eq!(at(Prompt::Command, Some(&ada), "go fe|"), (3, vec!["fence".to_string()]));
    assert_eq!(at(Prompt::Command, Some(&ada), "move fence |").1, [""; 0]);
    assert_eq!(at(Prompt::Problem, Some(&ada), "move |").1, [""; 0]);
}

#[test]
fn hardware_is_what_the_shop_sells_and_the_coins_allow() {
    let kinds = |rank, coins| at(Prompt::Command, Some(&status(rank, coins)), "buy |").1;
    assert_eq!(kinds(Rank::Undergraduate, 1_000), ["cpu"]);
    assert_eq!(kinds(Rank::Phd, 1_000), ["cpu", "gpu", "asic"]);
    assert_eq!(kinds(Rank::Phd, 7), ["cpu", "gpu"]);
    assert_eq!(kinds(Rank::Phd, 0), ["cpu", "gpu", "asic"]);
    assert_eq!(kinds(Rank::Retired, 625).len(), 5);
}

#[test]
fn help_knows_commands() {
    assert_eq!(at(Prompt::Command, None, "help b|"), (5, vec!["buy".to_string()]));
}

#[test]
fn only_what_stands_before_the_cursor_counts() {
    assert_eq!(at(Prompt::Command, None, "mo|ve 3").1, ["move"]);
    assert_eq!(at(Prompt::Command, None, "|move 3").0, 0);
}

proptest! {
    #[test]
    fn any_line_and_cursor_will_do(line in any::<String>(), cursor in 0_usize..200) {
        for prompt in [Prompt::Command, Prompt::Problem, Prompt::Busy, Prompt::Confirm, Prompt::Name] {
            let completion = complete(prompt, None, &line, cursor);
            prop_assert!(completion.start <= cursor && line.is_char_boundary(completion.start));
        }
    }

    /// Whatever is offered is understood.
    #[test]
    fn candidates_fit(verb in 0_usize..12, typed in 0_usize..6) {
        let word = Verb::ALL[verb].word();
        let typed = &word[..typed.min(word.len())];
        for candidate in complete(Prompt::Command, None, typed, typed.len()).candidates {
            prop_assert!(candidate.starts_with(typed));
            prop_assert!(Verb::named(&candidate, Mode::Campus).is_some());
        }
    }
}
