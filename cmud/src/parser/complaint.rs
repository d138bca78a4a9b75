//! What is wrong with a line, in sentences that say what to do instead.

use std::fmt;

use super::{Mode, Verb};
use crate::rules::{Kind, Place};
use crate::text::quote;

/// Why a line is no command. Its text is for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// Nothing is called that.
    Unknown {
        /// What was typed.
        word: String,
        /// What may have been meant.
        nearest: Option<Verb>,
    },
    /// Several commands begin like that.
    Ambiguous {
        /// What was typed.
        word: String,
        /// What it could mean.
        verbs: Vec<Verb>,
    },
    /// A command of the other mode.
    Elsewhere(Verb),
    /// More words than the command takes.
    Extra {
        /// The command.
        verb: Verb,
        /// The first word that is too many.
        extra: String,
        /// Where it was typed: a command may take more there than elsewhere.
        mode: Mode,
    },
    /// `move` alone.
    MoveWhere,
    /// `move` to nowhere.
    NoSuchPlace(String),
    /// `buy` alone.
    BuyWhat,
    /// `buy` of nothing that exists.
    NoSuchKind(String),
    /// How often, but not in digits.
    NotANumber(Verb, String),
    /// How often: not at all.
    Zero(Verb),
    /// How often: less than that.
    Negative(Verb),
    /// How often: for hours.
    TooMany(Verb),
}

impl std::error::Error for Complaint {}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { word, nearest: Some(nearest) } => write!(
                f,
                "There is no command {}. Did you mean `{}`? Type `help` for all there are.",
                quote(word),
                nearest.word()
            ),
            Self::Unknown { word, nearest: None } => {
                write!(f, "There is no command {}. Type `help` for all there are.", quote(word))
            }
            Self::Ambiguous { word, verbs } => {
                write!(f, "{} could be {}. One more letter, please.", quote(word), either(verbs))
            }
            Self::Elsewhere(Verb::Resign) => {
                write!(f, "You can only resign from a problem. Type `solve` to enter yours.")
            }
            Self::Elsewhere(verb) => write!(
                f,
                "Not in the middle of a problem. Type `resign` first, then `{}`.",
                verb.word()
            ),
            Self::Extra { verb: Verb::Solve, mode: Mode::Campus, .. } => {
                write!(f, "Type `solve` alone to enter the problem; how often comes later.")
            }
            Self::Extra { verb, extra, mode } => write!(
                f,
                "I understand `{}`, but not the {} after it. Type `{}`.",
                verb.word(),
                quote(extra),
                verb.usage(*mode),
            ),
            Self::MoveWhere => write!(f, "Move where? Type `move` and one of: {}.", places()),
            Self::NoSuchPlace(word) => {
                write!(
                    f,
                    "There is no place {} on this campus. Try one of: {}.",
                    quote(word),
                    places()
                )
            }
            Self::BuyWhat => {
                write!(f, "Buy what? Type `shop` to see what there is, then `buy KIND`.")
            }
            Self::NoSuchKind(word) => {
                let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
                write!(f, "Nobody sells {}. Hardware comes as: {}.", quote(word), kinds.join(", "))
            }
            Self::NotANumber(verb, word) => write!(
                f,
                "{} is not a number of times. Type `{}` and a number from 1 to 1,000.",
                quote(word),
                verb.word()
            ),
            Self::Zero(verb) => write!(
                f,
                "Zero times is done already. Type `{}` and a number from 1 to 1,000.",
                verb.word()
            ),
            Self::Negative(verb) => write!(
                f,
                "Less than nothing is for accountants. Type `{}` and a number from 1 to 1,000.",
                verb.word()
            ),
            Self::TooMany(verb) => write!(
                f,
                "That would take all semester. Type `{}` and a number from 1 to 1,000.",
                verb.word()
            ),
        }
    }
}

fn places() -> String {
    Place::ALL.map(Place::word).join(", ")
}

/// `a`, `b` or `c`.
fn either(verbs: &[Verb]) -> String {
    let words: Vec<_> = verbs.iter().map(|verb| format!("`{}`", verb.word())).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}
