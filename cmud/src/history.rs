//! What was typed before, for the arrow keys of both faces.

use crate::session::Prompt;

/// More lines than this are not kept.
const MAX_LINES: usize = 500;

/// Commands typed before, newest last, and where among them the arrow keys are.
///
/// ```
/// use cmud::{History, Prompt};
///
/// let mut history = History::default();
/// history.add(Prompt::Command, "mine 3");
/// history.add(Prompt::Command, "shop");
/// assert_eq!(history.older("mi"), Some("mine 3".to_string()));
/// assert_eq!(history.newer("mine 3"), Some("mi".to_string()));
/// ```
#[derive(Debug, Default)]
pub struct History {
    lines: Vec<String>,
    walk: Option<Walk>,
}

/// A walk through the lines that start like the one that was being typed.
#[derive(Debug)]
struct Walk {
    draft: String,
    at: usize,
}

impl History {
    /// Keeps a line that was typed at a prompt, unless it is blank, the same as the one before, or
    /// no command but a name or an answer.
    pub fn add(&mut self, prompt: Prompt, line: &str) {
        self.walk = None;
        let line = line.trim();
        let is_command = matches!(prompt, Prompt::Command | Prompt::Problem | Prompt::Busy);
        let repeats = self.lines.last().is_some_and(|last| last == line);
        if !is_command || line.is_empty() || repeats {
            return;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.remove(0);
        }
        self.lines.push(line.to_string());
    }

    /// Ends the walk: the line shown is now the one being typed.
    pub fn settle(&mut self) {
        self.walk = None;
    }

    /// The next older line that starts with what was typed, if there is one.
    pub fn older(&mut self, typed: &str) -> Option<String> {
        let (draft, end) = match &self.walk {
            Some(walk) => (walk.draft.as_str(), walk.at),
            None => (typed, self.lines.len()),
        };
        let at = (0..end).rev().find(|&at| fits(&self.lines[at], draft, typed))?;
        self.walk = Some(Walk { draft: draft.to_string(), at });
        Some(self.lines[at].clone())
    }

    /// The next newer line that starts with what was typed; after the newest, what was typed.
    pub fn newer(&mut self, typed: &str) -> Option<String> {
        let walk = self.walk.as_mut()?;
        let newer = walk.at + 1..self.lines.len();
        match newer.into_iter().find(|&at| fits(&self.lines[at], &walk.draft, typed)) {
            Some(at) => {
                walk.at = at;
                Some(self.lines[at].clone())
            }
            None => self.walk.take().map(|walk| walk.draft),
        }
    }
}

/// Whether a line starts with the draft and would change what is shown.
fn fits(line: &str, draft: &str, shown: &str) -> bool {
    line.starts_with(draft) && line != shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> History {
        let mut history = History::default();
        lines.iter().for_each(|line| history.add(Prompt::Command, line));
        history
    }

    /// What so many steps back show.
    fn walk(history: &mut History, draft: &str, steps: usize) -> Vec<String> {
        let mut shown = vec![draft.to_string()];
        for _ in 0..steps {
            shown.extend(history.older(shown.last().expect("the draft is there")));
        }
        shown.split_off(1)
    }

    #[test]
    fn it_walks_back_and_forth_and_gives_the_draft_back() {
        let mut history = of(&["mine", "shop"]);
        assert_eq!(walk(&mut history, "", 3), ["shop", "mine"]);
        assert_eq!(history.newer("mine").as_deref(), Some("shop"));
        assert_eq!(history.newer("shop").as_deref(), Some(""));
        assert_eq!(history.newer(""), None);
    }

    #[test]
    fn it_walks_through_lines_that_start_like_the_draft() {
        let mut history = of(&["mine 1", "map", "mine 2"]);
        assert_eq!(walk(&mut history, "mi", 3), ["mine 2", "mine 1"]);
        history.settle();
        assert_eq!(walk(&mut history, "mine 1", 3), [""; 0], "the line shown is the draft now");
        assert_eq!(walk(&mut history, "x", 1), [""; 0]);
    }

    #[test]
    fn blank_and_repeated_lines_are_not_kept_nor_names_and_answers() {
        let mut history = of(&["mine", "  ", " mine ", ""]);
        for prompt in [Prompt::Name, Prompt::Confirm, Prompt::Closed] {
            history.add(prompt, "yes");
        }
        for prompt in [Prompt::Busy, Prompt::Problem] {
            history.add(prompt, prompt.text());
        }
        assert_eq!(walk(&mut history, "", 9), ["solve>", ">", "mine"]);
    }

    #[test]
    fn a_new_line_starts_again_from_the_newest() {
        let mut history = of(&["a", "b"]);
        walk(&mut history, "", 2);
        history.add(Prompt::Command, "c");
        assert_eq!(walk(&mut history, "", 1), ["c"]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let lines: Vec<_> = (0..=MAX_LINES).map(|at| at.to_string()).collect();
        let mut history = of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let kept = walk(&mut history, "", MAX_LINES * 2);
        assert_eq!((kept.len(), kept.last().map(String::as_str)), (MAX_LINES, Some("1")));
        assert_eq!(walk(&mut History::default(), "x", 1), [""; 0]);
        assert_eq!(History::default().newer(""), None);
    }
}
