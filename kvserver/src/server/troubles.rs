//! What the actor system had trouble with, as lines of the log.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actor::{ActorRef, Address, Cause, LINKS_TO_ITSELF, Report, System};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::members;

/// The same trouble with a link is said again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// That a link fails is said again when it has not failed for so long: a server may be away for days, and
/// that it does not answer is said by whoever misses it.
const QUIET: Duration = Duration::from_secs(5 * 60);

/// No more of them are told apart; beyond, nobody reads them.
const MOST: usize = 64;

/// Failures of links that wait to be told of. More of them at once are not worth telling of.
const WAITING: usize = 64;

/// Until when each trouble that was said is no news.
type Said = Mutex<BTreeMap<String, Instant>>;

/// What was said. Links that fail have a place of their own: they may do so for days, and must not keep
/// anything else from being said.
pub(super) struct Troubles {
    said: Said,
    failing: Said,
    links: mpsc::Sender<FailedLink>,
}

/// A link to a server could not be opened, or broke.
pub(super) struct FailedLink {
    peer: String,
    cause: String,
}

/// How a port of another kind answers the request for a link, before what it said.
const REFUSED: &str = "the other end refused: ";

/// What a port for clients has in its answer, and one for servers in its own, of another version or where it
/// misses something.
const FOR_CLIENTS: &str = kvcommon::PROTOCOL;
const FOR_SERVERS: &str = "this system speaks cmud-actor";
const HEADER: &str = "the header actor-";

/// What is said of the answer of somebody who speaks something else than WebSockets over HTTP/1.1.
const NO_ANSWER: [&str; 4] =
    ["HTTP version must be", "httparse error", "SubProtocol error", "websocket\" header"];

impl Troubles {
    /// Also gives what [`tell_of_links`](Self::tell_of_links) is to tell of.
    pub(super) fn new() -> (Arc<Self>, mpsc::Receiver<FailedLink>) {
        let (links, failed) = mpsc::channel(WAITING);
        (Arc::new(Self { said: Said::default(), failing: Said::default(), links }), failed)
    }

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
            Report::LinkRefused { peer, cause } => {
                match self.is_new(caller(peer, cause), Instant::now()) {
                    true => tracing::warn!("{report}"),
                    false => tracing::debug!("{report}"),
                }
            }
            Report::LinkFailed { peer, cause } => {
                let failed = FailedLink { peer: peer.clone(), cause: cause.clone() };
                if self.links.try_send(failed).is_err() {
                    tracing::debug!("{report}");
                }
            }
            _ => tracing::warn!("{report}"),
        }
    }

    /// Tells of links that fail, for as long as the server runs. Those to servers that have left, or were
    /// forgotten, are called now and then, and are expected to fail.
    pub(super) async fn tell_of_links(
        self: Arc<Self>,
        mut failed: mpsc::Receiver<FailedLink>,
        system: System,
        members: ActorRef<members::Message>,
    ) {
        /// The members' actor may just be panicking.
        const PATIENCE: Duration = Duration::from_secs(1);
        while let Some(link) = failed.recv().await {
            let address = Address::new(&link.peer);
            let ask = |reply| members::Message::IsForgotten { address, reply };
            let is_forgotten = timeout(PATIENCE, system.ask(&members, ask)).await;
            match is_forgotten.ok().flatten().unwrap_or(false) {
                true => tracing::debug!("the link to {} failed: {}", link.peer, link.cause),
                false => self.log_link(&link),
            }
        }
    }

    fn log_link(&self, FailedLink { peer, cause }: &FailedLink) {
        let now = Instant::now();
        if cause.contains(LINKS_TO_ITSELF) {
            if self.is_new(peer.clone(), now) {
                tracing::error!(
                    "{peer} leads to this server itself, which cannot join itself; name another \
                     server of the store with --join"
                );
            }
        } else if let Some(sentence) = explanation(peer, cause) {
            if self.is_new(sentence.clone(), now) {
                tracing::warn!("{sentence}");
            }
        } else if self.is_first(format!("{peer}: {cause}"), now) {
            tracing::info!(
                "the link to {peer} failed: {cause}; it is tried again, and while it goes on failing like \
                 this, that is not said again"
            );
        } else {
            tracing::debug!("the link to {peer} failed: {cause}");
        }
    }

    /// Whether this was not said within the last minute.
    fn is_new(&self, what: String, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, until| now < *until);
        let new = said.len() < MOST && !said.contains_key(&what);
        if new {
            said.insert(what, now + AGAIN);
        }
        new
    }

    /// Whether this was not the case for a while.
    fn is_first(&self, what: String, now: Instant) -> bool {
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

/// What a link has led to that will not do, and where it should; nothing if it may do later.
fn explanation(peer: &str, cause: &str) -> Option<String> {
    let said = cause.split_once(REFUSED).map(|(_, said)| said);
    let is_in = |what: &str| said.is_some_and(|said| said.contains(what));
    if is_in(FOR_CLIENTS) {
        return Some(format!(
            "{peer} is a port for clients, not where a kvserver meets other servers: that is the port \
             before the first one for clients (6000, if --port was not given there); kvserver prints it as \
             `other servers`"
        ));
    }
    if is_in(FOR_SERVERS) {
        return Some(format!(
            "{peer} refuses the link ({}): use the same release for all servers of a store",
            without_page(said?)
        ));
    }
    if is_in(HEADER) {
        return Some(format!(
            "{peer} refuses the link ({}): does a proxy on the way change what is sent?",
            without_page(said?)
        ));
    }
    let answer = match said {
        Some(said) => format!("it said: {}", without_page(said)),
        None if NO_ANSWER.iter().any(|what| cause.contains(what)) => {
            "what it says is not what a kvserver says".to_owned()
        }
        None => return None,
    };
    Some(format!(
        "{peer} answers, but is not where a kvserver meets other servers ({answer}): kvserver prints the \
         address to --join as `other servers`"
    ))
}

/// What a stranger said, without the page that may be in it.
fn without_page(said: &str) -> &str {
    said.split(['<', '\n', '\r']).next().unwrap_or_default().trim()
}

/// What makes two refusals the same: not the port from which somebody calls, which is another each time.
fn caller(peer: &str, cause: &str) -> String {
    let host = peer.parse().map_or_else(|_| peer.to_owned(), |at: SocketAddr| at.ip().to_string());
    format!("{host}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn troubles() -> Arc<Troubles> {
        Troubles::new().0
    }

    #[test]
    fn the_same_trouble_is_said_once_in_a_while() {
        let (troubles, now) = (troubles(), Instant::now());
        let is_new = |peer, cause, at| troubles.is_new(caller(peer, cause), at);
        assert!(is_new("10.0.0.1:4000", "no", now));
        assert!(!is_new("10.0.0.1:4001", "no", now));
        assert!(is_new("10.0.0.1:4002", "never", now));
        assert!(is_new("10.0.0.2:4000", "no", now));
        assert!(is_new("10.0.0.1:4003", "no", now + AGAIN));
    }

    #[test]
    fn a_link_that_goes_on_failing_is_told_of_once() {
        let (troubles, begin) = (troubles(), Instant::now());
        let is_first = |peer: &str, now| troubles.is_first(format!("{peer}: refused"), now);
        let mut now = begin;
        for minute in 0..60 {
            now = begin + Duration::from_secs(65) * minute;
            assert_eq!(is_first("a:1", now), minute == 0);
        }
        assert!(is_first("b:1", now));
        assert!(is_first("a:1", now + QUIET), "it was well in between");
        let many = (0..1000).filter(|n: &u32| is_first(&n.to_string(), now));
        assert!(many.count() < MOST);
        assert!(troubles.is_new("else".to_owned(), now), "something else is said");
    }

    fn check(cause: &str, parts: &[&str], absent: &[&str]) {
        let said = explanation("a:6001", cause).unwrap_or_default();
        for part in parts {
            assert!(said.contains(part), "{part:?} in {said:?}");
        }
        for part in absent {
            assert!(!said.contains(part), "{part:?} in {said:?}");
        }
    }

    #[test]
    fn who_joins_another_port_is_told_which_one_it_is() {
        let refused = |text: &str| format!("{REFUSED}400 Bad Request {text}");
        let at_clients = refused("The WebSocket has to ask for the subprotocol cmud-kv.1");
        check(
            &at_clients,
            &["a:6001 is a port for clients", "`other servers`"],
            &["subprotocol", "answers, but"],
        );
        let elsewhere = ["a:6001 answers, but is not where a kvserver meets", "`other servers`"];
        check(&refused("Not Found"), &[&elsewhere[..], &["(it said: 400 Bad"]].concat(), &[]);
        let page = format!("{REFUSED}200 OK <!DOCTYPE HTML>\n<html lang=\"en\">\n<head>");
        check(&page, &[&elsewhere[..], &["(it said: 200 OK)"]].concat(), &["DOCTYPE", "\n"]);
        for cause in [
            "HTTP version must be 1.1 or higher",
            "httparse error: invalid HTTP version",
            "SubProtocol error: Server sent no subprotocol",
        ] {
            let cause = format!("WebSocket protocol error: {cause}");
            check(&cause, &[&elsewhere[..], &["not what a kvserver says"]].concat(), &[]);
        }
    }

    #[test]
    fn a_server_that_refuses_the_link_is_no_stranger() {
        let version = "this system speaks cmud-actor.2, the other end offers cmud-actor.1";
        let refused = format!("{REFUSED}400 Bad Request {version}");
        check(&refused, &["a:6001 refuses the link", version, "same release"], &["answers, but"]);
        let header = "the header actor-address is missing or malformed";
        let refused = format!("{REFUSED}400 Bad Request {header}");
        check(&refused, &["a:6001 refuses the link", header, "proxy"], &["answers, but"]);
    }

    #[test]
    fn what_may_be_well_later_needs_no_explanation() {
        for cause in [
            "Connection refused (os error 111)",
            "no answer within 2500 ms",
            "WebSocket protocol error: Connection reset without closing handshake",
            "WebSocket protocol error: Handshake not finished",
        ] {
            assert_eq!(explanation("a:6000", cause), None);
        }
    }

    #[test]
    fn a_flood_of_troubles_is_cut_off() {
        let (troubles, now) = (troubles(), Instant::now());
        let said = (0..1000).filter(|n: &u32| troubles.is_new(n.to_string(), now));
        assert_eq!(said.count(), MOST);
    }
}
