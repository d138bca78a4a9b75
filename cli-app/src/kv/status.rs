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
    digest_rounds: Option<u64>,
    digest_repairs: Option<u64>,
}

const HEADER: [&str; 12] = [
    "member", "state", "clock", "lag", "lag time", "sent", "entries", "received", "entries",
    "needless", "digests", "repairs",
];

/// These columns hold words, the others numbers.
const WORDS: usize = 2;

/// Lines about the server and a table of its members, or the JSON as it came where it is none that
/// this program knows.
pub fn table(age: Duration, status: &Value) -> String {
    let Ok(status) = Status::deserialize(status) else { return format!("{status}\n") };
    let mut text = format!(
        "{}: {}, {}, {} ({} ago)\n",
        status.address,
        if status.ready { "ready" } else { "starting" },
        counted(status.actors, "actor"),
        counted(status.keys, "key"),
        seconds(age),
    );
    if status.members.is_empty() {
        return text + "There are no other servers.\n";
    }
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(status.members.into_iter().map(Member::row));
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let widest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            if column > 0 {
                line.push_str("  ");
            }
            match column < WORDS {
                true => line.push_str(&format!("{cell:widest$}")),
                false => line.push_str(&format!("{cell:>widest$}")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

impl Member {
    fn row(self) -> [String; HEADER.len()] {
        let state = match (self.state.as_str(), self.heard_ms_ago) {
            ("live", _) if !self.ready => "live, starting".to_owned(),
            ("silent", Some(millis)) => {
                format!("silent {}", seconds(Duration::from_millis(millis)))
            }
            _ => self.state,
        };
        [
            self.address,
            state,
            self.clock_offset_ms.map_or_else(unknown, |millis| format!("{millis:+} ms")),
            count(self.lag_entries),
            self.lag_ms.map_or_else(unknown, |millis| format!("{millis} ms")),
            self.bytes_sent.map_or_else(unknown, bytes),
            count(self.entries_sent),
            self.bytes_received.map_or_else(unknown, bytes),
            count(self.entries_received),
            count(self.entries_needless),
            count(self.digest_rounds),
            count(self.digest_repairs),
        ]
    }
}

fn unknown() -> String {
    "-".to_owned()
}

fn count(number: Option<u64>) -> String {
    number.map_or_else(unknown, |number| number.to_string())
}

fn counted(number: Option<u64>, what: &str) -> String {
    let ending = if number == Some(1) { "" } else { "s" };
    format!("{} {what}{ending}", count(number))
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

fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds @ ..10.0 => format!("{seconds:.1} s"),
        seconds => format!("{seconds:.0} s"),
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
                    "entries_received": 7, "entries_needless": 1, "digest_rounds": 42,
                    "digest_repairs": 0,
                },
                { "address": "c:1", "state": "unmet", "ready": false, "clock_offset_ms": null },
                { "address": "d:1", "state": "silent", "heard_ms_ago": 61_000 },
                { "address": "e:1", "state": "live", "ready": false },
            ],
        });
        let expected = "\
a:6000: ready, 2 actors, 1234 keys (0.3 s ago)
member          state           clock  lag  lag time      sent  entries  received  entries  needless  digests  repairs
b.example:6000  live            -3 ms   12    260 ms  1.25 MiB     9000     500 B        7         1       42        0
c:1             unmet               -    -         -         -        -         -        -         -        -        -
d:1             silent 61 s         -    -         -         -        -         -        -         -        -        -
e:1             live, starting      -    -         -         -        -         -        -         -        -        -
";
        assert_eq!(table(Duration::from_millis(300), &status), expected);
    }

    #[test]
    fn a_server_alone_has_no_table() {
        let status = json!({"address": "a:6000", "actors": 1, "ready": false, "members": []});
        let expected =
            "a:6000: starting, 1 actor, - keys (12 s ago)\nThere are no other servers.\n";
        assert_eq!(table(Duration::from_secs(12), &status), expected);
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
