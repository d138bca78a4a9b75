//! The store, asked one thing at a time.

use std::io;

use kvclient::router::{Addresses, Sticky};
use kvclient::{Client, Error, ErrorKind, ServerStatus};
use tokio::runtime::{Builder, Runtime};

use super::answer::{Answer, Failure};
use super::command::Command;

/// A client with the threads that its connections live on.
pub struct Store {
    runtime: Runtime,
    client: Client,
    servers: usize,
}

impl Store {
    /// Nothing is dialled before the first question. It stays with one server and moves on to the
    /// next when that one fails.
    ///
    /// # Errors
    /// When the system has no threads left.
    pub fn new(servers: &Addresses) -> io::Result<Self> {
        // One worker keeps the connections alive while this thread waits for input.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = {
            let _inside = runtime.enter();
            Client::new(Sticky::new(servers.clone()))
        };
        Ok(Self { runtime, client, servers: servers.iter().count() })
    }

    /// Asks, and asks each of the other servers too while none answers. That is safe for a put as
    /// well: put twice, the key still has that value.
    pub fn ask(&self, command: &Command) -> Answer {
        let mut failures = Vec::new();
        for _ in 0..self.servers {
            match self.ask_once(command) {
                Ok(answer) => return answer,
                Err(error) if another_may_answer(&error) => failures.push(Failure::from(error)),
                Err(error) => return Answer::Error { error: Failure::from(error) },
            }
        }
        Answer::Error { error: together(failures) }
    }

    /// Where the connections live.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn ask_once(&self, command: &Command) -> Result<Answer, Error> {
        let client = &self.client;
        self.runtime.block_on(async {
            Ok(match command {
                Command::Get { key } => {
                    let found = client.get(key).await?;
                    Answer::Value { value: found.map(|versioned| versioned.value) }
                }
                Command::Put { key, value } => {
                    Answer::Stored { stamp: client.put(key, value).await? }
                }
                Command::Delete { key } => Answer::Deleted { stamp: client.delete(key).await? },
                Command::List { prefix } => {
                    let found = client.list(prefix).await?.into_iter();
                    let entries = found.map(|(key, versioned)| (key, versioned.value)).collect();
                    Answer::Entries { entries }
                }
                Command::Status => status(client.status().await?),
                Command::Forget { member } => {
                    client.forget(member).await?;
                    Answer::Forgotten { forgotten: member.clone() }
                }
            })
        })
    }
}

fn status(ServerStatus { age, json }: ServerStatus) -> Answer {
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    match serde_json::from_str(&json) {
        Ok(status) => Answer::Status { age_ms, status },
        Err(error) => {
            let message = format!("The server's status is not JSON: {error}.");
            Answer::Error { error: Failure::protocol(message) }
        }
    }
}

/// Why none of several servers has answered, of the kind of the last.
fn together(failures: Vec<Failure>) -> Failure {
    let kind = failures.last().map_or(ErrorKind::Unreachable, |failure| failure.kind);
    let mut reasons: Vec<String> = failures.into_iter().map(|failure| failure.message).collect();
    // One that is named twice is told of once.
    reasons.dedup();
    Failure { kind, message: reasons.join(" ") }
}

fn another_may_answer(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::NotReady | ErrorKind::Protocol => {
            true
        }
        ErrorKind::Invalid | ErrorKind::TooLarge => false,
    }
}
