//! Links between real processes: one is killed in the middle of a stream, or far away.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::wait::LIMIT;
use testproxy::Proxy;

/// A process of the program `numbers`, killed with the value.
struct Process {
    child: Child,
    lines: Receiver<(Instant, Line)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Listening,
    Report(String),
    Sent(u64),
    Got(Got),
}

/// What a receiver has got so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Got {
    count: u64,
    first: u64,
    last: u64,
}

impl Process {
    fn start(arguments: &[&str]) -> Result<Process> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_numbers"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .context("numbers does not start")?;
        let output = BufReader::new(child.stdout.take().context("the output is piped")?);
        let (sender, lines) = mpsc::channel();
        // Read at once, so that the times are right and the process never waits for its reader.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line = parse(&line).unwrap_or_else(|| panic!("an unexpected line: {line}"));
                if sender.send((Instant::now(), line)).is_err() {
                    break;
                }
            }
        });
        Ok(Process { child, lines })
    }

    fn receiver(listen: &str, advertise: &str) -> Result<(Process, Instant)> {
        let process = Process::start(&["receive", "--listen", listen, "--advertise", advertise])?;
        let (at, _) = process.wait_for("it to listen", |line| *line == Line::Listening)?;
        Ok((process, at))
    }

    fn wait_for(&self, what: &str, found: impl Fn(&Line) -> bool) -> Result<(Instant, Line)> {
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, line) =
                self.lines.recv_timeout(left).with_context(|| format!("waiting for {what}"))?;
            if found(&line) {
                return Ok((at, line));
            }
        }
    }

    fn wait_for_got(&self, what: &str, found: impl Fn(Got) -> bool) -> Result<(Instant, Got)> {
        match self.wait_for(what, |line| matches!(line, Line::Got(got) if found(*got)))? {
            (at, Line::Got(got)) => Ok((at, got)),
            (_, other) => bail!("{other:?} is no such line"),
        }
    }

    /// SIGKILL; the last that it has said about what it got, if it was not read before.
    fn kill(mut self) -> Result<Option<Got>> {
        self.child.kill()?;
        self.child.wait()?;
        let got = |line| if let Line::Got(got) = line { Some(got) } else { None };
        Ok(self.lines.iter().filter_map(|(_, line)| got(line)).last())
    }

    fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
        Ok(kilobytes.context("no VmRSS")?.trim().parse::<u64>()? << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line, or nothing: numbers in disorder are not parsed, and so end the test.
fn parse(line: &str) -> Option<Line> {
    if let Some(report) = line.strip_prefix("report ") {
        println!("{line}");
        return Some(Line::Report(report.to_string()));
    }
    Some(match line.split(' ').collect::<Vec<_>>()[..] {
        ["listening"] => Line::Listening,
        ["sent", sent] => Line::Sent(sent.parse().ok()?),
        ["got", count, first, last, "increasing"] => Line::Got(Got {
            count: count.parse().ok()?,
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        }),
        _ => return None,
    })
}

/// A free address. Its port lies below those that the operating system gives to outgoing connections, or one of
/// these might take it while the receiver is away.
fn free_address() -> Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut addresses = (0..900).map(|_| {
        let place = NEXT.fetch_add(1, Relaxed) + std::process::id();
        format!("127.0.0.1:{}", 9_000 + place % 900)
    });
    addresses.find(|address| TcpListener::bind(address).is_ok()).context("no port is free")
}

/// A million numbers, 300 MB in all. The receiver is killed in the middle, is away for so long that more than
/// the bound of the sender's queue has to wait, and comes back at the same port.
#[test]
fn a_killed_receiver_comes_back_and_the_stream_goes_on() -> Result<()> {
    const COUNT: u64 = 1_000_000;
    const PADDING: u64 = 300;
    const AWAY: Duration = Duration::from_secs(3);
    let address = free_address()?;
    let (first_life, _) = Process::receiver(&address, &address)?;
    let (count, padding) = (COUNT.to_string(), PADDING.to_string());
    let mut arguments = vec!["send", "--to", &address, "--count", &count, "--padding", &padding];
    arguments.extend(["--burst", "1000", "--every", "8"]);
    let sender = Process::start(&arguments)?;
    let (_, seen) =
        first_life.wait_for_got("a fifth of the numbers", |got| got.count >= COUNT / 5)?;
    let mut most = sender.resident_bytes()?;
    let before = first_life.kill()?.unwrap_or(seen);

    let back_at = Instant::now() + AWAY;
    while Instant::now() < back_at {
        thread::sleep(Duration::from_millis(20));
        most = most.max(sender.resident_bytes()?);
    }
    let (second_life, port_back) = Process::receiver(&address, &address)?;
    let (resumed, beginning) = second_life.wait_for_got("a number after the restart", |_| true)?;
    let (_, end) = second_life.wait_for_got("the last number", |got| got.last == COUNT - 1)?;
    most = most.max(sender.resident_bytes()?);

    let pause = resumed.saturating_duration_since(port_back);
    println!(
        "before: {before:?}; after: {beginning:?} to {end:?}, {pause:?} after the port was back; at most {most} bytes"
    );
    ensure!(pause < Duration::from_secs(2), "delivery resumed {pause:?} after the port was back");
    // Nothing comes twice: what a life has seen is not told to the next.
    ensure!(
        before.first == 0 && before.count == before.last + 1,
        "a gap without a fault: {before:?}"
    );
    ensure!(end.first > before.last, "{} came again after {}", end.first, before.last);
    // The queue is bounded, and what surrounds it is small beside the 300 MB that were sent.
    let bound = 2 * actor::MAX_QUEUED_BYTES as u64 + (32 << 20);
    ensure!(most < bound, "the sender took {most} bytes");
    Ok(())
}

/// 200 ms away, sending waits for nothing: messages are under way at once, and arrive in order.
#[tokio::test(flavor = "multi_thread")]
async fn far_away_messages_keep_their_order_and_do_not_wait_for_each_other() -> Result<()> {
    const COUNT: u64 = 100;
    const LATENCY: Duration = Duration::from_millis(200);
    let listen = free_address()?;
    let proxy = Proxy::start("127.0.0.1:0", &*listen).await?;
    proxy.delay(LATENCY);
    let advertise = proxy.near().to_string();
    let (receiver, _) = Process::receiver(&listen, &advertise)?;
    let count = COUNT.to_string();
    let arguments =
        ["send", "--to", &advertise, "--count", &count, "--burst", "1", "--every", "20"];
    let sender = Process::start(&[&arguments[..], &["--padding", "100"]].concat())?;

    let (last_sent, _) = sender.wait_for("all to be sent", |line| *line == Line::Sent(COUNT))?;
    let mut arrived = Vec::new();
    while arrived.last().is_none_or(|(_, got): &(Instant, Got)| got.count < COUNT) {
        arrived.push(receiver.wait_for_got("all to arrive", |_| true)?);
    }
    let under_way = arrived.iter().take_while(|(at, _)| *at <= last_sent).last();
    let under_way = COUNT - under_way.map_or(0, |(_, got)| got.count);
    let (last_arrived, got) = arrived[arrived.len() - 1];
    let took = last_arrived - last_sent;
    println!("{under_way} were under way when the last was sent, which took {took:?}");
    ensure!(got == Got { count: COUNT, first: 0, last: COUNT - 1 }, "{got:?}");
    ensure!(under_way >= 5, "only {under_way} were under way at once");
    ensure!(took >= LATENCY - Duration::from_millis(10), "faster than the network: {took:?}");
    ensure!(took < 4 * LATENCY, "the last one took {took:?}");
    Ok(())
}

/// Packets disappear, and no machine says so: the silence is noticed, and once the network is back the stream goes
/// on. That the proxy ends the old connection then does not matter: it was given up before.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_link_is_found_and_replaced() -> Result<()> {
    let listen = free_address()?;
    let proxy = Proxy::start("127.0.0.1:0", &*listen).await?;
    let advertise = proxy.near().to_string();
    let (receiver, _) = Process::receiver(&listen, &advertise)?;
    let arguments = ["send", "--to", &advertise, "--count", "1000000000", "--padding", "100"];
    let sender = Process::start(&[&arguments[..], &["--burst", "1", "--every", "10"]].concat())?;
    let (_, before) = receiver.wait_for_got("the stream to flow", |got| got.count >= 50)?;

    proxy.hang();
    let hung = Instant::now();
    let silent = |line: &Line| matches!(line, Line::Report(text) if text.contains("nothing came"));
    let (found, _) = sender.wait_for("the silence to be noticed", silent)?;

    proxy.heal();
    let healed = Instant::now();
    let (resumed, after) = receiver.wait_for_got("a later number", |got| {
        got.last > before.last + 1000 // far beyond what was under way when the network failed
    })?;
    let (noticed, pause) = (found - hung, resumed.saturating_duration_since(healed));
    println!("noticed after {noticed:?}; {pause:?} after the healing: {after:?}");
    ensure!(noticed < Duration::from_secs(15), "half-open for {noticed:?}");
    ensure!(pause < Duration::from_secs(2), "delivery resumed {pause:?} after the healing");
    Ok(())
}
