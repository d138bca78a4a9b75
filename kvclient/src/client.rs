//! The client: one value for a whole program.

mod link;
mod listing;
mod status;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use kvcommon::limits::{check_key, check_member, check_prefix, check_value};
use kvcommon::{Refusal, Stamp};
use tokio::sync::{mpsc, oneshot, watch};

use crate::overlay::{Overlay, Source};
use crate::platform::{Spawner, now};
use crate::router::Outcome;
use crate::session::{Lookup, Reply, Request};
use crate::{Address, Error, ErrorKind, Router};
use link::Ask;
use listing::Listing;
pub use status::Link;
use status::Status;

/// How long a query may take unless [`Client::with_deadline`] says otherwise.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// Asks the servers of a store.
///
/// Cheap to clone and safe to share: any number of queries may be outstanding, from any number of
/// tasks. Those that wait at the same moment travel in one message. Connections are opened when
/// they are first needed, one per address, kept, and closed when the last clone is dropped.
///
/// Every query ends: with its answer, or with an [`Error`] at once when its connection fails, or
/// with [`Error::Timeout`] at its deadline. None is tried again by the client. A query whose future
/// is dropped is withdrawn if it has not been sent yet.
///
/// A client and its clones are one reader and writer: what one of them has seen, none of them sees
/// undone. See [the crate's page](crate#what-one-client-sees).
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Duration,
}

struct Shared {
    router: Mutex<Box<dyn Router>>,
    overlay: Mutex<Overlay>,
    links: Mutex<BTreeMap<Address, mpsc::UnboundedSender<Ask>>>,
    status: Arc<Status>,
    spawner: Spawner,
}

/// A value and when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The value.
    pub value: String,
    /// The stamp that its Put was given.
    pub stamp: Stamp,
}

/// How a server was, and how the others were that it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// How long ago that was so.
    pub age: Duration,
    /// A JSON object; `docs/protocol.md` names its fields.
    pub json: String,
}

impl Client {
    /// A client that asks the addresses that `router` names.
    ///
    /// # Panics
    /// Natively, outside a tokio runtime: that is where its connections live.
    pub fn new(router: impl Router + 'static) -> Self {
        let shared = Shared {
            router: Mutex::new(Box::new(router)),
            overlay: Mutex::default(),
            links: Mutex::default(),
            status: Arc::default(),
            spawner: Spawner::current(),
        };
        Self { shared: Arc::new(shared), deadline: DEFAULT_DEADLINE }
    }

    /// The same client, with the same connections, giving each query `deadline` instead of 5 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The value of `key`, or `None` if it has none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get(&self, key: &str) -> Result<Option<Versioned>, Error> {
        check(check_key(key.as_bytes()))?;
        match self.ask(Request::Get { key: key.to_owned() }).await? {
            (address, Reply::Value(answer, epoch)) => {
                Ok(self.look(&Source { address, epoch }, key, answer))
            }
            _ => unreachable!("the session pairs replies with requests"),
        }
    }

    /// Gives `key` a value. Afterwards the server that was asked has it, and the others soon.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::outcome_unknown`] tells whether it may have been carried out.
    pub async fn put(&self, key: &str, value: &str) -> Result<Stamp, Error> {
        check(check_key(key.as_bytes()))?;
        check(check_value(value.as_bytes()))?;
        let floor = self.overlay().floor(now(), key);
        let put = Request::Put { key: key.to_owned(), value: value.to_owned(), floor };
        self.write(key, Some(value), put).await
    }

    /// Takes the value of `key` away, whether it has one or not.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::outcome_unknown`] tells whether it may have been carried out.
    pub async fn delete(&self, key: &str) -> Result<Stamp, Error> {
        check(check_key(key.as_bytes()))?;
        let floor = self.overlay().floor(now(), key);
        self.write(key, None, Request::Delete { key: key.to_owned(), floor }).await
    }

    /// Every key that starts with `prefix`, in byte order, with its value.
    ///
    /// All pages come from one replica. Each is atomic and has the deadline of a query; a key that
    /// is present throughout is there exactly once. Where this client has seen something newer, that
    /// is shown instead.
    ///
    /// # Errors
    /// See [`Error`]; also when the connection is lost between two pages.
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, Error> {
        check(check_prefix(prefix.as_bytes()))?;
        let address = self.next_address();
        let result = self.list_at(&address, prefix).await;
        self.report(&address, &result);
        result
    }

    /// What the connection to the address asked last is doing, for a program to show.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.shared.status.subscribe()
    }

    /// How the server asked is and how the others are that it knows.
    ///
    /// # Errors
    /// See [`Error`]; a server that has just started is [`Error::NotReady`] for a moment.
    pub async fn status(&self) -> Result<ServerStatus, Error> {
        match self.ask(Request::Status).await? {
            (_, Reply::Status { age, json }) => Ok(ServerStatus { age, json }),
            _ => unreachable!("the session pairs replies with requests"),
        }
    }

    /// Has the servers forget the one at this address, as [`Client::status`] names it, which is gone
    /// for good.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Invalid`] if there is no such member, or if it still answers.
    pub async fn forget(&self, member: &str) -> Result<(), Error> {
        check(check_member(member.as_bytes()))?;
        match self.ask(Request::Forget { member: member.to_owned() }).await? {
            (_, Reply::Forgotten) => Ok(()),
            _ => unreachable!("the session pairs replies with requests"),
        }
    }

    async fn write(
        &self,
        key: &str,
        value: Option<&str>,
        request: Request,
    ) -> Result<Stamp, Error> {
        match self.ask(request).await? {
            (address, Reply::Stored(stamp, epoch)) => {
                let by = Source { address, epoch };
                self.overlay().wrote(now(), &by, key, stamp, value);
                Ok(stamp)
            }
            _ => unreachable!("the session pairs replies with requests"),
        }
    }

    async fn list_at(
        &self,
        address: &Address,
        prefix: &str,
    ) -> Result<Vec<(String, Versioned)>, Error> {
        let mut listing = Listing::new(prefix);
        while let Some(request) = listing.next_request() {
            match self.ask_at(address, request).await? {
                Reply::Page(page) => listing.add(address, page)?,
                _ => unreachable!("the session pairs replies with requests"),
            }
        }
        let (entries, epoch) = listing.into_entries();
        let by = Source { address: address.clone(), epoch };
        let doubts = self.overlay().doubts(now(), prefix, &entries);
        try_join_all(doubts.iter().map(|key| self.look_at(address, key))).await?;
        Ok(self.overlay().complete(now(), &by, prefix, entries))
    }

    /// Looks a key up where a List has left it out.
    async fn look_at(&self, address: &Address, key: &str) -> Result<(), Error> {
        match self.ask_at(address, Request::Get { key: key.to_owned() }).await? {
            Reply::Value(answer, epoch) => {
                self.look(&Source { address: address.clone(), epoch }, key, answer);
                Ok(())
            }
            _ => unreachable!("the session pairs replies with requests"),
        }
    }

    /// What a Get has to show. Asks whoever knows better, if need be, for the Gets that follow.
    fn look(&self, by: &Source, key: &str, answer: Lookup) -> Option<Versioned> {
        let mut overlay = self.overlay();
        if let Some(witness) = overlay.witness(by, key, &answer) {
            self.shared.spawner.spawn(self.clone().ask_witness(witness, key.to_owned()));
        }
        overlay.look(now(), by, key, answer)
    }

    async fn ask_witness(self, address: Address, key: String) {
        let reply = self.ask_quietly(&address, Request::Get { key: key.clone() }).await;
        let answer = match reply {
            Ok(Reply::Value(answer, epoch)) => Some((Source { address, epoch }, answer)),
            _ => None,
        };
        self.overlay().heard(now(), &key, answer);
    }

    /// Who was asked, and the reply.
    async fn ask(&self, request: Request) -> Result<(Address, Reply), Error> {
        let address = self.next_address();
        let result = self.ask_at(&address, request).await;
        self.report(&address, &result);
        result.map(|reply| (address, reply))
    }

    async fn ask_at(&self, address: &Address, request: Request) -> Result<Reply, Error> {
        self.shared.status.show(address);
        self.ask_quietly(address, request).await
    }

    /// As [`ask_at`](Self::ask_at), but nobody is shown what that connection is doing.
    async fn ask_quietly(&self, address: &Address, request: Request) -> Result<Reply, Error> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { limit: self.deadline, request, reply };
        // If it cannot be sent, its sender is dropped, and that is the answer.
        let _ = self.link_to(address).send(ask);
        answer.await.unwrap_or_else(|_| {
            let cause = "the runtime that this client was made in has shut down".to_owned();
            Err(Error::Unreachable { address: address.clone(), cause, sent: false })
        })
    }

    fn link_to(&self, address: &Address) -> mpsc::UnboundedSender<Ask> {
        let mut links = lock(&self.shared.links);
        if let Some(link) = links.get(address) {
            return link.clone();
        }
        let (sender, asks) = mpsc::unbounded_channel();
        links.insert(address.clone(), sender.clone());
        let status = Arc::clone(&self.shared.status);
        self.shared.spawner.spawn(link::run(address.clone(), asks, status));
        sender
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        lock(&self.shared.overlay)
    }

    fn next_address(&self) -> Address {
        lock(&self.shared.router).next_addr()
    }

    fn report<T>(&self, address: &Address, result: &Result<T, Error>) {
        let outcome = match result.as_ref().map_err(Error::kind) {
            Ok(_) | Err(ErrorKind::Invalid | ErrorKind::TooLarge) => Outcome::Answered,
            Err(ErrorKind::NotReady) => Outcome::NotReady,
            Err(ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Protocol) => {
                Outcome::Failed
            }
        };
        lock(&self.shared.router).report(address, outcome);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

fn check(text: Result<&str, Refusal>) -> Result<(), Error> {
    text.map(drop).map_err(|refusal| Error::over_limit(&refusal))
}

/// A router that panicked in one task does not take the others with it.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
