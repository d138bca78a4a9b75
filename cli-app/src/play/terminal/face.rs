//! What the player sees and what the keys mean, without a terminal: views and keys go in, frames
//! and wishes come out.

use std::borrow::Cow;

use anstyle::Style;
use cmud::drive::UserInput;
use cmud::{Progress, Prompt, Status, Tone, View, complete};
use crossterm::event::KeyEvent;
use kvclient::Link;

use super::block;
use super::editor::{Action, Editor};
use super::row::{BARE, FAINT, Row, STRONG, style_of};
use super::screen::Frame;
use crate::text::wrap;

/// What the player wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Something for the session.
    Tell(UserInput),
    /// To leave now.
    Leave,
    /// A clear screen.
    Clear,
}

/// The state of the interactive face.
pub struct Face {
    editor: Editor,
    prompt: Prompt,
    status: Option<Status>,
    progress: Option<Progress>,
    link: Link,
    has_been_online: bool,
    /// What has been said and typed since the last frame.
    fresh: Vec<Entry>,
    /// Lines whose turn has not come.
    waiting: Vec<String>,
    hint: Hint,
    /// Counts the frames of what moves by itself.
    turn: usize,
}

/// A line of the log, not yet broken to the width of the screen.
struct Entry {
    before: &'static str,
    style: Style,
    text: String,
}

/// What stands in the empty line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    /// Nothing has been typed yet.
    Begin,
    /// The player knows how it goes.
    Silence,
    /// Ctrl-C was the last key; once more and the game is left.
    OnceMore,
    /// The goodbye is on its way.
    Leaving,
}

impl Face {
    /// Before the first view.
    pub fn new(link: Link) -> Self {
        Self {
            editor: Editor::new(),
            prompt: Prompt::Busy,
            status: None,
            progress: None,
            has_been_online: matches!(link, Link::Live { .. }),
            link,
            fresh: Vec::new(),
            waiting: Vec::new(),
            hint: Hint::Begin,
            turn: 0,
        }
    }

    /// Takes what the session shows.
    pub fn view(&mut self, view: View) {
        match view {
            View::Show(line) => self.say(style_of(line.tone), line.text),
            View::Progress(progress) => self.progress = progress,
            View::Status(status) => self.status = Some(status),
            View::Nobody => self.status = None,
            View::Prompt(prompt) => self.prompt = prompt,
            View::Taken(line) => self.echo(line),
            View::Waiting(lines) => self.waiting = lines,
            // `map`, `shop` and `solve` say all of this in words.
            View::Campus(_) | View::Shop(_) | View::Problem(_) => {}
            // The end of the session says it.
            View::Fail { .. } | View::Bye => {}
        }
    }

    /// Takes the state of the connection.
    pub fn link(&mut self, link: Link) {
        self.has_been_online |= matches!(link, Link::Live { .. });
        self.link = link;
    }

    /// Adds a line to the log.
    pub fn say(&mut self, style: Style, text: impl Into<String>) {
        self.fresh.push(Entry { before: "", style, text: text.into() });
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Option<Wish> {
        let (prompt, status) = (self.prompt, self.status.as_ref());
        let action = self.editor.key(key, |line, cursor| {
            let completion = complete(prompt, status, line, cursor);
            (completion.start, completion.candidates)
        });
        if action == Action::Interrupt {
            return self.interrupt();
        }
        self.lapse();
        match action {
            Action::Edited | Action::Interrupt => None,
            Action::Submit(line) => Some(self.submit(line)),
            Action::End => Some(self.leave()),
            Action::Clear => Some(Wish::Clear),
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) -> Vec<Wish> {
        self.lapse();
        let lines = self.editor.paste(text);
        lines.into_iter().map(|line| self.submit(line)).collect()
    }

    /// Ctrl-C, be it a key or a signal: the first one stops what is going on (and has dropped what
    /// was being typed), the second one leaves.
    pub fn interrupt(&mut self) -> Option<Wish> {
        match self.hint {
            Hint::OnceMore | Hint::Leaving => return Some(self.leave()),
            Hint::Begin | Hint::Silence => self.hint = Hint::OnceMore,
        }
        (self.prompt == Prompt::Busy).then_some(Wish::Tell(UserInput::Interrupt))
    }

    /// Whether one more Ctrl-C leaves.
    pub fn is_warned(&self) -> bool {
        self.hint == Hint::OnceMore
    }

    /// Ctrl-C was long ago, or was not the last key: the next one is a first one again.
    pub fn lapse(&mut self) {
        if self.is_warned() {
            self.hint = Hint::Silence;
        }
    }

    /// The player has asked to leave, or has lost the terminal.
    pub fn leave(&mut self) -> Wish {
        self.hint = Hint::Leaving;
        Wish::Leave
    }

    /// The session has not said goodbye in time.
    pub fn say_goodbye(&mut self, lines: &[&str]) {
        for line in lines {
            self.say(style_of(Tone::Story), *line);
        }
    }

    /// Whether there ever was a connection.
    pub fn has_been_online(&self) -> bool {
        self.has_been_online
    }

    /// Whether something on the screen moves by itself.
    pub fn moves(&self) -> bool {
        self.progress.is_some()
    }

    /// Moves it on.
    pub fn tick(&mut self) {
        self.turn = self.turn.wrapping_add(1);
    }

    /// What to draw on a screen of so many columns. New lines of the log are handed out once.
    pub fn frame(&mut self, width: usize) -> Frame {
        let log = self.log(width);
        let mut block = Vec::new();
        if let Some(progress) = &self.progress {
            block.push(block::bar(progress, self.turn, width));
        }
        block.push(block::rule(self.status.as_ref(), &self.link, width));
        let (text, cursor) = (self.editor.text(), self.editor.cursor());
        let (input, column) =
            block::input(self.prompt.text(), text, cursor, &self.hint_text(), width);
        let cursor = (block.len(), column);
        block.push(input);
        if let Some(menu) = self.editor.menu() {
            block.push(block::menu(menu, width));
        }
        Frame { log, block, cursor }
    }

    /// The last frame: the rest of the log, and nothing below it.
    pub fn last_frame(&mut self, width: usize) -> Frame {
        Frame { log: self.log(width), ..Frame::default() }
    }

    fn submit(&mut self, line: String) -> Wish {
        if self.hint == Hint::Begin && self.prompt != Prompt::Name {
            self.hint = Hint::Silence;
        }
        self.editor.remember(self.prompt, &line);
        Wish::Tell(UserInput::Line(line))
    }

    fn echo(&mut self, line: String) {
        // A row of air between an answer and the next command.
        self.say(BARE, "");
        self.fresh.push(Entry { before: self.prompt.text(), style: STRONG, text: line });
    }

    fn log(&mut self, width: usize) -> Vec<Row> {
        let mut log = Vec::new();
        for Entry { before, style, text } in self.fresh.drain(..) {
            let room = width.saturating_sub(before.len());
            let mut before = Row::of(FAINT, before);
            for part in wrap(&text, room) {
                log.push(std::mem::take(&mut before).with(style, part));
            }
        }
        log
    }

    fn hint_text(&self) -> Cow<'static, str> {
        match (self.hint, self.prompt) {
            (Hint::OnceMore, _) => "Ctrl-C once more to leave".into(),
            (Hint::Leaving, _) => "leaving…".into(),
            (Hint::Begin, Prompt::Command) => "help, or Tab for what can be typed".into(),
            (_, Prompt::Busy) if !self.waiting.is_empty() => {
                format!("then: {}", self.waiting.join(", ")).into()
            }
            (_, Prompt::Busy) if self.progress.is_some() => {
                "Ctrl-C stops; what is typed now waits its turn".into()
            }
            _ => "".into(),
        }
    }
}

#[cfg(test)]
mod tests;
