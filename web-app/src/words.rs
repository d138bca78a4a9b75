//! Numbers and names as people read them.

use cmud::{Kind, Place};

/// The parts of a text that stand between backticks, and those that do not, in order: `true` marks what can be typed.
///
/// ```
/// assert_eq!(page::words::parts("Type `mine`."), [(false, "Type "), (true, "mine"), (false, ".")]);
/// ```
#[must_use]
pub fn parts(text: &str) -> Vec<(bool, &str)> {
    // An odd backtick opens nothing.
    let pairs = text.matches('`').count() / 2;
    let parts = text.splitn(pairs * 2 + 1, '`').enumerate();
    parts.map(|(at, part)| (at % 2 == 1, part)).filter(|(_, part)| !part.is_empty()).collect()
}

/// A row of a table as it is to be broken where it is too long: not in the gap before a number, which says
/// nothing without what stands before it.
#[must_use]
pub fn unbroken(row: &str) -> String {
    const NO_BREAK: &str = "\u{a0}";
    let mut text = String::with_capacity(row.len());
    let mut rest = row;
    while let Some(gap) = rest.find("  ") {
        let (before, from) = rest.split_at(gap);
        rest = from.trim_start_matches(' ');
        let width = from.len() - rest.len();
        let is_before_number = rest.starts_with(|first: char| first.is_ascii_digit());
        text.push_str(before);
        text.push_str(&if is_before_number { NO_BREAK } else { " " }.repeat(width));
    }
    text + rest
}

/// How much is done, in whole percent: 100 only when all of it is.
#[must_use]
pub fn percent(done: u64, total: u64) -> u64 {
    let percent = u128::from(done.min(total)) * 100 / u128::from(total.max(1));
    u64::try_from(percent).expect("at most 100")
}

/// A kind of hardware in words.
#[must_use]
pub fn kind(kind: Kind) -> String {
    match kind {
        Kind::Cpu | Kind::Gpu | Kind::Asic => kind.word().to_uppercase(),
        Kind::Quantum | Kind::DarkMatter => kind.word().replace('_', " "),
    }
}

/// What stands on a place's sign on the map: a floor's number, or a picture.
#[must_use]
pub fn sign(place: Place) -> &'static str {
    match place {
        Place::Fence => "╫╫",
        Place::Bridge => "╭─╮",
        floor => floor.word(),
    }
}

/// A place's name where the map already says that it is in the building.
#[must_use]
pub fn short_place(place: Place) -> &'static str {
    place.title().strip_prefix("Gates, ").unwrap_or(place.title())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_whole_and_never_early() {
        for (done, total, text) in [
            (0, 100, 0),
            (999, 1_000, 99),
            (7, 7, 100),
            (9, 7, 100),
            (0, 0, 0),
            (u64::MAX - 1, u64::MAX, 99),
        ] {
            assert_eq!(percent(done, total), text, "{done} of {total}");
        }
    }

    #[test]
    fn a_row_is_not_broken_before_a_number() {
        let text = unbroken("cpu      1 coin    power   17   honest work");
        let gap = |width: usize| "\u{a0}".repeat(width);
        assert_eq!(text, format!("cpu{}1 coin    power{}17   honest work", gap(6), gap(3)));
        for unchanged in ["", "  ", "a b 1", "5        Ada (you)", "one  "] {
            assert_eq!(unbroken(unchanged), unchanged);
        }
    }

    #[test]
    fn backticks_come_in_pairs() {
        assert_eq!(parts("`a` b `c"), [(true, "a"), (false, " b `c")]);
        assert_eq!(parts("plain"), [(false, "plain")]);
        assert_eq!(parts("``"), []);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn every_place_and_kind_has_its_words() {
        assert_eq!(short_place(Place::Floor5), "floor 5");
        assert_eq!(short_place(Place::Fence), "the fence");
        assert!(Place::ALL.into_iter().all(|place| sign(place).chars().count() <= 3));
        assert_eq!(kind(Kind::DarkMatter), "dark matter");
        assert_eq!(kind(Kind::Gpu), "GPU");
    }
}
