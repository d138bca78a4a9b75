//! `kv bench`, for as short as it goes: that it measures something, not how much.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Outcome, Running, eventually, kv, run};
use crate::pty::Terminal;
use crate::server::{NOBODY, TestServer};

/// After the keys are written, something has been measured within this time.
const MEASURES: Duration = Duration::from_millis(500);

fn bench(server: &str, args: &[&str]) -> Outcome {
    let mut command = kv();
    command.args(["--server", server, "bench", "--connections", "2", "--keys", "20"]).args(args);
    run(&mut command, "")
}

#[test]
fn a_load_is_measured_and_leaves_nothing() {
    let server = TestServer::start();
    let outcome = bench(&server.address(), &["--pipeline", "8", "--seconds", "1", "--json"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.out).unwrap();
    for figure in ["gets", "puts", "queries_per_second"] {
        assert!(report[figure].as_f64().unwrap() > 0.0, "{figure} in {report}");
    }
    let left = run(kv().args(["--server", &server.address(), "list"]), "");
    assert_eq!(left.out, "");
}

#[test]
fn an_interrupt_prints_what_was_measured() {
    let server = TestServer::start();
    let mut command = kv();
    command.args(["--server", &server.address(), "bench", "--keys", "2", "--seconds", "3600"]);
    command.args(["--keep", "--prefix", "its/"]);
    let running = Running::start(&mut command);
    // The keys are there before the load is.
    let is_filled = || {
        let listed = run(kv().args(["--server", &server.address(), "list", "its/"]), "");
        listed.out.lines().count() == 2
    };
    eventually(is_filled, || "the keys are written".to_owned());
    sleep(MEASURES);
    kill_process(Pid::from_raw(running.id()).unwrap(), Signal::INT).unwrap();
    let outcome = running.end();
    assert!(outcome.out.contains("throughput"), "{outcome:?}");
}

/// Interrupts a load on so many keys as soon as the first one is there. What was printed is
/// returned; no key is left.
fn interrupted(server: &TestServer, keys: &str, signal: Signal) -> Outcome {
    let at = ["--server", &server.address()].map(str::to_owned);
    let mut command = kv();
    command.args(&at).args(["bench", "--keys", keys, "--prefix", "its/", "--seconds", "3600"]);
    let running = Running::start(&mut command);
    let has_begun = || run(kv().args(&at).args(["get", "its/0"]), "").code == Some(0);
    eventually(has_begun, || "the first key is written".to_owned());
    kill_process(Pid::from_raw(running.id()).unwrap(), signal).unwrap();
    let outcome = running.end();
    assert_eq!(run(kv().args(&at).args(["list"]), "").out, "");
    outcome
}

#[test]
fn an_interrupt_leaves_no_keys() {
    let server = TestServer::start();
    let outcome = interrupted(&server, "10", Signal::INT);
    assert!(outcome.out.contains("10 keys"), "{outcome:?}");
    for signal in [Signal::INT, Signal::TERM] {
        let outcome = interrupted(&server, "10000000", signal);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.out.contains("interrupted before the load began"), "{outcome:?}");
    }
}

#[test]
fn what_was_measured_before_the_server_died_is_printed() {
    let mut server = TestServer::start();
    let mut command = kv();
    command.args(["--server", &server.address(), "bench", "--keys", "2", "--seconds", "3600"]);
    let running = Running::start(command.args(["--connections", "2", "--gets", "0"]));
    let value = || run(kv().args(["--server", &server.address(), "--json", "list"]), "").out;
    eventually(|| value().contains("bench/1"), || "the keys are written".to_owned());
    sleep(MEASURES);
    server.kill();
    let outcome = running.end();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let parts =
        ["throughput", "2 connections lost", "left", "\"bench/\" may be left", "--prefix bench/"];
    for part in parts {
        assert!(outcome.out.contains(part), "{part} in {outcome:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_named_and_not_used() {
    let server = TestServer::start();
    let both = format!("{NOBODY},{}", server.address());
    let outcome = bench(&both, &["--seconds", "1"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.out.contains("not used    127.0.0.1:1 cannot be reached"), "{outcome:?}");
}

#[test]
fn somebody_at_a_terminal_is_told_how_far_it_is() {
    let server = TestServer::start();
    let at = server.address();
    let arguments = ["--server", &at, "bench", "--keys", "20", "--seconds", "3"];
    let mut it = Terminal::start(env!("CARGO_BIN_EXE_kv"), &arguments, &[]);
    it.shows("load: 1 of 3 s");
    it.shows("throughput");
    assert_eq!(it.ends(), Some(0));
}

#[test]
fn a_port_where_servers_meet_is_called_that() {
    let server = TestServer::start();
    for task in [&["bench"][..], &["status"]] {
        let outcome = run(kv().args(["--server", &server.where_servers_meet()]).args(task), "");
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        for part in ["where servers meet", "the ports after it"] {
            assert!(outcome.err.contains(part), "{part} in {outcome:?}");
        }
    }
}

#[test]
fn what_cannot_be_measured_is_explained() {
    let outcome = bench(NOBODY, &[]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("cannot be reached"), "{outcome:?}");
    let outcome = bench(NOBODY, &["--json"]);
    let error: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(error["error"]["kind"], "unreachable", "{error}");
    assert!(error["error"]["message"].is_string(), "{error}");
    let outcome = bench(NOBODY, &["--gets", "101"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err.contains("101 is not in 0..=100"), "{outcome:?}");
}
