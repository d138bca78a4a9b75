//! A List under way: which page to ask for next, and whether what came can be its next page.

use crate::session::{After, Epoch, Page, Request};
use crate::{Address, Error, Versioned};

pub(super) struct Listing<'a> {
    prefix: &'a str,
    entries: Vec<(String, Versioned)>,
    next: Option<Request>,
    epoch: Epoch,
}

impl<'a> Listing<'a> {
    pub(super) fn new(prefix: &'a str) -> Self {
        let first = Request::List { prefix: prefix.to_owned(), after: None };
        Self { prefix, entries: Vec::new(), next: Some(first), epoch: Epoch::default() }
    }

    /// Nothing when the List is complete.
    pub(super) fn next_request(&mut self) -> Option<Request> {
        self.next.take()
    }

    /// Takes in the page that answers the last request.
    pub(super) fn add(&mut self, address: &Address, page: Page) -> Result<(), Error> {
        let broken = |cause: &str| {
            let (address, cause) = (address.clone(), cause.to_owned());
            Err(Error::Protocol { address, cause, sent: false })
        };
        // Without these checks a broken server could keep a List going for ever.
        let mut last = self.entries.last().map(|(key, _)| key.as_str());
        for (key, _) in &page.entries {
            if !key.starts_with(self.prefix) {
                return broken("a page has a key without the List's prefix");
            }
            if last.is_some_and(|last| key.as_str() <= last) {
                return broken("a page's keys are not in order");
            }
            last = Some(key);
        }
        if page.more {
            let Some((key, _)) = page.entries.last() else {
                return broken("an empty page says that more follow");
            };
            let after = Some(After { key: key.clone(), epoch: page.epoch });
            self.next = Some(Request::List { prefix: self.prefix.to_owned(), after });
        }
        self.entries.extend(page.entries);
        self.epoch = page.epoch;
        Ok(())
    }

    /// What was listed, and the connection that it came over.
    pub(super) fn into_entries(self) -> (Vec<(String, Versioned)>, Epoch) {
        (self.entries, self.epoch)
    }
}
