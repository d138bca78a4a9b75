//! The lines a player has entered, walked with the arrow keys.

/// How many lines are remembered: more than anyone walks back through.
const REMEMBERED: usize = 200;

/// Past lines, and the unfinished one that was put aside to look at them.
#[derive(Debug, Default)]
pub struct History {
    lines: Vec<String>,
    /// The line on show; `None` while the player writes a new one.
    shown: Option<usize>,
    draft: String,
}

impl History {
    /// Remembers an entered line, unless it is blank or the same as the one before, and returns to a new line.
    pub fn record(&mut self, line: &str) {
        let line = line.trim();
        if !line.is_empty() && self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
            if self.lines.len() > REMEMBERED {
                self.lines.remove(0);
            }
        }
        self.shown = None;
        self.draft.clear();
    }

    /// The line before the one on show; `current` is kept for the way back if it is the unfinished one.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        let older = match self.shown {
            None => {
                let newest = self.lines.len().checked_sub(1)?;
                self.draft = current.to_owned();
                newest
            }
            Some(at) => at.checked_sub(1)?,
        };
        self.shown = Some(older);
        self.lines.get(older).map(String::as_str)
    }

    /// The line after the one on show, and in the end the unfinished one.
    pub fn newer(&mut self) -> Option<&str> {
        let newer = self.shown? + 1;
        if newer < self.lines.len() {
            self.shown = Some(newer);
            self.lines.get(newer).map(String::as_str)
        } else {
            self.shown = None;
            Some(&self.draft)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> History {
        let mut history = History::default();
        lines.iter().for_each(|line| history.record(line));
        history
    }

    #[test]
    fn walks_back_and_forth_and_gives_the_draft_back() {
        let mut history = of(&["mine", "shop"]);
        assert_eq!(history.older("bu"), Some("shop"));
        assert_eq!(history.older("shop"), Some("mine"));
        assert_eq!(history.older("mine"), None, "there is nothing older");
        assert_eq!(history.newer(), Some("shop"));
        assert_eq!(history.newer(), Some("bu"), "the unfinished line comes back");
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn blank_and_repeated_lines_are_not_remembered() {
        let mut history = of(&["mine", "  ", " mine ", ""]);
        assert_eq!(history.older(""), Some("mine"));
        assert_eq!(history.older(""), None);
    }

    #[test]
    fn entering_a_line_starts_again_from_the_newest() {
        let mut history = of(&["a", "b"]);
        history.older("");
        history.older("");
        history.record("c");
        assert_eq!(history.older(""), Some("c"));
    }

    #[test]
    fn an_empty_history_says_nothing_and_forgets_the_oldest_when_full() {
        assert_eq!(History::default().older("x"), None);
        assert_eq!(History::default().newer(), None);
        let mut history = History::default();
        (0..=REMEMBERED).for_each(|n| history.record(&n.to_string()));
        let mut oldest = String::new();
        while let Some(line) = history.older("") {
            oldest = line.to_owned();
        }
        assert_eq!(oldest, "1");
    }
}
