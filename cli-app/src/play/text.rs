//! Lines of text for a width.

use textwrap::Options;

/// Breaks a line at words so that no part is wider than `columns`; parts after the first are
/// indented like the line itself. A word that is too wide is broken anywhere.
pub fn wrap(line: &str, columns: usize) -> Vec<String> {
    let text = line.trim_start_matches(' ');
    // An indent that leaves no room for words is none.
    let indent = line.len() - text.len();
    let indent = " ".repeat(if indent * 2 < columns { indent } else { 0 });
    let options = Options::new(columns.max(1))
        .initial_indent(&indent)
        .subsequent_indent(&indent)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(|part| part.into_owned()).collect()
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
        check("name    power", 20, &["name    power"]);
    }

    #[test]
    fn what_cannot_break_at_words_breaks_anywhere() {
        check("abcdefgh", 3, &["abc", "def", "gh"]);
        check("語語語", 4, &["語語", "語"]);
        check("        deep", 4, &["deep"]);
        check("ab", 0, &["a", "b"]);
    }
}
