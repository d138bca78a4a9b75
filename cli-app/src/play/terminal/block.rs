//! The rows that stay below the log: progress, status, the line being typed, completions.

use anstyle::{AnsiColor, Style};
use cmud::{Progress, Status, text};
use kvclient::Link;
use unicode_width::UnicodeWidthStr;

use super::editor::Menu;
use super::row::{BAD, BARE, CAREFUL, CHOSEN, FAINT, GOOD, Row, STRONG};

/// The parts of the bar that are done.
const DONE: Style = AnsiColor::Cyan.on_default();

/// A bar is no wider than this: longer ones say nothing more.
const MAX_BAR: usize = 40;

/// One turn of the sign that something is going on.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How far an activity has come: `⠋ Mining  ███████▌      7/20  12 coins`.
pub fn bar(progress: &Progress, turn: usize, width: usize) -> Row {
    let spinner = SPINNER[turn % SPINNER.len()];
    let label = format!("{spinner} {}  ", progress.label);
    let count = format!("  {}/{}", text::number(progress.done), text::number(progress.total));
    let note = match progress.note.as_str() {
        "" => String::new(),
        note => format!("  {note}"),
    };
    let taken = label.width() + count.width() + note.width();
    let (done, rest) = cells(progress, width.saturating_sub(taken).min(MAX_BAR));
    Row::of(STRONG, label)
        .with(DONE, done)
        .with(FAINT, rest)
        .with(BARE, count)
        .with(GOOD, note)
        .cut(width)
}

/// The done and the other part of a bar of so many columns, to an eighth of a column.
fn cells(progress: &Progress, columns: usize) -> (String, String) {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let total = u128::from(progress.total.max(1));
    let done = u128::from(progress.done).min(total);
    // At most as large as `columns`, so it fits.
    let eighths = usize::try_from(done * 8 * columns as u128 / total).unwrap_or(usize::MAX);
    let (full, part) = (eighths / 8, PARTS[eighths % 8]);
    let rest = columns - full - usize::from(!part.is_empty());
    ("█".repeat(full) + part, "·".repeat(rest))
}

/// A line across, with the character on its left and the connection on its right.
pub fn rule(status: Option<&Status>, link: &Link, width: usize) -> Row {
    let right = Row::of(BARE, " ").join(sign(link)).with(FAINT, " ──");
    let mut left = Row::of(FAINT, "──");
    // What does not fit is left out, the last first.
    let room = width.saturating_sub(right.width() + 2);
    for (index, part) in status.map(parts).unwrap_or_default().into_iter().enumerate() {
        let between = if index == 0 { " " } else { " · " };
        if left.width() + between.width() + part.width() > room {
            break;
        }
        left = left.with(FAINT, between).join(part);
    }
    if left.width() > 2 {
        left = left.with(BARE, " ");
    }
    let gap = width.saturating_sub(left.width() + right.width());
    left.with(FAINT, "─".repeat(gap)).join(right).cut(width)
}

/// What a player wants to see all the time, the most important first.
fn parts(status: &Status) -> Vec<Row> {
    vec![
        Row::of(STRONG, status.name.to_string()),
        Row::of(CAREFUL, text::count(status.coins, "coin")),
        Row::of(BARE, status.rank.title()),
        Row::of(BARE, status.place.title()),
        Row::of(FAINT, format!("power {}", text::number(status.power))),
    ]
}

/// The state of the connection, in words too, for those who see no colours.
fn sign(link: &Link) -> Row {
    match link {
        Link::Idle => Row::of(FAINT, "○ idle"),
        Link::Connecting { .. } => Row::of(CAREFUL, "◌ connecting"),
        Link::Live { .. } => Row::of(GOOD, "● online"),
        Link::Retrying { .. } => Row::of(BAD, "○ offline"),
    }
}

/// The line being typed, and the column of its cursor. Of a long line the part around the cursor
/// is shown; of an empty one, the hint.
pub fn input(prompt: &str, text: &str, cursor: usize, hint: &str, width: usize) -> (Row, usize) {
    let row = Row::of(STRONG, prompt);
    if text.is_empty() {
        let column = row.width().min(width);
        return (row.with(FAINT, hint).cut(width), column);
    }
    let room = width.saturating_sub(row.width()).max(2);
    // One column stays free for a cursor at the end.
    let start = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|&at| at >= cursor || text[at..cursor].width() < room);
    let start = start.unwrap_or(cursor);
    let mut end = start;
    for (at, c) in text[start..].char_indices() {
        let next = start + at + c.len_utf8();
        if text[start..next].width() > room {
            break;
        }
        end = next;
    }
    let column = row.width() + text[start..cursor].width();
    (row.with(BARE, &text[start..end]).cut(width), column.min(width))
}

/// The completions to choose from.
pub fn menu(menu: &Menu, width: usize) -> Row {
    let mut row = Row::default();
    for (word, chosen) in menu.entries() {
        row = row.with(BARE, "  ").with(if chosen { CHOSEN } else { FAINT }, word);
    }
    row.cut(width)
}

#[cfg(test)]
mod tests;
