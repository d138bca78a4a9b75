//! How a suggestion goes into the line that is being typed.
//!
//! A browser counts a cursor's position in UTF-16 units, the game in bytes; both may be asked about any text.

use cmud::parser::{Command, Mode, parse, yes_or_no};
use cmud::{Completion, Prompt};

/// The byte position of a cursor that stands after `units` UTF-16 units; at most the end of the line.
#[must_use]
pub fn bytes_before(line: &str, units: u32) -> usize {
    let mut left = units as usize;
    for (at, character) in line.char_indices() {
        if left < character.len_utf16() {
            return at;
        }
        left -= character.len_utf16();
    }
    line.len()
}

/// The suggestions that would change the line: a word that is complete needs none.
#[must_use]
pub fn useful(completion: Completion, line: &str, cursor: usize) -> Completion {
    let Completion { start, mut candidates } = completion;
    let typed = line.get(start..cursor).unwrap_or_default();
    candidates.retain(|candidate| candidate != typed);
    Completion { start, candidates }
}

/// The line with `candidate` in the place of what was typed from `start` to `cursor`, and the cursor after it in
/// UTF-16 units. At the end of a line a space follows, ready for the next word.
#[must_use]
pub fn accept(line: &str, cursor: usize, start: usize, candidate: &str) -> (String, u32) {
    let before = line.get(..start).unwrap_or_default();
    let after = line.get(cursor..).unwrap_or_default();
    let space = if after.is_empty() { " " } else { "" };
    let left = format!("{before}{candidate}{space}");
    let cursor = left.encode_utf16().count();
    (left + after, u32::try_from(cursor).unwrap_or(u32::MAX))
}

/// Whether a line says all that it has to, so that a click may enter it. Leaving the game by a slip would be no fun.
#[must_use]
pub fn is_whole(prompt: Prompt, line: &str) -> bool {
    let is_command =
        |mode| matches!(parse(line, mode), Ok(Some(command)) if command != Command::Quit);
    match prompt {
        Prompt::Name => true,
        Prompt::Confirm => yes_or_no(line).is_some(),
        Prompt::Problem => is_command(Mode::Problem),
        Prompt::Command | Prompt::Busy => is_command(Mode::Campus),
        Prompt::Closed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_enters_only_what_is_whole() {
        for (prompt, line, whole) in [
            (Prompt::Command, "mine ", true),
            (Prompt::Command, "move ", false),
            (Prompt::Command, "move bridge ", true),
            (Prompt::Command, "buy ", false),
            (Prompt::Busy, "stop ", true),
            (Prompt::Command, "quit ", false),
            (Prompt::Command, "resign ", false),
            (Prompt::Problem, "resign ", true),
            (Prompt::Confirm, "yes ", true),
            (Prompt::Confirm, "mine ", false),
            (Prompt::Closed, "mine ", false),
        ] {
            assert_eq!(is_whole(prompt, line), whole, "{line}");
        }
    }

    #[test]
    fn cursors_are_counted_in_utf16() {
        let line = "aé😀z";
        for (units, bytes) in [(0, 0), (1, 1), (2, 3), (3, 3), (4, 7), (5, 8), (99, 8)] {
            assert_eq!(bytes_before(line, units), bytes, "{units} units");
        }
    }

    #[test]
    fn a_suggestion_replaces_the_word_and_keeps_the_rest() {
        assert_eq!(accept("mi", 2, 0, "mine"), ("mine ".into(), 5));
        assert_eq!(accept("move br", 7, 5, "bridge"), ("move bridge ".into(), 12));
        assert_eq!(accept("bu gpu", 2, 0, "buy"), ("buy gpu".into(), 3));
        assert_eq!(accept("😀 mi", 7, 5, "mine"), ("😀 mine ".into(), 8));
    }

    #[test]
    fn positions_outside_the_line_do_no_harm() {
        assert_eq!(accept("x", 9, 7, "mine"), ("mine ".into(), 5));
        let completion = Completion { start: 9, candidates: vec!["mine".into()] };
        assert_eq!(useful(completion.clone(), "x", 1), completion);
    }

    #[test]
    fn what_is_already_there_is_not_suggested() {
        let completion = Completion { start: 0, candidates: vec!["map".into(), "mapper".into()] };
        assert_eq!(useful(completion, "map", 3).candidates, ["mapper"]);
    }
}
