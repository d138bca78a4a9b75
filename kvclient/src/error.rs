//! What can go wrong with a query.

use std::fmt;
use std::time::Duration;

use kvcommon::{Refusal, RefusalKind};

use crate::Address;

/// Why a query brought no answer.
///
/// Its `Display` is a sentence for people: what was wrong, at which address, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection to the server, or it ended before the answer came.
    #[error("{address} cannot be reached: {}{}", closed(.cause), unknown_outcome(.sent))]
    Unreachable {
        /// The server.
        address: Address,
        /// What happened to the connection.
        cause: String,
        /// Whether the query had already been sent, so that it may have been carried out.
        sent: bool,
    },
    /// The server gave no answer by the query's deadline.
    #[error("{address} gave no answer within {}.{}", seconds(.after), unknown_outcome(.sent))]
    Timeout {
        /// The server.
        address: Address,
        /// How long the query waited.
        after: Duration,
        /// Whether the query had been sent, so that it may have been carried out.
        sent: bool,
    },
    /// The replica is still fetching the store. Another server can answer now.
    #[error("{address} is not ready yet: {message}.")]
    NotReady {
        /// The server.
        address: Address,
        /// What the server said.
        message: String,
    },
    /// The query breaks a rule and will never be accepted. Nothing has changed.
    #[error("The server refuses that: {message}.")]
    Invalid {
        /// Which rule.
        message: String,
    },
    /// A key, prefix or value is over its limit. Nothing has changed.
    #[error("The query is too large: {message}.")]
    TooLarge {
        /// Which limit.
        message: String,
    },
    /// What answers there does not speak this version of the store's protocol.
    #[error(
        "{address} does not speak the store's protocol: {cause}. \
         Check that it is a query port of a server of this version.{}",
        unknown_outcome(.sent)
    )]
    Protocol {
        /// The server.
        address: Address,
        /// What it said instead.
        cause: String,
        /// Whether the query had already been sent, so that it may have been carried out.
        sent: bool,
    },
}

impl Error {
    /// The kind, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. } => ErrorKind::Unreachable,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::NotReady { .. } => ErrorKind::NotReady,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Protocol { .. } => ErrorKind::Protocol,
        }
    }

    /// The server that the query was meant for, unless it failed before one was asked.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Unreachable { address, .. }
            | Self::Timeout { address, .. }
            | Self::NotReady { address, .. }
            | Self::Protocol { address, .. } => Some(address),
            Self::Invalid { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// Whether a Put or Delete that met this error may have been carried out all the same.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable { sent, .. }
            | Self::Timeout { sent, .. }
            | Self::Protocol { sent, .. } => *sent,
            Self::NotReady { .. } | Self::Invalid { .. } | Self::TooLarge { .. } => false,
        }
    }

    /// A refusal of the query itself, before or after it was sent.
    pub(crate) fn refused(address: &Address, refusal: &Refusal) -> Self {
        let message = sentence(&refusal.message);
        match refusal.kind {
            RefusalKind::Invalid => Self::Invalid { message },
            RefusalKind::TooLarge => Self::TooLarge { message },
            RefusalKind::NotReady => Self::NotReady { address: address.clone(), message },
        }
    }

    /// A limit that the query breaks, found before it was sent.
    pub(crate) fn over_limit(refusal: &Refusal) -> Self {
        let message = sentence(&refusal.message);
        match refusal.kind {
            RefusalKind::TooLarge => Self::TooLarge { message },
            RefusalKind::Invalid | RefusalKind::NotReady => Self::Invalid { message },
        }
    }
}

/// The kinds of [`Error`]. `Display` gives the names that `kv --json` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// See [`Error::Unreachable`].
    Unreachable,
    /// See [`Error::Timeout`].
    Timeout,
    /// See [`Error::NotReady`].
    NotReady,
    /// See [`Error::Invalid`].
    Invalid,
    /// See [`Error::TooLarge`].
    TooLarge,
    /// See [`Error::Protocol`].
    Protocol,
}

impl ErrorKind {
    /// Its name in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::NotReady => "not_ready",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a server said, fit to stand inside a sentence and on one line of a terminal.
pub(crate) fn sentence(text: &str) -> String {
    /// A server's words are its own; what is shown of them is not.
    const MAX_CHARS: usize = 200;
    let tame = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.trim().chars().map(tame).take(MAX_CHARS).collect();
    line.truncate(line.trim_end_matches(['.', ' ']).len());
    line
}

/// A cause as the end of a sentence; one that ends in a question has its mark already.
fn closed(cause: &str) -> String {
    format!("{cause}{}", if cause.ends_with('?') { "" } else { "." })
}

/// A duration as people say it: `5 s`, `0.25 s`.
pub(crate) fn seconds(duration: &Duration) -> String {
    let text = format!("{:.2}", duration.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

fn unknown_outcome(sent: &bool) -> &'static str {
    if *sent { " Whether the query was carried out is unknown." } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        "localhost:6001".parse().unwrap()
    }

    #[test]
    fn an_error_is_a_sentence_for_people() {
        let cause = "connection refused".to_owned();
        let error = Error::Unreachable { address: address(), cause, sent: false };
        assert_eq!(error.to_string(), "localhost:6001 cannot be reached: connection refused.");
        assert!(!error.outcome_unknown());

        let cause = "no connection. Is a server there?".to_owned();
        let error = Error::Unreachable { address: address(), cause, sent: false };
        assert_eq!(
            error.to_string(),
            "localhost:6001 cannot be reached: no connection. Is a server there?"
        );

        let error =
            Error::Timeout { address: address(), after: Duration::from_millis(2500), sent: true };
        assert_eq!(
            error.to_string(),
            "localhost:6001 gave no answer within 2.5 s. \
             Whether the query was carried out is unknown."
        );
        assert!(error.outcome_unknown());
        assert_eq!(error.address(), Some(&address()));
    }

    #[test]
    fn a_refusal_keeps_its_kind() {
        for (kind, expected) in [
            (RefusalKind::Invalid, ErrorKind::Invalid),
            (RefusalKind::TooLarge, ErrorKind::TooLarge),
            (RefusalKind::NotReady, ErrorKind::NotReady),
        ] {
            let error = Error::refused(&address(), &Refusal::new(kind, "because.\n"));
            assert_eq!(error.kind(), expected);
            assert!(error.to_string().contains("because."), "{error}");
            assert_eq!(kind.to_string(), expected.to_string());
        }
    }

    #[test]
    fn a_servers_words_cannot_paint_the_terminal() {
        let loud = format!("\x1b[31mred\r\n{}", "x".repeat(10_000));
        let line = sentence(&loud);
        assert!(line.len() <= 200 && !line.contains(char::is_control), "{line:?}");
    }

    #[test]
    fn durations_are_short() {
        for (millis, text) in [(5000, "5 s"), (250, "0.25 s"), (1, "0 s"), (100_000, "100 s")] {
            assert_eq!(seconds(&Duration::from_millis(millis)), text);
        }
    }
}
