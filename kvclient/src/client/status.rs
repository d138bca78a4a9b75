//! What a program shows of its connection.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use super::lock;
use crate::Address;

/// What a connection is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Nothing is being asked, so none is needed.
    #[default]
    Idle,
    /// It is being opened.
    Connecting {
        /// To whom.
        addr: Address,
    },
    /// It is open.
    Live {
        /// To whom.
        addr: Address,
    },
    /// It failed, and the client will open it again.
    Retrying {
        /// To whom.
        addr: Address,
        /// Why it failed.
        cause: String,
        /// How long after this state began the next attempt is made.
        next_in: Duration,
    },
}

/// The links of all connections, of which the one that was asked last is shown.
#[derive(Default)]
pub(super) struct Status {
    links: Mutex<Links>,
    shown: watch::Sender<Link>,
}

#[derive(Default)]
struct Links {
    shown: Option<Address>,
    all: BTreeMap<Address, Link>,
}

impl Status {
    pub(super) fn subscribe(&self) -> watch::Receiver<Link> {
        self.shown.subscribe()
    }

    /// A connection's link has changed.
    pub(super) fn set(&self, address: &Address, link: Link) {
        let mut links = lock(&self.links);
        if links.shown.as_ref() == Some(address) {
            self.shown.send_replace(link.clone());
        }
        links.all.insert(address.clone(), link);
    }

    /// This address is being asked.
    pub(super) fn show(&self, address: &Address) {
        let mut links = lock(&self.links);
        if links.shown.as_ref() != Some(address) {
            links.shown = Some(address.clone());
            let link = links.all.get(address).cloned().unwrap_or_default();
            self.shown.send_if_modified(|shown| std::mem::replace(shown, link) != *shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_asked_last_is_shown() {
        let [a, b] = ["a:1", "b:1"].map(|address| address.parse::<Address>().unwrap());
        let live = |addr: &Address| Link::Live { addr: addr.clone() };
        let status = Status::default();
        let mut shown = status.subscribe();
        assert_eq!(*shown.borrow_and_update(), Link::Idle);

        status.show(&a);
        status.set(&a, live(&a));
        assert_eq!(*shown.borrow_and_update(), live(&a));
        status.set(&b, live(&b));
        assert!(!shown.has_changed().unwrap());
        status.show(&b);
        assert_eq!(*shown.borrow_and_update(), live(&b));
        status.set(&a, Link::Idle);
        assert_eq!(*shown.borrow_and_update(), live(&b));
        status.show(&a);
        assert_eq!(*shown.borrow_and_update(), Link::Idle);
    }
}
