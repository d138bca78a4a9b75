//! The server's process, if it runs on this machine: what processor time it uses.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use kvclient::Address;

/// The processes behind some addresses.
pub struct Local(BTreeSet<u32>);

impl Local {
    /// `None` where the processes are not all here, or where the system does not tell.
    pub fn find(addresses: &[Address]) -> Option<Self> {
        let mut ports = Vec::new();
        for address in addresses {
            let mut places = address.host_and_port().to_socket_addrs().ok()?;
            ports.push(
                places.find(|place| place.ip().is_loopback()).as_ref().map(SocketAddr::port)?,
            );
        }
        let inodes: BTreeSet<String> = ports.iter().filter_map(|port| listener(*port)).collect();
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let found: BTreeSet<u32> = ids.filter(|id| has_one_of(*id, &inodes)).collect();
        (!found.is_empty()).then_some(Self(found))
    }

    /// The processor time that they have used together; `None` if one has gone.
    pub fn cpu(&self) -> Option<Duration> {
        self.0.iter().map(|id| cpu_time(*id)).sum()
    }
}

/// The number of the socket that listens on a port.
fn listener(port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    let port = format!(":{port:04X}");
    let mut sockets = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = sockets.find(|fields| {
        fields.get(1).is_some_and(|local| local.ends_with(&port)) && fields.get(3) == Some(&LISTEN)
    })?;
    found.get(9).map(|inode| format!("socket:[{inode}]"))
}

fn has_one_of(process: u32, sockets: &BTreeSet<String>) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    files
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| target.to_str().is_some_and(|target| sockets.contains(target)))
}

fn cpu_time(process: u32) -> Option<Duration> {
    /// Linux counts in these, whatever its own clock.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}
