//! The terminal's screen: a log that scrolls away upwards, and below it a block that stays.
//!
//! The block (progress, status, the line being typed) is drawn anew with every change: the cursor
//! goes to its first row, everything below is cleared, new lines of the log are written where the
//! block was, then the block. One write carries it all, so nothing flickers and nothing that is
//! printed can garble the line being typed. The log stays in the terminal's own scrollback.

use std::io::{self, Write};

use crossterm::Command;
use crossterm::cursor::{MoveRight, MoveTo, MoveUp};
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};

use super::row::Row;

/// What to draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// New lines of the log.
    pub log: Vec<Row>,
    /// The block, as it is now; each row narrower than the screen.
    pub block: Vec<Row>,
    /// Where in the block the cursor stands: row and column.
    pub cursor: (usize, usize),
}

/// A screen that is drawn on by writing to `out`.
pub struct Screen<W> {
    out: W,
    colours: bool,
    columns: usize,
    /// The widths of the rows of the block from its first to that of the cursor.
    above: Vec<usize>,
}

impl<W: Write> Screen<W> {
    /// A screen whose cursor stands at the start of an empty row. Until it is told otherwise it
    /// has the classic 80 columns.
    pub fn new(out: W, colours: bool) -> Self {
        Self { out, colours, columns: 80, above: Vec::new() }
    }

    /// How wide the rows of a frame may be: the last column stays free, since terminals differ in
    /// what happens after a character there.
    pub fn width(&self) -> usize {
        self.columns.saturating_sub(1).max(1)
    }

    /// The terminal has so many columns now; it has wrapped what is on it by itself.
    pub fn resize(&mut self, columns: u16) {
        self.columns = usize::from(columns.max(1));
    }

    /// Draws a frame in place of the last one's block.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, frame: &Frame) -> io::Result<()> {
        let mut text = String::new();
        add(&mut text, BeginSynchronizedUpdate);
        self.go_to_block(&mut text);
        for row in &frame.log {
            row.render(self.colours, &mut text);
            text.push_str("\r\n");
        }
        for (index, row) in frame.block.iter().enumerate() {
            if index > 0 {
                text.push_str("\r\n");
            }
            row.render(self.colours, &mut text);
        }
        let (row, column) = frame.cursor;
        go_up(&mut text, frame.block.len().saturating_sub(row + 1));
        text.push('\r');
        if column > 0 {
            add(&mut text, MoveRight(column.try_into().unwrap_or(u16::MAX)));
        }
        add(&mut text, EndSynchronizedUpdate);
        self.above = frame.block.iter().take(row + 1).map(Row::width).collect();
        if let Some(last) = self.above.last_mut() {
            *last = column;
        }
        self.write(&text)
    }

    /// Clears the screen; the next frame is drawn at its top.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        let mut text = String::new();
        add(&mut text, Clear(ClearType::All));
        add(&mut text, MoveTo(0, 0));
        self.above.clear();
        self.write(&text)
    }

    /// To the first column of the block's first row, everything from there on cleared.
    fn go_to_block(&self, text: &mut String) {
        // A row that was drawn when the screen was wider takes several now.
        let rows: usize =
            self.above.iter().map(|width| 1 + width.saturating_sub(1) / self.columns).sum();
        go_up(text, rows.saturating_sub(1));
        text.push('\r');
        add(text, Clear(ClearType::FromCursorDown));
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

fn go_up(text: &mut String, rows: usize) {
    if rows > 0 {
        add(text, MoveUp(rows.try_into().unwrap_or(u16::MAX)));
    }
}

fn add(text: &mut String, command: impl Command) {
    command.write_ansi(text).expect("a string takes all that is written to it");
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::super::row::BARE;
    use super::*;

    /// A screen on an emulated terminal.
    struct Emulated {
        screen: Screen<Vec<u8>>,
        terminal: vt100::Parser,
    }

    fn size(size: u16) -> NonZero<u16> {
        NonZero::new(size).unwrap()
    }

    impl Emulated {
        fn new(rows: u16, columns: u16) -> Self {
            let terminal = vt100::Parser::new(size(rows), size(columns), 100);
            let mut screen = Screen::new(Vec::new(), true);
            screen.resize(columns);
            Self { screen, terminal }
        }

        fn draw(&mut self, log: &[&str], block: &[&str], cursor: (usize, usize)) {
            let rows = |texts: &[&str]| texts.iter().map(|text| Row::of(BARE, *text)).collect();
            let frame = Frame { log: rows(log), block: rows(block), cursor };
            self.screen.draw(&frame).unwrap();
            self.terminal.process(&std::mem::take(&mut self.screen.out));
        }

        #[track_caller]
        fn check(&self, contents: &str, cursor: (u16, u16)) {
            let screen = self.terminal.screen();
            assert_eq!(screen.contents(), contents);
            assert_eq!(screen.cursor_position(), cursor);
        }
    }

    #[test]
    fn the_log_grows_above_the_block() {
        let mut it = Emulated::new(6, 20);
        it.draw(&["welcome"], &["-- ada --", "> "], (1, 2));
        it.check("welcome\n-- ada --\n> ", (2, 2));
        it.draw(&["one", "two"], &["[###   ]", "-- ada --", "> mi"], (2, 3));
        it.check("welcome\none\ntwo\n[###   ]\n-- ada --\n> mi", (5, 3));
        it.draw(&[], &["-- ada --", "> mi"], (1, 4));
        it.check("welcome\none\ntwo\n-- ada --\n> mi", (4, 4));
    }

    #[test]
    fn a_full_screen_scrolls_and_loses_nothing() {
        let mut it = Emulated::new(4, 20);
        it.draw(&["1", "2", "3"], &["--", "> "], (1, 2));
        it.check("2\n3\n--\n> ", (3, 2));
        it.draw(&["4"], &["--", "> "], (1, 2));
        it.check("3\n4\n--\n> ", (3, 2));
        it.terminal.screen_mut().set_scrollback(2);
        assert_eq!(it.terminal.screen().contents(), "1\n2\n3\n4");
    }

    #[test]
    fn rows_below_the_cursor_are_redrawn_too() {
        let mut it = Emulated::new(5, 20);
        it.draw(&[], &["--", "> m", "map mine move"], (1, 3));
        it.check("--\n> m\nmap mine move", (1, 3));
        it.draw(&["hello"], &["--", "> "], (1, 2));
        it.check("hello\n--\n> ", (2, 2));
    }

    #[test]
    fn the_end_leaves_only_the_log() {
        let mut it = Emulated::new(5, 20);
        it.draw(&["hello"], &["--", "> "], (1, 2));
        it.draw(&["bye"], &[], (0, 0));
        it.check("hello\nbye", (2, 0));
    }

    #[test]
    fn a_cleared_screen_starts_at_the_top() {
        let mut it = Emulated::new(5, 20);
        it.draw(&["hello"], &["--", "> "], (1, 2));
        it.screen.clear().unwrap();
        it.draw(&[], &["--", "> x"], (1, 3));
        it.check("--\n> x", (1, 3));
    }

    #[test]
    fn a_narrower_terminal_has_wrapped_the_block() {
        // The emulator cuts where terminals wrap, so this checks what is written.
        let mut screen = Screen::new(Vec::new(), false);
        screen.resize(20);
        let block = vec![Row::of(BARE, "x".repeat(19)), Row::of(BARE, "> ")];
        screen.draw(&Frame { log: vec![], block, cursor: (1, 2) }).unwrap();
        screen.out.clear();
        screen.resize(10);
        screen.draw(&Frame::default()).unwrap();
        let text = String::from_utf8(std::mem::take(&mut screen.out)).unwrap();
        assert!(text.contains("\x1b[2A\r\x1b[J"), "{text:?}");
    }
}
