//! Why a connection could not be opened, or ended.

use crate::error::sentence;
use crate::{Address, Error};

/// The cause that every query on the connection is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody answers there, or no longer.
    Unreachable(String),
    /// Somebody answers there, but not as a server of the store.
    Protocol(String),
}

impl Failure {
    /// The server closed the connection with this code and reason.
    pub(crate) fn closed(code: u16, reason: &str) -> Self {
        let reason = sentence(reason);
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        match code {
            // RFC 6455, section 7.4.1: what the server says when it finds fault with the client.
            1002 | 1003 | 1007..=1010 => {
                Self::Protocol(format!("it closed the connection with code {code}{reason}"))
            }
            // 1005 and 1006 stand for a connection that ended without a code.
            1005 | 1006 => Self::Unreachable(format!("the connection was lost{reason}")),
            _ => Self::Unreachable(format!("the server closed the connection ({code}){reason}")),
        }
    }

    pub(crate) fn cause(&self) -> &str {
        match self {
            Self::Unreachable(cause) | Self::Protocol(cause) => cause,
        }
    }

    pub(super) fn error(&self, address: &Address, sent: bool) -> Error {
        let address = address.clone();
        match self.clone() {
            Self::Unreachable(cause) => Error::Unreachable { address, cause, sent },
            Self::Protocol(cause) => Error::Protocol { address, cause, sent },
        }
    }
}
