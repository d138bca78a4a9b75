//! Turns a typed line into a command, or into a sentence that says what is wrong with it.

mod complaint;
mod verb;

pub use complaint::Complaint;
pub use verb::{Mode, Verb};

use crate::rules::{Kind, MAX_TRIES, Place};

/// A line that makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// All commands, or one of them, explained.
    Help(Option<Verb>),
    /// Name and rank.
    Stats,
    /// Who is where.
    Map,
    /// Go somewhere.
    Move(Place),
    /// Try that often to mine.
    Mine(u32),
    /// What can be bought.
    Shop,
    /// As much of a kind as the coins allow.
    Buy(Kind),
    /// Coins and hardware.
    Inventory,
    /// On the campus: enter the problem (the number is 1). Inside: strike that many blows.
    Solve(u32),
    /// Leave the problem.
    Resign,
    /// Stop what is going on.
    Stop,
    /// Leave the game.
    Quit,
}

/// Parses a line as it is understood in a mode; `None` if it is blank.
///
/// Commands may be shortened to two letters or more where that is clear.
///
/// ```
/// use cmud::parser::{Command, Mode, parse};
///
/// assert_eq!(parse("mine 3", Mode::Campus), Ok(Some(Command::Mine(3))));
/// assert!(parse("mien 3", Mode::Campus).unwrap_err().to_string().contains("Did you mean `mine`?"));
/// ```
///
/// # Errors
/// A [`Complaint`], whose text is for the person who typed the line.
pub fn parse(line: &str, mode: Mode) -> Result<Option<Command>, Complaint> {
    let mut words = line.split_whitespace();
    let Some(word) = words.next() else { return Ok(None) };
    let verb = Verb::find(word, mode)?;
    let argument = words.next();
    if let Some(extra) = words.next() {
        return Err(Complaint::Extra { verb, extra: extra.to_string(), mode });
    }
    command(verb, argument, mode).map(Some)
}

fn command(verb: Verb, argument: Option<&str>, mode: Mode) -> Result<Command, Complaint> {
    let simple = match (verb, argument) {
        (Verb::Help, None) => return Ok(Command::Help(None)),
        (Verb::Help, Some(word)) => {
            return Ok(Command::Help(Some(Verb::find_anywhere(word, mode)?)));
        }
        (Verb::Move, None) => return Err(Complaint::MoveWhere),
        (Verb::Move, Some(word)) => {
            return Place::from_word(word)
                .map(Command::Move)
                .ok_or_else(|| Complaint::NoSuchPlace(word.to_string()));
        }
        (Verb::Buy, None) => return Err(Complaint::BuyWhat),
        (Verb::Buy, Some(word)) => {
            return Kind::from_word(word)
                .map(Command::Buy)
                .ok_or_else(|| Complaint::NoSuchKind(word.to_string()));
        }
        (Verb::Mine, word) => return count(verb, word).map(Command::Mine),
        (Verb::Solve, word) if mode == Mode::Problem => {
            return count(verb, word).map(Command::Solve);
        }
        (Verb::Solve, _) => Command::Solve(1),
        (Verb::Stats, _) => Command::Stats,
        (Verb::Map, _) => Command::Map,
        (Verb::Shop, _) => Command::Shop,
        (Verb::Inventory, _) => Command::Inventory,
        (Verb::Resign, _) => Command::Resign,
        (Verb::Stop, _) => Command::Stop,
        (Verb::Quit, _) => Command::Quit,
    };
    match argument {
        None => Ok(simple),
        Some(extra) => Err(Complaint::Extra { verb, extra: extra.to_string(), mode }),
    }
}

/// How often: 1 to [`MAX_TRIES`]; once if it is not said.
fn count(verb: Verb, word: Option<&str>) -> Result<u32, Complaint> {
    let Some(word) = word else { return Ok(1) };
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Complaint::NotANumber(verb, word.to_string()));
    }
    // Digits that do not fit a u32 are too many, whatever they are.
    let count = digits.parse().unwrap_or(u32::MAX);
    match count {
        0 => Err(Complaint::Zero(verb)),
        _ if negative => Err(Complaint::Negative(verb)),
        1..=MAX_TRIES => Ok(count),
        _ => Err(Complaint::TooMany(verb)),
    }
}

/// Reads an answer to a question: yes, no, or neither.
#[must_use]
pub fn yes_or_no(line: &str) -> Option<bool> {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
