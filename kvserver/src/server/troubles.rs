//! What the actor system had trouble with, as lines of the log.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actor::{Cause, LINKS_TO_ITSELF, Report};

/// The same trouble with a link is said again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// No more of them are told apart; beyond, nobody reads them.
const MOST: usize = 64;

/// What was said lately.
#[derive(Default)]
pub(super) struct Troubles(Mutex<BTreeMap<String, Instant>>);

/// How a port of another kind answers the request for a link.
const NO_UPGRADE: &str = "HTTP error";

impl Troubles {
    /// Writes a report to the log. That a server is away is said once by whoever misses it, and that it
    /// has left, by whoever it told: so that its link broke or cannot be opened is no warning, and
    /// neither is each message that it does not get, nor what comes after the end.
    pub(super) fn log(&self, report: &Report) {
        match report {
            Report::Lost { .. } | Report::Undeliverable { cause: Cause::Closed, .. } => {
                tracing::debug!("{report}");
            }
            // The other half of the same call is told below.
            Report::LinkRefused { cause, .. } if cause == LINKS_TO_ITSELF => {}
            Report::LinkFailed { peer, cause } if cause.contains(LINKS_TO_ITSELF) => {
                if self.is_new(report) {
                    tracing::error!(
                        "{peer} leads to this server itself, which cannot join itself; name another \
                         server of the store with --join"
                    );
                }
            }
            Report::LinkFailed { peer, cause } if cause.contains(NO_UPGRADE) => {
                if self.is_new(report) {
                    tracing::warn!(
                        "{peer} answers, but is not where a kvserver meets other servers: kvserver prints \
                         that address as `other servers` ({cause})"
                    );
                }
            }
            Report::LinkFailed { .. } if self.is_new(report) => tracing::info!("{report}"),
            Report::LinkRefused { .. } if self.is_new(report) => tracing::warn!("{report}"),
            Report::LinkFailed { .. } | Report::LinkRefused { .. } => tracing::debug!("{report}"),
            _ => tracing::warn!("{report}"),
        }
    }

    /// Whether this was not said within the last minute.
    fn is_new(&self, report: &Report) -> bool {
        let (now, what) = (Instant::now(), about(report));
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| now.saturating_duration_since(*at) < AGAIN);
        let new = said.len() < MOST && !said.contains_key(&what);
        if new {
            said.insert(what, now);
        }
        new
    }
}

/// What makes two reports the same: not the port from which somebody calls, which is another each time.
fn about(report: &Report) -> String {
    match report {
        Report::LinkRefused { peer, cause } => {
            let host =
                peer.parse().map_or_else(|_| peer.clone(), |at: SocketAddr| at.ip().to_string());
            format!("{host}: {cause}")
        }
        _ => report.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(peer: &str, cause: &str) -> Report {
        Report::LinkRefused { peer: peer.to_owned(), cause: cause.to_owned() }
    }

    #[test]
    fn the_same_trouble_is_said_once_in_a_while() {
        let troubles = Troubles::default();
        assert!(troubles.is_new(&refused("10.0.0.1:4000", "no")));
        assert!(!troubles.is_new(&refused("10.0.0.1:4001", "no")));
        assert!(troubles.is_new(&refused("10.0.0.1:4002", "never")));
        assert!(troubles.is_new(&refused("10.0.0.2:4000", "no")));
    }

    #[test]
    fn a_flood_of_troubles_is_cut_off() {
        let troubles = Troubles::default();
        let said = (0..1000).filter(|n| troubles.is_new(&refused("10.0.0.1:1", &n.to_string())));
        assert_eq!(said.count(), MOST);
    }
}
