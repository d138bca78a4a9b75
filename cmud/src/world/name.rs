//! Who someone is.

use std::fmt;
use std::str::FromStr;

/// A character's name: 1 to 24 letters, digits, `-` or `_`. Names that differ only in case are
/// the same name; each is shown as it was first typed.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Name {
    /// The most characters in a name.
    pub const MAX_CHARS: usize = 24;

    /// The name as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes two names the same: the lower-case form.
    #[must_use]
    pub fn identity(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Why a text is not a name. Each is a sentence for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was typed.
    #[error("A name needs at least one character: letters, digits, - or _.")]
    Empty,
    /// More than [`Name::MAX_CHARS`].
    #[error("A name has at most {max} characters; that one has {0}.", max = Name::MAX_CHARS)]
    Long(usize),
    /// A character that names do not have.
    #[error("A name is letters (a to z), digits, - and _ only; {0} is not one of them.")]
    Character(String),
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character(describe(bad)));
        }
        match text.chars().count() {
            0..=Self::MAX_CHARS => Ok(Self(text.to_string())),
            long => Err(NameError::Long(long)),
        }
    }
}

/// A character in words that are safe to print.
fn describe(c: char) -> String {
    match c {
        ' ' => "a space".to_string(),
        c if c.is_control() || c.is_whitespace() => format!("the character U+{:04X}", u32::from(c)),
        c => format!("\u{2018}{c}\u{2019}"),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.identity().cmp(&other.identity())
    }
}
