//! What went wrong, told to the system's `on_error` handler: a sender is never told.

use std::{fmt, sync::Arc};

use crate::Address;

/// What the cause of a report says of a link that leads to the system that has opened it.
pub const LINKS_TO_ITSELF: &str = "a system does not link to itself";

/// Something that a system could not do. `Display` is a sentence for a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Report {
    /// A message reached nobody and was dropped.
    #[error("a message of type {message_type} to {to} was dropped: {cause}")]
    Undeliverable {
        /// The `uid` of the actor or reply address that was named.
        to: String,
        /// The Rust type of the message, or what is known of it.
        message_type: &'static str,
        /// Why it could not be delivered.
        cause: Cause,
    },
    /// A handler panicked. The actor's other messages and its siblings are unharmed.
    #[error("{actor} ({uid}) panicked at a message of type {message_type}: {panic}; {}", if *.restarted { "restarted" } else { "stopped" })]
    Panicked {
        /// The Rust type of the actor.
        actor: &'static str,
        /// The actor's `uid`.
        uid: String,
        /// The Rust type of the message.
        message_type: &'static str,
        /// The text of the panic.
        panic: String,
        /// Whether a fresh state took over; otherwise too many panics in a row have stopped the actor.
        restarted: bool,
    },
    /// A well-known id was given out twice; the second actor was not started.
    #[error("{uid} exists already; {actor} was not started")]
    DuplicateId {
        /// The Rust type of the actor that was not started.
        actor: &'static str,
        /// The `uid` that is taken.
        uid: String,
    },
    /// A link to another system could not be opened, or broke. It is tried again while messages wait.
    #[error("the link to {peer} failed: {cause}")]
    LinkFailed {
        /// The address that was dialled, or under which the other system is known.
        peer: String,
        /// Why.
        cause: String,
    },
    /// A link that another system tried to open was refused.
    #[error("a link from {peer} was refused: {cause}")]
    LinkRefused {
        /// The other end's network address.
        peer: String,
        /// Why.
        cause: String,
    },
    /// Messages for another system were dropped before they were sent.
    #[error("{messages} messages for {peer} were dropped: {cause}")]
    Lost {
        /// The other system's address.
        peer: String,
        /// How many.
        messages: u64,
        /// Why.
        cause: &'static str,
    },
    /// More reports came than anyone can read; these were only counted.
    #[error("{count} further reports were suppressed")]
    Suppressed {
        /// How many.
        count: u64,
    },
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No actor of that number exists, or it has stopped.
    NoSuchActor,
    /// The reply address was answered before, or nobody waits for the answer any more.
    ReplyUsed,
    /// The ref belongs to another life of the system.
    OtherIncarnation,
    /// The actor takes messages of another type.
    WrongType,
    /// The message cannot be encoded or decoded, so it cannot travel.
    Codec,
    /// The system is shut down.
    Closed,
    /// The message is longer than [`MAX_REMOTE_MESSAGE_BYTES`](crate::MAX_REMOTE_MESSAGE_BYTES).
    TooLarge,
    /// The actor does not take such a message from another system.
    Refused,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::NoSuchActor => "no such actor",
            Cause::ReplyUsed => "the reply address was used before, or nobody waits any more",
            Cause::OtherIncarnation => "the ref belongs to another life of the system",
            Cause::WrongType => "the actor takes messages of another type",
            Cause::Codec => "it cannot be encoded and decoded",
            Cause::Closed => "the system is shut down",
            Cause::TooLarge => "it is too long to travel",
            Cause::Refused => "the actor does not take it from another system",
        })
    }
}

/// The handler that a program gives its system; it must be quick and must not panic.
pub type OnError = Arc<dyn Fn(&Report) + Send + Sync>;

/// The handler of a system that was given none: a warning in the log.
pub(crate) fn log_report(address: &Address) -> OnError {
    let address = address.clone();
    Arc::new(move |report| tracing::warn!(system = %address, "{report}"))
}
