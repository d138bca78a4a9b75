//! Styled text that never leaves its row.

use anstyle::{AnsiColor, Style};
use cmud::Tone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text as it comes.
pub const BARE: Style = Style::new();
/// What matters least.
pub const FAINT: Style = Style::new().dimmed();
/// What matters most.
pub const STRONG: Style = Style::new().bold();
/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is worth a look.
pub const CAREFUL: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What can be chosen, and is.
pub const CHOSEN: Style = Style::new().invert();

/// The style of a tone.
pub fn style_of(tone: Tone) -> Style {
    match tone {
        Tone::Title => AnsiColor::Cyan.on_default().bold(),
        Tone::Story | Tone::Say => BARE,
        Tone::Success => GOOD,
        Tone::Warning => CAREFUL,
        Tone::Error => BAD,
        Tone::Hint => FAINT,
        Tone::Gossip => AnsiColor::Magenta.on_default(),
    }
}

/// Pieces of styled text side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pieces: Vec<(Style, String)>,
    width: usize,
}

impl Row {
    /// A row of one piece.
    pub fn of(style: Style, text: impl Into<String>) -> Self {
        Self::default().with(style, text)
    }

    /// The row with a piece added at its end. Control characters do not get in.
    pub fn with(mut self, style: Style, text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.retain(|c| !c.is_control());
        self.width += text.width();
        self.pieces.push((style, text));
        self
    }

    /// The row with another one at its end.
    pub fn join(mut self, other: Self) -> Self {
        self.width += other.width;
        self.pieces.extend(other.pieces);
        self
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The row, cut so that it takes at most `columns`; a cut shows as `…`.
    pub fn cut(self, columns: usize) -> Self {
        if self.width <= columns {
            return self;
        }
        let mut cut = Self::default();
        for (style, text) in self.pieces {
            let room = columns.saturating_sub(cut.width + 1);
            if text.width() <= room {
                cut = cut.with(style, text);
                continue;
            }
            let mut end = 0;
            let mut width = 0;
            for c in text.chars() {
                width += c.width().unwrap_or(0);
                if width > room {
                    break;
                }
                end += c.len_utf8();
            }
            let ellipsis = if columns == 0 { "" } else { "…" };
            return cut.with(style, format!("{}{ellipsis}", &text[..end]));
        }
        cut
    }

    /// Writes the row into `out`, with or without colours.
    pub fn render(&self, colours: bool, out: &mut String) {
        for (style, text) in &self.pieces {
            if colours {
                out.push_str(&format!("{style}{text}{style:#}"));
            } else {
                out.push_str(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: &Row) -> String {
        let mut text = String::new();
        row.render(false, &mut text);
        text
    }

    #[test]
    fn a_row_is_cut_to_its_columns() {
        let row = Row::of(BARE, "four ").with(GOOD, "語語").with(BAD, "end");
        assert_eq!(row.width(), 12);
        for (columns, expected) in [
            (12, "four 語語end"),
            (11, "four 語語e…"),
            (9, "four 語…"),
            (8, "four 語…"),
            (7, "four …"),
            (3, "fo…"),
            (1, "…"),
            (0, ""),
        ] {
            let cut = row.clone().cut(columns);
            assert_eq!(text(&cut), expected);
            assert!(cut.width() <= columns);
        }
    }

    #[test]
    fn nothing_in_a_row_controls_the_terminal() {
        let row = Row::of(BARE, "a\x1b[2J\r\nb\u{9b}c");
        assert_eq!((text(&row).as_str(), row.width()), ("a[2Jbc", 6));
    }

    #[test]
    fn colours_are_closed_again_or_left_out() {
        let mut out = String::new();
        Row::of(GOOD, "ok").with(BARE, "!").render(true, &mut out);
        assert_eq!(out, "\x1b[32mok\x1b[0m!");
    }
}
