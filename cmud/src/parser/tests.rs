use proptest::prelude::*;

use super::*;

fn campus(line: &str) -> Result<Option<Command>, String> {
    parse(line, Mode::Campus).map_err(|complaint| complaint.to_string())
}

#[test]
fn commands_are_understood() {
    for (line, command) in [
        ("help", Command::Help(None)),
        ("?", Command::Help(None)),
        ("help mine", Command::Help(Some(Verb::Mine))),
        ("help resign", Command::Help(Some(Verb::Resign))),
        ("stats", Command::Stats),
        ("map", Command::Map),
        ("move fence", Command::Move(Place::Fence)),
        ("  GO \t Bridge ", Command::Move(Place::Bridge)),
        ("mine", Command::Mine(1)),
        ("mine 1", Command::Mine(1)),
        ("mine 007", Command::Mine(7)),
        ("mine 1000", Command::Mine(1_000)),
        ("mi 5", Command::Mine(5)),
        ("shop", Command::Shop),
        ("buy dark_matter", Command::Buy(Kind::DarkMatter)),
        ("inv", Command::Inventory),
        ("inventory", Command::Inventory),
        ("solve", Command::Solve(1)),
        ("stop", Command::Stop),
        ("quit", Command::Quit),
        ("exit", Command::Quit),
        ("bye", Command::Quit),
        ("QU", Command::Quit),
    ] {
        assert_eq!(campus(line), Ok(Some(command)), "{line:?}");
    }
    assert_eq!(parse("solve 12", Mode::Problem), Ok(Some(Command::Solve(12))));
    assert_eq!(parse("resign", Mode::Problem), Ok(Some(Command::Resign)));
    assert_eq!(campus(" \t "), Ok(None));
}

#[test]
fn one_letter_is_not_enough_and_two_may_not_be() {
    assert!(campus("q").unwrap_err().contains("no command"));
    assert_eq!(
        campus("m").unwrap_err(),
        "‘m’ could be `mine`, `move` or `map`. One more letter, please."
    );
    assert_eq!(
        campus("st").unwrap_err(),
        "‘st’ could be `stats` or `stop`. One more letter, please."
    );
}

#[test]
fn solving_is_done_inside() {
    let complaint = campus("solve 5").unwrap_err();
    assert!(complaint.contains("Type `solve` alone"), "{complaint}");
}

#[test]
fn advice_is_for_the_mode() {
    let inside = |line| parse(line, Mode::Problem).unwrap_err().to_string();
    for line in ["solve 3 4", "solve x y"] {
        assert!(inside(line).ends_with("Type `solve [N]`."), "{}", inside(line));
    }
    assert!(campus("solve 3 4").unwrap_err().contains("Type `solve` alone"));
    assert!(inside("resign now").ends_with("Type `resign`."));
}

#[test]
fn what_is_like_no_command_is_not_taken_for_one() {
    for line in ["xyzzy", "frobnicate", "hardware", "look", "語語語", "xx", "solving-all-of-it"]
    {
        for mode in [Mode::Campus, Mode::Problem] {
            let complaint = parse(line, mode).unwrap_err().to_string();
            assert!(complaint.ends_with("’. Type `help` for all there are."), "{complaint}");
        }
    }
}

#[test]
fn slips_of_the_finger_are_recognised() {
    for (line, verb) in [
        ("mien", "mine"),
        ("mvoe", "move"),
        ("slove", "solve"),
        ("sotp", "stop"),
        ("qiut", "quit"),
        ("shpo", "shop"),
        ("mapp", "map"),
        ("bu", "buy"),
        ("resing", "resign"),
        ("min3", "mine"),
        ("q", "quit"),
        ("inventroy", "inv"),
        ("exti", "quit"),
    ] {
        let mode = if verb == "resign" { Mode::Problem } else { Mode::Campus };
        match parse(line, mode) {
            Err(Complaint::Unknown { nearest, .. }) => {
                assert_eq!(nearest.map(Verb::word), Some(verb), "{line}");
            }
            Ok(Some(Command::Buy(_))) | Err(Complaint::BuyWhat) => assert_eq!(verb, "buy"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn answers_are_yes_or_no() {
    assert_eq!(yes_or_no(" YES "), Some(true));
    assert_eq!(yes_or_no("y"), Some(true));
    assert_eq!(yes_or_no("No"), Some(false));
    assert_eq!(yes_or_no("yes please"), None);
    assert_eq!(yes_or_no(""), None);
}

proptest! {
    #[test]
    fn every_line_is_a_command_or_a_sentence(line in any::<String>(), inside in any::<bool>()) {
        let mode = if inside { Mode::Problem } else { Mode::Campus };
        if let Err(complaint) = parse(&line, mode) {
            let sentence = complaint.to_string();
            prop_assert!(sentence.ends_with(['.', '?']), "{sentence}");
            prop_assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
            prop_assert!(sentence.chars().count() < 200, "{sentence}");
        }
    }

    #[test]
    fn counts_stay_within_bounds(n in any::<i128>()) {
        match parse(&format!("mine {n}"), Mode::Campus) {
            Ok(Some(Command::Mine(tries))) => prop_assert_eq!(i128::from(tries), n),
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(_) => prop_assert!(n < 1 || n > i128::from(MAX_TRIES)),
        }
    }
}
