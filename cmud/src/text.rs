//! All prose of the game, and how numbers and foreign words are written in it.

mod campus;
mod story;

pub use campus::{arrival, jokes, lucky, pitch, unlucky};
pub use story::{
    GOODBYE, GOODBYE_AWAY, GOODBYE_PASSING, NAME_RULE, NEVER_REACHED, NOT_NAMES, STAYED_AWAY,
    WELCOME, WHO, brief, chapter, one, solved,
};

/// A number with separators between its thousands.
///
/// ```
/// assert_eq!(cmud::text::number(1234567), "1,234,567");
/// ```
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 coin`, `2 coins`.
#[must_use]
pub fn count(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{} {thing}s", number(n)) }
}

/// Several things in a row, as many as fit into a line or two.
#[must_use]
pub fn listed(things: &[String]) -> String {
    const SHOWN: usize = 5;
    match things.len() {
        0..=SHOWN => things.join(", "),
        many => {
            format!("{} and {} more", things[..SHOWN].join(", "), number((many - SHOWN) as u64))
        }
    }
}

/// What somebody typed, in quotes: without what a terminal would obey, and not endless.
#[must_use]
pub fn quote(word: &str) -> String {
    const LONGEST: usize = 24;
    let shown: String = plain(word).chars().take(LONGEST).collect();
    let more = if word.chars().count() > LONGEST { "\u{2026}" } else { "" };
    format!("\u{2018}{shown}{more}\u{2019}")
}

/// A text without line breaks and control characters (nor those that turn a line around).
#[must_use]
pub fn plain(text: &str) -> String {
    let tame = |c: char| match c {
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(tame).collect()
}

#[cfg(test)]
mod tests;
