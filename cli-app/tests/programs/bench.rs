//! `kv bench`, for as short as it goes: that it measures something, not how much.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Outcome, Running, eventually, kv, run};
use crate::server::{NOBODY, TestServer};

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
    kill_process(Pid::from_raw(running.id()).unwrap(), Signal::INT).unwrap();
    let outcome = running.end();
    assert!(outcome.out.contains("throughput"), "{outcome:?}");
}

#[test]
fn what_cannot_be_measured_is_explained() {
    let outcome = bench(NOBODY, &[]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("cannot be reached"), "{outcome:?}");
    let outcome = bench(NOBODY, &["--gets", "101"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err.contains("101 is not in 0..=100"), "{outcome:?}");
}
