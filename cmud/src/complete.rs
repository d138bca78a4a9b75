//! Completion of what is being typed: commands, places, hardware, yes and no.

use crate::parser::{Mode, Verb};
use crate::rules::{Kind, Place, Rank};
use crate::session::{Prompt, Status};

/// What could stand where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Completion {
    /// Where the word that is being completed begins, in bytes.
    pub start: usize,
    /// What could stand from there to the cursor instead, in the order in which to offer it.
    pub candidates: Vec<String>,
}

/// Completes the word before `cursor` (a byte position in `line`; beyond the end or inside a
/// character it is moved back). Only what makes sense at this prompt and for this character is
/// offered: no kind that the shop does not sell, no place where one already stands.
///
/// ```
/// use cmud::{Prompt, complete};
///
/// let completion = complete(Prompt::Command, None, "move br", 7);
/// assert_eq!((completion.start, completion.candidates), (5, vec!["bridge".to_string()]));
/// ```
#[must_use]
pub fn complete(prompt: Prompt, status: Option<&Status>, line: &str, cursor: usize) -> Completion {
    let before = &line[..line.floor_char_boundary(cursor)];
    let start = before.rfind(char::is_whitespace).map_or(0, |at| {
        // The white space itself may be several bytes long.
        at + before[at..].chars().next().map_or(0, char::len_utf8)
    });
    let typed = before[start..].to_ascii_lowercase();
    let earlier: Vec<&str> = before[..start].split_whitespace().collect();
    let words = match prompt {
        Prompt::Command => of_command(Mode::Campus, &earlier, status),
        Prompt::Problem => of_command(Mode::Problem, &earlier, status),
        // What is typed now is done later, most likely out on the campus.
        Prompt::Busy if earlier.is_empty() => with_stop_first(),
        Prompt::Busy => of_command(Mode::Campus, &earlier, status),
        Prompt::Confirm if earlier.is_empty() => vec!["yes", "no"],
        Prompt::Confirm | Prompt::Name | Prompt::Closed => Vec::new(),
    };
    let fits = words.into_iter().filter(|word| word.starts_with(&typed));
    Completion { start, candidates: fits.map(str::to_string).collect() }
}

fn of_command(mode: Mode, earlier: &[&str], status: Option<&Status>) -> Vec<&'static str> {
    match earlier {
        // At a prompt there is nothing to stop.
        [] => Verb::of(mode).filter(|verb| *verb != Verb::Stop).map(Verb::word).collect(),
        [verb] => match Verb::named(verb, mode) {
            Some(Verb::Move) => places(status),
            Some(Verb::Buy) => kinds(status),
            Some(Verb::Help) => Verb::of(mode).map(Verb::word).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn with_stop_first() -> Vec<&'static str> {
    let others = Verb::of(Mode::Campus).filter(|verb| *verb != Verb::Stop);
    std::iter::once(Verb::Stop).chain(others).map(Verb::word).collect()
}

fn places(status: Option<&Status>) -> Vec<&'static str> {
    let here = status.map(|status| status.place);
    Place::ALL.into_iter().filter(|place| Some(*place) != here).map(Place::word).collect()
}

/// What the shop sells, and of that what the coins allow, if they allow anything.
fn kinds(status: Option<&Status>) -> Vec<&'static str> {
    let Some(status) = status else {
        return Rank::Undergraduate.shop().iter().map(|kind| kind.word()).collect();
    };
    let sold = status.rank.shop().iter();
    let affordable =
        sold.clone().filter(|kind| kind.price() <= status.coins).map(|kind| kind.word());
    let affordable: Vec<_> = affordable.collect();
    if affordable.is_empty() { sold.map(|kind: &Kind| kind.word()).collect() } else { affordable }
}

#[cfg(test)]
mod tests;
