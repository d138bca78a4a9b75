//! Lines of text for a width.

use std::borrow::Cow;

use textwrap::{Options, WordSplitter, WrapAlgorithm};
use unicode_width::UnicodeWidthStr;

/// Breaks a line at words so that no part is wider than `columns`. Parts after the first are
/// indented like the line itself or, if it is a row of a table, like its last column. A word that
/// is too wide is broken anywhere.
pub fn wrap(line: &str, columns: usize) -> Vec<String> {
    // A row of a table has gaps of two spaces and more.
    let column = line.rfind("  ").map_or(0, |gap| line[..gap + 2].width());
    let indent = if column * 2 < columns { " ".repeat(column) } else { String::new() };
    let options = Options::new(columns.max(1))
        .subsequent_indent(&indent)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(line, options).into_iter().map(Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[track_caller]
    fn check(line: &str, columns: usize, expected: &[&str]) {
        assert_eq!(wrap(line, columns), expected);
    }

    #[test]
    fn lines_break_at_words_and_keep_their_indent() {
        check("", 10, &[""]);
        check("short", 10, &["short"]);
        check("one two three four", 9, &["one two", "three", "four"]);
        check("  one two three", 9, &["  one two", "  three"]);
        check("cpu  1", 20, &["cpu  1"]);
        check("cpu  honest work indeed", 17, &["cpu  honest work", "     indeed"]);
        check("ab   c   d e f", 12, &["ab   c   d e", "f"]);
    }

    #[test]
    fn what_cannot_break_at_words_breaks_anywhere() {
        check("abcdefgh", 3, &["abc", "def", "gh"]);
        check("語語語", 4, &["語語", "語"]);
        check("ab", 0, &["a", "b"]);
    }
}
