//! What came of a load, for people and for programs.

use std::fmt::Write;

use serde_json::json;

use super::Options;
use super::load::Tally;
use super::local::Used;
use crate::kv::answer::Failure;
use crate::text::wrap;

/// What was asked for, and what came of it.
pub struct Report {
    pub options: Options,
    pub tally: Tally,
    /// The processor time that the servers have used, those that are here.
    pub used: Option<Used>,
    /// Servers that were not used, since they did not answer.
    pub away: Vec<Failure>,
    /// Keys that should have been deleted.
    pub left: Option<String>,
}

/// Where lines end on a terminal of the classic width; a pipe gets each in one piece.
const COLUMNS: usize = 80;

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

impl Report {
    /// Whether there were answers, and nothing went wrong.
    pub fn is_well(&self) -> bool {
        let Tally { refused, lost, .. } = self.tally;
        self.answered() > 0 && refused == 0 && lost == 0 && self.left.is_none()
    }

    /// Some lines for people; `wraps` breaks long ones for a terminal.
    pub fn text(&self, wraps: bool) -> String {
        let Options { connections, pipeline, gets, keys, value_size, .. } = self.options;
        let Tally { gets: got, puts, refused, lost, .. } = self.tally;
        let of = |count: usize, one: &str, more: &str| counted(count as u64, one, more);
        let mut text = format!(
            "{} with {} each for {:.1} s,\n{gets}% Gets, {}, values of {}\n",
            of(connections, "connection", "connections"),
            of(pipeline, "query", "queries"),
            self.tally.time.as_secs_f64(),
            of(keys, "key", "keys"),
            of(value_size, "byte", "bytes"),
        );
        let mut line = |name: &str, what: String| {
            let line = format!("  {name:<12}{what}");
            let rows = if wraps { wrap(&line, COLUMNS) } else { vec![line] };
            let _ = writeln!(text, "{}", rows.join("\n"));
        };
        if self.answered() > 0 {
            let (got, puts) = (counted(got, "Get", "Gets"), counted(puts, "Put", "Puts"));
            line("throughput", format!("{:.0} queries/s ({got}, {puts})", self.rate()));
            let latency = QUANTILES.map(|(name, at)| format!("{name} {}", time(self.micros(at))));
            let most = time(self.tally.latency.max());
            line("latency", format!("{}, max {most}", latency.join(", ")));
            line("server CPU", self.cpu());
        }
        if let Some(Failure { message, .. }) = &self.tally.trouble {
            let lost = of(lost, "connection", "connections");
            let refused = counted(refused, "query", "queries");
            line("trouble", format!("{refused} refused, {lost} lost: {message}"));
        }
        for Failure { message, .. } in &self.away {
            line("not used", message.clone());
        }
        if let Some(left) = &self.left {
            line("left", left.clone());
        }
        text
    }

    /// One object on a line for programs.
    pub fn json(&self) -> String {
        let Options { connections, pipeline, gets, keys, value_size, .. } = self.options;
        let latency: serde_json::Map<String, serde_json::Value> = QUANTILES
            .into_iter()
            .map(|(name, at)| (name.to_owned(), self.micros(at).into()))
            .chain([("max".to_owned(), self.tally.latency.max().into())])
            .collect();
        let report = json!({
            "connections": connections,
            "pipeline": pipeline,
            "gets_percent": gets,
            "keys": keys,
            "value_size": value_size,
            "seconds": self.tally.time.as_secs_f64(),
            "gets": self.tally.gets,
            "puts": self.tally.puts,
            "refused": self.tally.refused,
            "connections_lost": self.tally.lost,
            "trouble": self.tally.trouble.as_ref().map(|trouble| &trouble.message),
            "not_used": self.away.iter().map(|away| &away.message).collect::<Vec<_>>(),
            "left": self.left,
            "queries_per_second": self.rate(),
            "latency_us": latency,
            "server_cpu_us_per_query": self.cpu_micros(),
            "server_cpu_addresses": self.used.map_or(0, |used| used.watched),
        });
        format!("{report}\n")
    }

    fn answered(&self) -> u64 {
        self.tally.gets + self.tally.puts
    }

    fn rate(&self) -> f64 {
        self.answered() as f64 / self.tally.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn micros(&self, quantile: f64) -> u64 {
        self.tally.latency.value_at_quantile(quantile)
    }

    fn cpu(&self) -> String {
        let (Some(cpu), Some(used)) = (self.cpu_micros(), self.used) else {
            return "unknown: its process is not here, not ours, or gone".to_owned();
        };
        match used.addresses - used.watched {
            0 => format!("{cpu:.2} µs a query"),
            _ => format!(
                "{cpu:.2} µs a query at {} of {} addresses; the other processes are not here, \
                 not ours, or gone",
                used.watched, used.addresses
            ),
        }
    }

    fn cpu_micros(&self) -> Option<f64> {
        let used = self.used.filter(|used| used.queries > 0)?;
        Some(used.time.as_secs_f64() * 1e6 / used.queries as f64)
    }
}

fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// A time in three digits, so that all quantiles fit on a line.
fn time(micros: u64) -> String {
    let (value, unit) = match micros {
        ..999_500 => (micros as f64 / 1e3, "ms"),
        _ => (micros as f64 / 1e6, "s"),
    };
    // Where it would be rounded up to a digit more it has that digit.
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn report(tally: Tally) -> Report {
        let Line { options } = Line::parse_from(["bench", "--pipeline", "16"]);
        let time = Duration::from_millis(5);
        let used = Some(Used { time, queries: 1000, watched: 2, addresses: 2 });
        Report { options, tally, used, away: Vec::new(), left: None }
    }

    #[test]
    fn figures_are_per_second_and_per_query() {
        let mut tally = Tally::new();
        (tally.gets, tally.puts, tally.time) = (900, 100, Duration::from_secs(2));
        tally.latency.record(1500).unwrap();
        let mut report = report(tally);
        assert!(report.is_well());
        let text = report.text(true);
        for part in ["with 16 queries", "500 queries/s", "p50 1.50 ms", "5.00 µs a query"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["queries_per_second"], 500.0);
        assert_eq!(json["server_cpu_us_per_query"], 5.0);

        report.used = report.used.map(|used| Used { queries: 500, watched: 1, ..used });
        let text = report.text(true);
        assert!(text.contains("10.00 µs a query at 1 of 2 addresses"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        report.used = None;
        assert!(report.text(true).contains("unknown: its process"));
    }

    #[test]
    fn it_fits_80_columns() {
        let widest = ["bench", "--connections", "10000", "--pipeline", "1024", "--gets", "100"];
        let widest = widest.into_iter().chain(["--keys", "100000000", "--value-size", "262144"]);
        let Line { options } = Line::parse_from(widest);
        for micros in [1, 999, 12_345, 98_765, 999_499, 60_000_000] {
            let mut tally = Tally::new();
            (tally.gets, tally.puts) = (12_345_678_901, 12_345_678_901);
            tally.time = Duration::from_secs(36_000);
            tally.latency.record(micros).unwrap();
            let text = Report { options: options.clone(), ..report(tally) }.text(true);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert_eq!(text.lines().count(), 5, "nothing is broken: {text}");
        }
    }

    #[test]
    fn times_have_three_digits() {
        for (micros, expected) in [
            (0, "0.00 ms"),
            (1, "0.00 ms"),
            (1_234, "1.23 ms"),
            (9_994, "9.99 ms"),
            (9_999, "10.0 ms"),
            (57_040, "57.0 ms"),
            (99_990, "100 ms"),
            (570_400, "570 ms"),
            (999_500, "1.00 s"),
            (57_040_000, "57.0 s"),
        ] {
            assert_eq!(time(micros), expected);
        }
    }

    #[test]
    fn trouble_is_told_and_is_not_well() {
        let mut tally = Tally::new();
        (tally.lost, tally.trouble) = (1, Some(Failure::protocol("it went away")));
        let mut report = report(tally);
        assert!(!report.is_well());
        let told = "0 queries refused, 1 connection lost: it went away";
        assert!(report.text(true).contains(told));

        let long = "for a reason that is long and winding";
        report.tally.trouble = Some(Failure::protocol(long));
        assert!(report.text(false).contains(long));
        let broken = report.text(true);
        assert!(broken.ends_with("that is long\n              and winding\n"), "{broken}");
    }
}
