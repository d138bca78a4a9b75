use super::*;
use crate::rules::{Kind, Place, Problem, Rank};

/// A terminal of 80 columns, with a margin.
const WIDTH: usize = 78;

#[test]
fn no_line_of_prose_is_wider_than_a_screen() {
    let mut lines: Vec<&str> = [
        WELCOME,
        GOODBYE,
        GOODBYE_AWAY,
        GOODBYE_PASSING,
        &[NEVER_REACHED, STAYED_AWAY, WHO, NAME_RULE, NOT_NAMES],
        lucky(),
        unlucky(),
        jokes(),
    ]
    .concat();
    lines.extend(Rank::ALL.iter().flat_map(|rank| chapter(*rank).concat()));
    lines.extend(Problem::ALL.iter().flat_map(|problem| brief(*problem)));
    lines.extend(Problem::ALL.map(solved));
    lines.extend(Place::ALL.map(arrival));
    lines.extend(Kind::ALL.map(pitch));
    for line in lines {
        assert!(line.chars().count() <= WIDTH, "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn numbers_are_easy_to_read() {
    for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(number(n), text);
    }
    assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!((count(1, "coin"), count(0, "coin")), ("1 coin".into(), "0 coins".into()));
}

#[test]
fn lists_do_not_run_away() {
    let names: Vec<_> = (0..7).map(|i| i.to_string()).collect();
    assert_eq!(listed(&names[..2]), "0, 1");
    assert_eq!(listed(&names), "0, 1, 2, 3, 4 and 2 more");
}

#[test]
fn quotes_are_tame() {
    assert_eq!(quote("abc"), "‘abc’");
    assert_eq!(quote("a\u{1b}\u{202e}b"), "‘a\u{fffd}\u{fffd}b’");
    assert_eq!(quote(&"é".repeat(100)).chars().count(), 27);
}
