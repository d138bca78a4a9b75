//! What the actor system had trouble with, as lines of the log.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actor::{Cause, LINKS_TO_ITSELF, Report};

/// The same trouble with a link is said again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// That a link fails is said again when it has not failed for so long: a server that has left is called for
/// a day, and everyone who has to know has been told.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// No more of them are told apart; beyond, nobody reads them.
const MOST: usize = 64;

/// Until when each trouble that was said is no news.
type Said = Mutex<BTreeMap<String, Instant>>;

/// What was said. Links that fail have a place of their own: they may do so for days, and must not keep
/// anything else from being said.
#[derive(Default)]
pub(super) struct Troubles {
    said: Said,
    failing: Said,
}

/// How a port of another kind answers the request for a link.
const REFUSED: &str = "the other end refused";

/// What a port for clients has in its answer, and one for servers in its own.
const FOR_CLIENTS: &str = kvcommon::PROTOCOL;
const FOR_SERVERS: &str = "cmud-actor";

impl Troubles {
    /// Writes a report to the log. That a server is away is said once by whoever misses it, and that it
    /// has left, by whoever it told: so that its link broke or cannot be opened is no warning, and
    /// neither is each message that it does not get, nor what comes after the end.
    pub(super) fn log(&self, report: &Report) {
        let now = Instant::now();
        match report {
            Report::Lost { .. } | Report::Undeliverable { cause: Cause::Closed, .. } => {
                tracing::debug!("{report}");
            }
            // The other half of the same call is told below.
            Report::LinkRefused { cause, .. } if cause == LINKS_TO_ITSELF => {}
            Report::LinkFailed { peer, cause } if cause.contains(LINKS_TO_ITSELF) => {
                if self.is_new(report, now) {
                    tracing::error!(
                        "{peer} leads to this server itself, which cannot join itself; name another \
                         server of the store with --join"
                    );
                }
            }
            Report::LinkFailed { peer, cause } if is_elsewhere(cause) => {
                if self.is_new(report, now) {
                    tracing::warn!("{}", elsewhere(peer, cause));
                }
            }
            Report::LinkFailed { .. } if self.is_first(report, now) => tracing::info!(
                "{report}; it is tried again, and while it goes on failing like this, that is not said again"
            ),
            Report::LinkRefused { .. } if self.is_new(report, now) => tracing::warn!("{report}"),
            Report::LinkFailed { .. } | Report::LinkRefused { .. } => tracing::debug!("{report}"),
            _ => tracing::warn!("{report}"),
        }
    }

    /// Whether this was not said within the last minute.
    fn is_new(&self, report: &Report, now: Instant) -> bool {
        let what = about(report);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, until| now < *until);
        let new = said.len() < MOST && !said.contains_key(&what);
        if new {
            said.insert(what, now + AGAIN);
        }
        new
    }

    /// Whether this was not the case for a while.
    fn is_first(&self, report: &Report, now: Instant) -> bool {
        let what = about(report);
        let mut said = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, until| now < *until);
        if let Some(until) = said.get_mut(&what) {
            *until = now + QUIET;
            return false;
        }
        let first = said.len() < MOST;
        if first {
            said.insert(what, now + QUIET);
        }
        first
    }
}

/// Whether somebody else answers than a server that is to be met.
fn is_elsewhere(cause: &str) -> bool {
    cause.contains(REFUSED) && !cause.contains(FOR_SERVERS)
}

/// Where such a link has led to, and where it should.
fn elsewhere(peer: &str, cause: &str) -> String {
    match cause.contains(FOR_CLIENTS) {
        true => format!(
            "{peer} is a port for clients, not where a kvserver meets other servers: that is the port \
             before the first one for clients (6000, if --port was not given there); kvserver prints it as \
             `other servers`"
        ),
        false => format!(
            "{peer} answers, but is not where a kvserver meets other servers: kvserver prints that \
             address as `other servers` ({cause})"
        ),
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
        let (troubles, now) = (Troubles::default(), Instant::now());
        let is_new = |peer, cause, at| troubles.is_new(&refused(peer, cause), at);
        assert!(is_new("10.0.0.1:4000", "no", now));
        assert!(!is_new("10.0.0.1:4001", "no", now));
        assert!(is_new("10.0.0.1:4002", "never", now));
        assert!(is_new("10.0.0.2:4000", "no", now));
        assert!(is_new("10.0.0.1:4003", "no", now + AGAIN));
    }

    #[test]
    fn a_link_that_goes_on_failing_is_told_of_once() {
        let (troubles, begin) = (Troubles::default(), Instant::now());
        let failed =
            |peer: &str| Report::LinkFailed { peer: peer.to_owned(), cause: "refused".to_owned() };
        let mut now = begin;
        for minute in 0..60 {
            now = begin + Duration::from_secs(65) * minute;
            assert_eq!(troubles.is_first(&failed("a:1"), now), minute == 0);
        }
        assert!(troubles.is_first(&failed("b:1"), now));
        assert!(troubles.is_first(&failed("a:1"), now + QUIET), "it was well in between");
        let many = (0..1000).filter(|n: &u32| troubles.is_first(&failed(&n.to_string()), now));
        assert!(many.count() < MOST);
        assert!(troubles.is_new(&refused("10.0.0.1:1", "no"), now), "something else is said");
    }

    #[test]
    fn who_joins_another_port_is_told_which_one_it_is() {
        let refused = |text: &str| format!("{REFUSED}: 400 Bad Request {text}");
        let at_clients = refused("The WebSocket has to ask for the subprotocol cmud-kv.1");
        let said = elsewhere("a:6001", &at_clients);
        assert!(
            is_elsewhere(&at_clients) && said.contains("a:6001 is a port for clients"),
            "{said}"
        );
        assert!(said.contains("`other servers`") && !said.contains("subprotocol"), "{said}");
        let at_browsers = refused("Not Found");
        assert!(is_elsewhere(&at_browsers));
        assert!(elsewhere("a:80", &at_browsers).contains("(the other end refused: 400"));
        let of_another_version = refused("this system speaks cmud-actor.2, the other end offers …");
        assert!(!is_elsewhere(&of_another_version));
    }

    #[test]
    fn a_flood_of_troubles_is_cut_off() {
        let troubles = Troubles::default();
        let now = Instant::now();
        let is_new = |n: &u32| troubles.is_new(&refused("10.0.0.1:1", &n.to_string()), now);
        let said = (0..1000).filter(is_new);
        assert_eq!(said.count(), MOST);
    }
}
