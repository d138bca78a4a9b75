//! A server's status as a table for people.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What this program knows of a status; a server may say more, or leave something out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    address: String,
    actors: Option<u64>,
    ready: bool,
    keys: Option<u64>,
    ages_differ: bool,
    members: Vec<Member>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    address: String,
    state: String,
    ready: bool,
    heard_ms_ago: Option<u64>,
    clock_offset_ms: Option<i64>,
    lag_entries: Option<u64>,
    lag_ms: Option<u64>,
    bytes_sent: Option<u64>,
    entries_sent: Option<u64>,
    bytes_received: Option<u64>,
    entries_received: Option<u64>,
    entries_needless: Option<u64>,
    digest_repairs: Option<u64>,
}

/// How the members are, and what has passed between them and the server: side by side they would not
/// fit a terminal of 80 columns.
const STATES: [&str; 5] = ["member", "state", "clock", "lag", "lag time"];
const TRAFFIC: [&str; 7] =
    ["member", "sent", "entries", "received", "entries", "needless", "repaired"];

/// Lines about the server and two tables of its members, or the JSON as it came where it is none that
/// this program knows.
pub fn table(age: Duration, status: &Value) -> String {
    let Ok(status) = Status::deserialize(status) else { return format!("{status}\n") };
    let mut text = format!(
        "{}: {}, {}, {} ({} ago)\n",
        status.address,
        if status.ready { "ready" } else { "starting" },
        counted(status.actors, "actor"),
        counted(status.keys, "key"),
        span(age),
    );
    if status.ages_differ {
        text.push_str("warning: --tombstones or clocks of the servers differ; see the log\n");
    }
    if status.members.is_empty() {
        return text + "There are no other servers.\n";
    }
    let states = status.members.iter().map(Member::state);
    text.push('\n');
    text.push_str(&aligned(STATES, states, 2));
    let traffic = status.members.iter().map(Member::traffic);
    text.push('\n');
    text.push_str(&aligned(TRAFFIC, traffic, 1));
    text
}

/// A table. Its first columns hold words, the others numbers. A name that would make it too wide stands
/// on a line of its own.
fn aligned<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    words: usize,
) -> String {
    const LONGEST_NAME: usize = 21;
    let rows: Vec<_> = [header.map(str::to_owned)].into_iter().chain(rows).collect();
    let width = |cell: &String| cell.chars().count();
    let widest: Vec<usize> = (0..N)
        .map(|column| {
            let widths = rows.iter().map(|row| width(&row[column]));
            widths.filter(|width| column > 0 || *width <= LONGEST_NAME).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, &widest)) in row.iter().zip(&widest).enumerate() {
            match column {
                0 if width(cell) > widest => line = format!("{cell}\n{:widest$}", ""),
                0 => line = format!("{cell:widest$}"),
                _ if column < words => line.push_str(&format!("  {cell:widest$}")),
                _ => line.push_str(&format!("  {cell:>widest$}")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

impl Member {
    fn state(&self) -> [String; STATES.len()] {
        let answers = self.state == "live";
        let state = match (self.state.as_str(), self.heard_ms_ago) {
            ("live", _) if !self.ready => "live, starting".to_owned(),
            ("silent", Some(millis)) => {
                format!("silent for {}", span(Duration::from_millis(millis)))
            }
            ("unmet", _) => "never met".to_owned(),
            (state, _) => state.to_owned(),
        };
        // One that is silent does not lag: it is away, and what it lacks is not under way.
        let lag = |lag: String| if answers { lag } else { unknown() };
        [
            self.address.clone(),
            state,
            self.clock_offset_ms.map_or_else(unknown, |millis| format!("{millis:+} ms")),
            lag(count(self.lag_entries)),
            lag(self.lag_ms.map_or_else(unknown, |millis| format!("{millis} ms"))),
        ]
    }

    fn traffic(&self) -> [String; TRAFFIC.len()] {
        [
            self.address.clone(),
            self.bytes_sent.map_or_else(unknown, bytes),
            count(self.entries_sent),
            self.bytes_received.map_or_else(unknown, bytes),
            count(self.entries_received),
            count(self.entries_needless),
            count(self.digest_repairs),
        ]
    }
}

fn unknown() -> String {
    "-".to_owned()
}

/// In full up to seven digits, then in millions.
fn count(number: Option<u64>) -> String {
    match number {
        None => unknown(),
        Some(number @ ..10_000_000) => number.to_string(),
        Some(number) => format!("{} M", number / 1_000_000),
    }
}

fn counted(number: Option<u64>, what: &str) -> String {
    let ending = if number == Some(1) { "" } else { "s" };
    match number {
        Some(number) => format!("{number} {what}{ending}"),
        None => format!("an unknown number of {what}s"),
    }
}

/// With three digits, as `1.25 MiB`.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut scaled = count as f64 / 1024.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if scaled < 999.5 {
            break;
        }
        (scaled, unit) = (scaled / 1024.0, next);
    }
    match scaled {
        ..10.0 => format!("{scaled:.2} {unit}"),
        ..100.0 => format!("{scaled:.1} {unit}"),
        _ => format!("{scaled:.0} {unit}"),
    }
}

/// As people say it: `0.3 s`, `61 s`, `5 min`, `26 h`.
fn span(time: Duration) -> String {
    match (time.as_secs_f64(), time.as_secs()) {
        (seconds, ..10) => format!("{seconds:.1} s"),
        (seconds, ..120) => format!("{seconds:.0} s"),
        (_, seconds @ ..7200) => format!("{} min", seconds / 60),
        (_, seconds) => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_rows_of_a_table() {
        let status = json!({
            "address": "a:6000", "server": 1, "actors": 2, "ready": true, "keys": 1234, "new": [],
            "members": [
                {
                    "address": "b.example:6000", "state": "live", "ready": true,
                    "clock_offset_ms": -3, "lag_entries": 12, "lag_ms": 260,
                    "bytes_sent": 1_310_720, "entries_sent": 9000, "bytes_received": 500,
                    "entries_received": 7, "entries_needless": 1, "digest_rounds": 0,
                    "digest_repairs": 3,
                },
                { "address": "c:1", "state": "unmet", "ready": false, "clock_offset_ms": null },
                {
                    "address": "d:1", "state": "silent", "heard_ms_ago": 301_000, "lag_entries": 9,
                    "lag_ms": 300_500, "bytes_sent": 1024, "entries_sent": 7, "bytes_received": 0,
                    "entries_received": 0, "entries_needless": 0, "digest_repairs": 0,
                },
                { "address": "e:1", "state": "live", "ready": false },
            ],
        });
        let expected = "\
a:6000: ready, 2 actors, 1234 keys (0.3 s ago)

member          state             clock  lag  lag time
b.example:6000  live              -3 ms   12    260 ms
c:1             never met             -    -         -
d:1             silent for 5 min      -    -         -
e:1             live, starting        -    -         -

member              sent  entries  received  entries  needless  repaired
b.example:6000  1.25 MiB     9000     500 B        7         1         3
c:1                    -        -         -        -         -         -
d:1             1.00 KiB        7       0 B        0         0         0
e:1                    -        -         -        -         -         -
";
        assert_eq!(table(Duration::from_millis(300), &status), expected);
    }

    #[test]
    fn the_largest_figures_and_the_longest_names_fit_80_columns() {
        let member = |address: &str| {
            json!({
                "address": address, "state": "silent", "heard_ms_ago": 86_000_000,
                "clock_offset_ms": -3_600_000, "lag_entries": 10_000_000, "lag_ms": 100_000,
                "bytes_sent": 1_047_000, "entries_sent": 100_000_000, "bytes_received": 1_047_000,
                "entries_received": 100_000_000, "entries_needless": 10_000_000,
                "digest_repairs": 10_000_000,
            })
        };
        let long = "kv-0.kv.default.svc.cluster.local:6000";
        let status = json!({ "members": [member("192.168.100.100:60000"), member(long)] });
        let text = table(Duration::ZERO, &status);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert_eq!(text.lines().filter(|line| *line == long).count(), 2, "{text}");
    }

    #[test]
    fn a_server_alone_has_no_table() {
        let status = json!({"address": "a:6000", "actors": 1, "ready": false, "members": []});
        let expected = "a:6000: starting, 1 actor, an unknown number of keys (12 s ago)\nThere are no other servers.\n";
        assert_eq!(table(Duration::from_secs(12), &status), expected);
        let warned = table(Duration::ZERO, &json!({"ages_differ": true}));
        assert!(warned.contains("\nwarning: --tombstones or clocks"), "{warned}");
    }

    #[test]
    fn what_is_not_understood_is_shown_as_it_is() {
        assert_eq!(table(Duration::ZERO, &json!({"members": 3})), "{\"members\":3}\n");
    }

    #[test]
    fn bytes_have_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1_023_488, "0.98 MiB"),
            (123_456, "121 KiB"),
            (45_000_000_000, "41.9 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
