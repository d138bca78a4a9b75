//! Why a server did not start.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::MAX_ACTORS;

/// Why a server did not start. `Display` is a sentence that says what to do about it; nothing is
/// left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No query actor was asked for.
    #[error("a server needs at least 1 query actor, but 0 were asked for")]
    NoActors,
    /// More query actors than [`MAX_ACTORS`].
    #[error("a server has at most {MAX_ACTORS} query actors, but {actors} were asked for")]
    TooManyActors {
        /// How many were asked for.
        actors: usize,
    },
    /// The last query port would lie beyond the last port there is.
    #[error(
        "port {port} is too high for {actors} query actors: each needs a port above it, and the \
         last port is 65535; choose a starting port up to {}", 65535 - actors
    )]
    PortRange {
        /// The starting port.
        port: u16,
        /// The number of query actors.
        actors: usize,
    },
    /// The host is neither an address nor a name that can be resolved.
    #[error("the host {host:?} cannot be resolved ({cause}); use an address of this machine")]
    Host {
        /// The host as it was given.
        host: String,
        /// What the operating system said.
        cause: io::Error,
    },
    /// Something else listens on the port.
    #[error(
        "port {} on {} is in use, but {what} needs it; stop what listens there or choose another \
         port", address.port(), address.ip()
    )]
    PortInUse {
        /// The address that is taken.
        address: SocketAddr,
        /// What should have listened there.
        what: String,
    },
    /// The port is reserved for privileged programs.
    #[error(
        "port {} is privileged and this program may not open it for {what}; choose a port from \
         1024 on", address.port()
    )]
    Privileged {
        /// The address that was refused.
        address: SocketAddr,
        /// What should have listened there.
        what: String,
    },
    /// A port cannot be opened for another reason.
    #[error("cannot open {address} for {what}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What should have listened there.
        what: String,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The folder with the page is not there.
    #[error("{} is not a folder, so no page can be served from it", folder.display())]
    Www {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// What was beaten while the server was away could not be written down there.
    #[error(
        "no file can be written in the folder {} ({cause}); name one with --set-aside DIR, for what \
         clients wrote while the server was away and others have overwritten", folder.display()
    )]
    SetAside {
        /// The folder that was named.
        folder: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// What the server was told to join names no server.
    #[error("cannot join {join:?}: {why}")]
    Join {
        /// What it was told, or the beginning of it.
        join: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server was told to join itself.
    #[error(
        "a server cannot join itself: {address} is its own address; name another server, or leave \
         --join out to begin a new store"
    )]
    JoinsItself {
        /// The address.
        address: String,
    },
    /// The address to be reached at is none.
    #[error("others cannot reach this server at {address:?}: {why}")]
    Advertise {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server listens everywhere, and others have to be told where.
    #[error(
        "a server that listens on {host} and joins others has to say how they reach it; add \
         --advertise HOST:PORT"
    )]
    NotAdvertised {
        /// What it listens on.
        host: IpAddr,
    },
    /// The operating system refused a thread or a socket.
    #[error("the operating system refused what the server needs to run: {cause}")]
    Resources {
        /// What it said.
        cause: io::Error,
    },
}

impl StartError {
    pub(super) fn bind(address: SocketAddr, what: &str, cause: io::Error) -> Self {
        let what = what.to_owned();
        match cause.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse { address, what },
            io::ErrorKind::PermissionDenied => Self::Privileged { address, what },
            _ => Self::Bind { address, what, cause },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &StartError, parts: &[&str]) {
        let text = error.to_string();
        for part in parts {
            assert!(text.contains(part), "{part:?} in {text:?}");
        }
    }

    #[test]
    fn a_refused_port_is_named_with_its_cause() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let bind = |kind: io::ErrorKind| StartError::bind(address, "HTTP", kind.into());
        check(&bind(io::ErrorKind::PermissionDenied), &["port 80", "privileged", "HTTP", "1024"]);
        check(&bind(io::ErrorKind::AddrInUse), &["port 80", "in use", "HTTP", "choose another"]);
        check(&bind(io::ErrorKind::AddrNotAvailable), &["127.0.0.1:80", "HTTP"]);
    }

    #[test]
    fn a_range_that_does_not_fit_says_what_would() {
        check(&StartError::PortRange { port: 65_533, actors: 4 }, &["65533", "up to 65531"]);
    }
}
