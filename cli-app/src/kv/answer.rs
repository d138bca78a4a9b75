//! What the store answered, as text for people or as JSON for programs.

use std::borrow::Cow;
use std::time::Duration;

use kvclient::{Error, ErrorKind};
use kvcommon::Stamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::command::ParseError;
use super::status;

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of a get: the value, if the key has one.
    Value {
        /// The value.
        value: Option<String>,
    },
    /// Of a put.
    Stored {
        /// The stamp of the write.
        #[serde(serialize_with = "as_text")]
        stamp: Stamp,
    },
    /// Of a delete.
    Deleted {
        /// The stamp of the write.
        #[serde(serialize_with = "as_text")]
        stamp: Stamp,
    },
    /// Of a list.
    Entries {
        /// Keys and values in the order of the keys.
        #[serde(serialize_with = "as_map")]
        entries: Vec<(String, String)>,
    },
    /// Of a status.
    Status {
        /// How many milliseconds old it is.
        age_ms: u64,
        /// What the server tells.
        status: Value,
    },
    /// Of a forget.
    Forgotten {
        /// The address of the server that is being forgotten.
        forgotten: String,
    },
    /// Of a request for help.
    Help {
        /// What can be asked.
        help: String,
    },
    /// The command was not carried out.
    Error {
        /// Why.
        error: Failure,
    },
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The kind, for programs.
    #[serde(serialize_with = "as_text")]
    pub kind: ErrorKind,
    /// The reason, for people.
    pub message: String,
}

impl Failure {
    /// An answer that is not what it should be.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Protocol, message: message.into() }
    }

    /// A line too long to hold anything that the store takes.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::TooLarge, message: message.into() }
    }

    /// Input that is not a command the store could be asked.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object on a line for each command, errors included.
    Json,
    /// Text to be read by another program or kept in a file: values exactly as they are.
    Plain,
    /// Text for a terminal: as `Plain`, but control characters in a value are made visible, so
    /// that what others have stored cannot move the cursor.
    Terminal,
}

/// The text of an answer, split by where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// For standard output; with line ending, or empty.
    pub out: String,
    /// For standard error; with line ending, or empty.
    pub err: String,
}

impl Answer {
    /// Whether the command failed.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error { .. })
    }

    /// Whether a get found nothing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Value { value: None })
    }

    /// The answer as text.
    pub fn render(&self, format: Format) -> Text {
        if format == Format::Json {
            let json = serde_json::to_string(self).expect("the keys of its maps are strings");
            return Text { out: json + "\n", err: String::new() };
        }
        let mut text = Text::default();
        match self {
            Self::Value { value: Some(value) } if format == Format::Terminal => {
                text.out = visible(value, &['\n', '\t'], &[]).into_owned() + "\n";
            }
            Self::Value { value: Some(value) } => text.out = format!("{value}\n"),
            Self::Value { value: None } => text.err = "There is no such key.\n".to_owned(),
            Self::Stored { stamp } => text.out = format!("stored as {stamp}\n"),
            Self::Deleted { stamp } => text.out = format!("deleted as {stamp}\n"),
            Self::Entries { entries } => {
                for (key, value) in entries {
                    text.out.push_str(&visible(key, &[], &['\\']));
                    text.out.push('\t');
                    text.out.push_str(&visible(value, &[], &['\\']));
                    text.out.push('\n');
                }
            }
            Self::Status { age_ms, status } => {
                let table = status::table(Duration::from_millis(*age_ms), status);
                text.out = visible(&table, &['\n'], &[]).into_owned();
            }
            Self::Forgotten { forgotten } => {
                text.out = format!("{} is being forgotten\n", visible(forgotten, &[], &[]));
            }
            Self::Help { help } => text.out = format!("{help}\n"),
            Self::Error { error } => {
                let message = visible(&error.message, &[], &[]);
                text.err = format!("error: {message}\n");
            }
        }
        text
    }
}

/// `text` with its control characters, but for those to `keep`, and the `also` named ones escaped
/// with backslashes.
fn visible<'a>(text: &'a str, keep: &[char], also: &[char]) -> Cow<'a, str> {
    let escaped = |c: char| c.is_control() && !keep.contains(&c) || also.contains(&c);
    if !text.contains(escaped) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escaped(c) {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    Cow::Owned(visible)
}

fn as_text<S: Serializer>(value: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

/// A map that keeps the order of its entries.
fn as_map<S: Serializer>(entries: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { millis: 1_700_000_000_000, counter: 2, uid: 0xc0ffee };

    fn value(text: &str) -> Answer {
        Answer::Value { value: Some(text.to_owned()) }
    }

    fn entries(pairs: &[(&str, &str)]) -> Answer {
        let entries = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Answer::Entries { entries }
    }

    fn status(address: &str) -> Answer {
        let status = serde_json::json!({"address": address, "members": []});
        Answer::Status { age_ms: 300, status }
    }

    fn refused() -> Answer {
        Answer::Error { error: Failure::invalid("the \"key\" is\nempty") }
    }

    #[track_caller]
    fn check(answer: &Answer, format: Format, out: &str, err: &str) {
        let expected = Text { out: out.to_owned(), err: err.to_owned() };
        assert_eq!(answer.render(format), expected);
    }

    #[test]
    fn json_is_one_object_on_a_line() {
        check(&value("a\n\"ü\""), Format::Json, "{\"value\":\"a\\n\\\"ü\\\"\"}\n", "");
        check(&Answer::Value { value: None }, Format::Json, "{\"value\":null}\n", "");
        for written in [Answer::Stored { stamp: STAMP }, Answer::Deleted { stamp: STAMP }] {
            let text = "{\"stamp\":\"1700000000000.2.0000000000c0ffee\"}\n";
            check(&written, Format::Json, text, "");
        }
        let pairs = entries(&[("b", "1"), ("a", "2")]);
        check(&pairs, Format::Json, "{\"entries\":{\"b\":\"1\",\"a\":\"2\"}}\n", "");
        check(&entries(&[]), Format::Json, "{\"entries\":{}}\n", "");
        let text = "{\"age_ms\":300,\"status\":{\"address\":\"a:1\",\"members\":[]}}\n";
        check(&status("a:1"), Format::Json, text, "");
        let forgotten = Answer::Forgotten { forgotten: "a:1".to_owned() };
        check(&forgotten, Format::Json, "{\"forgotten\":\"a:1\"}\n", "");
        let error =
            "{\"error\":{\"kind\":\"invalid\",\"message\":\"the \\\"key\\\" is\\nempty\"}}\n";
        check(&refused(), Format::Json, error, "");
    }

    #[test]
    fn plain_text_gives_a_value_exactly() {
        check(&value("a\n\x1b[2Jb\\"), Format::Plain, "a\n\x1b[2Jb\\\n", "");
        check(&value(""), Format::Plain, "\n", "");
        check(&Answer::Value { value: None }, Format::Plain, "", "There is no such key.\n");
        check(&refused(), Format::Plain, "", "error: the \"key\" is\\nempty\n");
    }

    #[test]
    fn plain_text_says_what_was_done() {
        let stored = Answer::Stored { stamp: STAMP };
        check(&stored, Format::Plain, "stored as 1700000000000.2.0000000000c0ffee\n", "");
        let deleted = Answer::Deleted { stamp: STAMP };
        check(&deleted, Format::Plain, "deleted as 1700000000000.2.0000000000c0ffee\n", "");
        let forgotten = Answer::Forgotten { forgotten: "a:1".to_owned() };
        check(&forgotten, Format::Plain, "a:1 is being forgotten\n", "");
    }

    #[test]
    fn a_terminal_is_safe_from_values() {
        check(&value("a\n\tb\x1b[2J\\"), Format::Terminal, "a\n\tb\\u{1b}[2J\\\n", "");
        let text = status("\x1b[2J").render(Format::Terminal).out;
        assert!(text.starts_with("\\u{1b}[2J: starting"), "{text}");
    }

    #[test]
    fn a_listing_has_one_line_for_each_key() {
        let pairs = entries(&[("a\tb", "1\n2"), ("ü\\", "\x7f")]);
        check(&pairs, Format::Plain, "a\\tb\t1\\n2\nü\\\\\t\\u{7f}\n", "");
        check(&entries(&[]), Format::Plain, "", "");
    }
}
