//! The line being typed: keys in, finished lines out. It draws nothing and asks nobody.

mod menu;

use cmud::{History, Prompt};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustyline::line_buffer::{ChangeListener, DeleteListener, Direction, LineBuffer};
use rustyline::{At, Word};

pub use self::menu::Menu;

/// The longest line that can be typed, in bytes; no command is near it.
const MAX_LINE_BYTES: usize = 1024;

/// What a key asks of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but that the line is drawn anew.
    Edited,
    /// The line is finished.
    Submit(String),
    /// Ctrl-C; what was typed before it, if anything, is gone.
    Interrupt,
    /// Ctrl-D on an empty line: the end of the input.
    End,
    /// Ctrl-L: the screen is to be cleared.
    Clear,
}

/// What could stand at the cursor: where the word that is completed starts, and its completions.
pub type Candidates = (usize, Vec<String>);

/// The line being typed, with what was typed before.
pub struct Editor {
    line: LineBuffer,
    /// What was cut last, for Ctrl-Y.
    cut: Cut,
    history: History,
    menu: Option<Menu>,
}

impl Editor {
    /// An empty line without a past.
    pub fn new() -> Self {
        Self {
            line: LineBuffer::with_capacity(MAX_LINE_BYTES),
            cut: Cut::default(),
            history: History::default(),
            menu: None,
        }
    }

    /// What has been typed.
    pub fn text(&self) -> &str {
        self.line.as_str()
    }

    /// The byte position of the cursor in [`Editor::text`].
    pub fn cursor(&self) -> usize {
        self.line.pos()
    }

    /// The completions to choose from, when there are several.
    pub fn menu(&self) -> Option<&Menu> {
        self.menu.as_ref()
    }

    /// Keeps a line that was typed at a prompt for the arrow keys.
    pub fn remember(&mut self, prompt: Prompt, line: &str) {
        self.history.add(prompt, line);
    }

    /// Takes a key; `complete` is asked for what could stand at the cursor.
    pub fn key(
        &mut self,
        key: KeyEvent,
        complete: impl FnOnce(&str, usize) -> Candidates,
    ) -> Action {
        if matches!(key.code, KeyCode::Tab | KeyCode::BackTab) {
            self.complete(key.code == KeyCode::BackTab, complete);
            return Action::Edited;
        }
        self.menu = None;
        if !matches!(key.code, KeyCode::Up | KeyCode::Down) && !is_control(key, &['p', 'n']) {
            self.history.settle();
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            self.control_key(key.code)
        } else if key.modifiers.contains(KeyModifiers::ALT) {
            self.alt_key(key.code)
        } else {
            self.plain_key(key.code)
        }
    }

    /// Takes pasted text: every line ending in it finishes a line.
    pub fn paste(&mut self, text: &str) -> Vec<String> {
        self.menu = None;
        let mut finished = Vec::new();
        for c in text.replace("\r\n", "\n").chars() {
            match c {
                '\n' | '\r' => finished.push(self.take()),
                '\t' => self.insert(' '),
                c if c.is_control() => {}
                c => self.insert(c),
            }
        }
        finished
    }

    fn plain_key(&mut self, code: KeyCode) -> Action {
        match code {
            KeyCode::Enter => return Action::Submit(self.take()),
            KeyCode::Char(c) => self.insert(c),
            KeyCode::Backspace => _ = self.line.backspace(1, &mut Unheard),
            KeyCode::Delete => _ = self.line.delete(1, &mut Unheard),
            KeyCode::Left => _ = self.line.move_backward(1),
            KeyCode::Right => _ = self.line.move_forward(1),
            KeyCode::Home => _ = self.line.move_buffer_start(),
            KeyCode::End => _ = self.line.move_buffer_end(),
            KeyCode::Up => self.recall(History::older),
            KeyCode::Down => self.recall(History::newer),
            _ => {}
        }
        Action::Edited
    }

    fn control_key(&mut self, code: KeyCode) -> Action {
        match code {
            KeyCode::Char('c') => {
                self.take();
                return Action::Interrupt;
            }
            KeyCode::Char('d') if self.line.is_empty() => return Action::End,
            KeyCode::Char('l') => return Action::Clear,
            KeyCode::Char('j' | 'm') => return Action::Submit(self.take()),
            KeyCode::Char('a') => _ = self.line.move_buffer_start(),
            KeyCode::Char('e') => _ = self.line.move_buffer_end(),
            KeyCode::Char('b') => _ = self.line.move_backward(1),
            KeyCode::Char('f') => _ = self.line.move_forward(1),
            KeyCode::Char('d') => _ = self.line.delete(1, &mut Unheard),
            KeyCode::Char('h') => _ = self.line.backspace(1, &mut Unheard),
            KeyCode::Char('k') => _ = self.line.kill_buffer(self.cut.anew()),
            KeyCode::Char('u') => _ = self.line.discard_buffer(self.cut.anew()),
            KeyCode::Char('w') => _ = self.line.delete_prev_word(Word::Big, 1, self.cut.anew()),
            KeyCode::Char('t') => _ = self.line.transpose_chars(&mut Unheard),
            KeyCode::Char('y') => _ = self.line.yank(&self.cut.0, 1, &mut Unheard),
            KeyCode::Char('p') => self.recall(History::older),
            KeyCode::Char('n') => self.recall(History::newer),
            KeyCode::Left => _ = self.line.move_to_prev_word(Word::Emacs, 1),
            KeyCode::Right => _ = self.line.move_to_next_word(At::AfterEnd, Word::Emacs, 1),
            _ => {}
        }
        Action::Edited
    }

    fn alt_key(&mut self, code: KeyCode) -> Action {
        match code {
            KeyCode::Char('b') | KeyCode::Left => _ = self.line.move_to_prev_word(Word::Emacs, 1),
            KeyCode::Char('f') | KeyCode::Right => {
                _ = self.line.move_to_next_word(At::AfterEnd, Word::Emacs, 1);
            }
            KeyCode::Char('d') => {
                _ = self.line.delete_word(At::AfterEnd, Word::Emacs, 1, self.cut.anew());
            }
            KeyCode::Backspace => {
                _ = self.line.delete_prev_word(Word::Emacs, 1, self.cut.anew());
            }
            _ => {}
        }
        Action::Edited
    }

    fn insert(&mut self, c: char) {
        // A full line takes no more; that is all there is to say about it.
        let _ = self.line.insert(c, 1, &mut Unheard);
    }

    fn take(&mut self) -> String {
        let line = self.line.as_str().to_owned();
        self.line.update("", 0, &mut Unheard);
        line
    }

    fn recall(&mut self, step: impl FnOnce(&mut History, &str) -> Option<String>) {
        if let Some(line) = step(&mut self.history, self.line.as_str()) {
            self.line.update(&line, line.len(), &mut Unheard);
        }
    }

    /// The first Tab writes what all candidates share; the next ones go through them.
    fn complete(&mut self, backwards: bool, complete: impl FnOnce(&str, usize) -> Candidates) {
        if let Some(menu) = &mut self.menu {
            menu.step(backwards);
            let (range, word) = menu.replacement();
            self.line.replace(range, &word, &mut Unheard);
            return;
        }
        let (start, candidates) = complete(self.line.as_str(), self.line.pos());
        let (start, end) = (start.min(self.line.pos()), self.line.pos());
        match candidates.as_slice() {
            [] => {}
            [only] => {
                let word = format!("{} ", only.trim_end());
                self.line.replace(start..end, &word, &mut Unheard);
            }
            _ => {
                let shared = menu::shared_start(&candidates);
                let typed = &self.line.as_str()[start..end];
                if shared.len() > typed.len() {
                    self.line.replace(start..end, &shared, &mut Unheard);
                }
                self.menu = Some(Menu::new(start..self.line.pos(), candidates));
            }
        }
    }
}

fn is_control(key: KeyEvent, letters: &[char]) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL)
        && matches!(key.code, KeyCode::Char(c) if letters.contains(&c))
}

/// What was cut last.
#[derive(Default)]
struct Cut(String);

impl Cut {
    fn anew(&mut self) -> &mut Self {
        self.0.clear();
        self
    }
}

impl DeleteListener for Cut {
    fn delete(&mut self, _: usize, text: &str, _: Direction) {
        self.0.push_str(text);
    }
}

/// Hears of changes that nothing depends on.
struct Unheard;

impl DeleteListener for Unheard {
    fn delete(&mut self, _: usize, _: &str, _: Direction) {}
}

impl ChangeListener for Unheard {
    fn insert_char(&mut self, _: usize, _: char) {}
    fn insert_str(&mut self, _: usize, _: &str) {}
    fn replace(&mut self, _: usize, _: &str, _: &str) {}
}

#[cfg(test)]
mod tests;
