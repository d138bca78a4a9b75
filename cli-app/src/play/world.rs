//! A world of one's own: a storage server inside this process.

use std::time::Duration;

use kvclient::{Address, Addresses};
use kvserver::{Config, Server, StartError};
use tokio::time::timeout;

/// How long the server may take to end; the process takes with it what is left.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// A world that lasts as long as the program.
pub struct World(Server);

impl World {
    /// Starts its server on ports that are free.
    ///
    /// # Errors
    /// When the system has no ports or threads left.
    pub async fn start() -> Result<Self, StartError> {
        kvserver::start(Config::default()).await.map(Self)
    }

    /// Where its server answers.
    pub fn servers(&self) -> Addresses {
        let addresses = self.0.queries().iter().copied().map(Address::from);
        Addresses::new(addresses).expect("a server has at least one query actor")
    }

    /// A line that says whose world it is.
    pub fn greeting(&self) -> String {
        let address = self.0.queries()[0];
        format!("A world of your own, until you leave. To join: cmud --server {address}")
    }

    /// Ends it.
    pub async fn end(self) {
        let _ = timeout(SHUTDOWN, self.0.shutdown()).await;
    }
}
