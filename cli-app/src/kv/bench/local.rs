//! The servers' processes, those that run on this machine: what processor time they use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use kvclient::Address;

/// The process behind each of some addresses, where it is here and the system tells.
pub struct Local(Vec<Option<u32>>);

/// The processor time that was used for some queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// How much.
    pub time: Duration,
    /// The queries of those addresses whose process could be watched to the end.
    pub queries: u64,
    /// How many addresses these are.
    pub watched: usize,
    /// How many addresses there are.
    pub addresses: usize,
}

impl Local {
    /// Looks for them.
    pub fn find(addresses: &[Address]) -> Self {
        let processes: Vec<u32> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        let process = |address: &Address| {
            let mut places = address.host_and_port().to_socket_addrs().ok()?;
            let port =
                places.find(|place| place.ip().is_loopback()).as_ref().map(SocketAddr::port)?;
            let socket = BTreeSet::from([listener(port)?]);
            processes.iter().copied().find(|id| has_one_of(*id, &socket))
        };
        Self(addresses.iter().map(process).collect())
    }

    /// The processor time that each of them has used; one that has gone is left out.
    pub fn cpu(&self) -> BTreeMap<u32, Duration> {
        let ids: BTreeSet<u32> = self.0.iter().copied().flatten().collect();
        ids.into_iter().filter_map(|id| Some((id, cpu_time(id)?))).collect()
    }

    /// What was used between two looks by the processes that are in both, and for how many of the
    /// queries that each address has answered; `None` if there is no such process.
    pub fn used(
        &self,
        before: &BTreeMap<u32, Duration>,
        after: &BTreeMap<u32, Duration>,
        answered_by: &[u64],
    ) -> Option<Used> {
        let times: BTreeMap<u32, Duration> = after
            .iter()
            .filter_map(|(id, after)| Some((*id, after.saturating_sub(*before.get(id)?))))
            .collect();
        let is_watched = |place: &usize| self.0[*place].is_some_and(|id| times.contains_key(&id));
        let watched: Vec<usize> = (0..self.0.len()).filter(is_watched).collect();
        let answered = |place: &usize| answered_by.get(*place).copied().unwrap_or(0);
        (!watched.is_empty()).then(|| Used {
            time: times.values().sum(),
            queries: watched.iter().map(answered).sum(),
            watched: watched.len(),
            addresses: self.0.len(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_has_gone_does_not_hide_the_others() {
        let local = Local(vec![Some(7), None, Some(8), Some(7)]);
        let at = |times: &[(u32, u64)]| -> BTreeMap<u32, Duration> {
            times.iter().map(|(id, millis)| (*id, Duration::from_millis(*millis))).collect()
        };
        let used =
            |after: &[(u32, u64)]| local.used(&at(&[(7, 100), (8, 50)]), &at(after), &[1, 2, 4]);
        let expected =
            Used { time: Duration::from_millis(30), queries: 1, watched: 2, addresses: 4 };
        assert_eq!(used(&[(7, 130)]), Some(expected));
        assert_eq!(
            used(&[(7, 130), (8, 51)]).map(|used| (used.queries, used.watched)),
            Some((5, 3))
        );
        assert_eq!(used(&[]), None);
    }
}
