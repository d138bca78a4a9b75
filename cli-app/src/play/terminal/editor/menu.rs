//! The completions that Tab goes through.

use std::ops::Range;

/// Several completions of one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Where in the line the word stands, as it is now.
    word: Range<usize>,
    candidates: Vec<String>,
    chosen: Option<usize>,
}

impl Menu {
    pub(super) fn new(word: Range<usize>, candidates: Vec<String>) -> Self {
        Self { word, candidates, chosen: None }
    }

    /// The candidates, and whether each is the one in the line.
    pub fn entries(&self) -> impl Iterator<Item = (&str, bool)> {
        let entries = self.candidates.iter().enumerate();
        entries.map(|(at, word)| (word.as_str(), self.chosen == Some(at)))
    }

    /// Chooses the next candidate, or the one before.
    pub(super) fn step(&mut self, backwards: bool) {
        let last = self.candidates.len() - 1;
        self.chosen = Some(match self.chosen {
            None if backwards => last,
            None => 0,
            Some(0) if backwards => last,
            Some(at) if backwards => at - 1,
            Some(at) if at == last => 0,
            Some(at) => at + 1,
        });
    }

    /// The place of the word in the line, and the chosen candidate for it.
    pub(super) fn replacement(&mut self) -> (Range<usize>, String) {
        let word = self.candidates[self.chosen.unwrap_or_default()].clone();
        let place = self.word.clone();
        self.word.end = self.word.start + word.len();
        (place, word)
    }
}

/// The start that all words share.
pub(super) fn shared_start(words: &[String]) -> String {
    let Some((first, rest)) = words.split_first() else { return String::new() };
    let mut shared = first.as_str();
    for word in rest {
        let same = shared.chars().zip(word.chars()).take_while(|(a, b)| a == b);
        shared = &shared[..same.map(|(c, _)| c.len_utf8()).sum()];
    }
    shared.to_owned()
}
