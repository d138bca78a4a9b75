//! What was typed before, newest last.

/// More lines than this are not kept.
const MAX_LINES: usize = 500;

/// Lines typed before, and where among them the arrow keys are.
#[derive(Default)]
pub struct History {
    lines: Vec<String>,
    walk: Option<Walk>,
}

/// A walk through the lines that start like the one that was being typed.
struct Walk {
    draft: String,
    at: usize,
}

impl History {
    /// Keeps a line, unless it is empty or the same as the one before.
    pub fn add(&mut self, line: &str) {
        self.walk = None;
        if line.trim().is_empty() || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
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
        self.walk = Some(Walk { draft: draft.to_owned(), at });
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
