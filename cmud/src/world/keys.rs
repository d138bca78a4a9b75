//! Every key that the game uses is built here, and nowhere else.
//!
//! A key is a family, a slash, and fields between slashes; names and problem words contain no
//! slash and rounds have a fixed width. So no name can reach into another family, and a prefix
//! that ends in a slash never matches a part of a name.

use std::fmt;

use super::Name;
use crate::rules::Problem;

/// The number of a round of a problem, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Round(pub u32);

impl Round {
    /// The round after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Wide enough for every `u32`, so that a List gives rounds in order.
const ROUND_DIGITS: usize = 10;

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0ROUND_DIGITS$}", self.0)
    }
}

/// A key of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Where a character is kept.
    #[must_use]
    pub fn player(name: &Name) -> Self {
        Self(format!("player/{}", name.identity()))
    }

    /// Where it is kept what others see of a character.
    #[must_use]
    pub fn place(name: &Name) -> Self {
        Self(format!("{}{}", Prefix::places().as_str(), name.identity()))
    }

    /// Where it is kept which client holds a character.
    #[must_use]
    pub fn session(name: &Name) -> Self {
        Self(format!("session/{}", name.identity()))
    }

    /// Where a player's work in a round is kept.
    #[must_use]
    pub fn work(problem: Problem, round: Round, name: &Name) -> Self {
        Self(format!("{}{}", Prefix::round(problem, round).as_str(), name.identity()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose whereabouts a key holds; `None` if it is no such key.
    #[must_use]
    pub fn read_place(key: &str) -> Option<Name> {
        stored_name(key.strip_prefix(Prefix::places().as_str())?)
    }

    /// Whose work in which round a key holds; `None` if it is no such key.
    #[must_use]
    pub fn read_work(problem: Problem, key: &str) -> Option<(Round, Name)> {
        let (round, name) = key.strip_prefix(Prefix::rounds(problem).as_str())?.split_once('/')?;
        let digits = round.len() == ROUND_DIGITS && round.bytes().all(|b| b.is_ascii_digit());
        let round = digits.then(|| round.parse().ok().map(Round))??;
        Some((round, stored_name(name)?))
    }
}

/// A name as it stands in a key: valid, and in lower case already.
fn stored_name(text: &str) -> Option<Name> {
    text.parse().ok().filter(|name: &Name| name.identity() == text)
}

/// The beginning of keys, for a List. Every prefix ends in a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// Everybody's whereabouts.
    #[must_use]
    pub fn places() -> Self {
        Self("place/".to_string())
    }

    /// All work on a problem.
    #[must_use]
    pub fn rounds(problem: Problem) -> Self {
        let word = match problem {
            Problem::Salesman => "salesman",
            Problem::Midterm => "midterm",
            Problem::LanguageModel => "language-model",
            Problem::PVersusNp => "p-np",
            Problem::Meaning => "meaning",
        };
        Self(format!("work/{word}/"))
    }

    /// All work in one round of a problem.
    #[must_use]
    pub fn round(problem: Problem, round: Round) -> Self {
        Self(format!("{}{round}/", Self::rounds(problem).0))
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
