//! `kv` from a shell and in a script.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{self, Outcome, PATIENCE, kv, run};
use crate::pty::{CTRL_C, CTRL_D, Terminal};
use crate::server::{NOBODY, TestServer};

fn at(server: &str, args: &[&str]) -> Command {
    let mut command = kv();
    command.args(["--server", server]).args(args);
    command
}

/// One command, answered in plain text.
fn plain(server: &TestServer, args: &[&str]) -> (i32, String, String) {
    let Outcome { code, out, err } = run(&mut at(&server.address(), args), "");
    (code.unwrap(), out, err)
}

/// Commands on standard input, answered in JSON.
fn batch(server: &str, input: impl AsRef<[u8]>) -> (i32, Vec<Value>) {
    let outcome = run(&mut at(server, &["--json"]), input);
    assert_eq!(outcome.err, "");
    let answers = outcome.out.lines().map(|line| serde_json::from_str(line).expect(line));
    (outcome.code.unwrap(), answers.collect())
}

fn json_answer(server: &str, args: &[&str]) -> (i32, Value) {
    let outcome = run(at(server, args).arg("--json"), "");
    assert_eq!((outcome.err.as_str(), outcome.out.lines().count()), ("", 1), "{outcome:?}");
    (outcome.code.unwrap(), serde_json::from_str(&outcome.out).unwrap())
}

#[track_caller]
fn is_stamp(text: &str) {
    text.parse::<kvcommon::Stamp>().expect(text);
}

#[test]
fn every_command_answers_in_plain_text() {
    let server = TestServer::start();
    let (code, out, err) = plain(&server, &["get", "a"]);
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", "There is no such key.\n"));
    let (code, out, err) = plain(&server, &["put", "a", "two\nlines"]);
    assert_eq!((code, err.as_str()), (0, ""));
    is_stamp(out.strip_prefix("stored as ").unwrap().trim_end());
    assert_eq!(plain(&server, &["get", "a"]), (0, "two\nlines\n".to_owned(), String::new()));
    plain(&server, &["put", "b", "tab\tand \\"]);
    let listed = "a\ttwo\\nlines\nb\ttab\\tand \\\\\n".to_owned();
    assert_eq!(plain(&server, &["list"]), (0, listed, String::new()));
    assert_eq!(plain(&server, &["list", "b"]).1, "b\ttab\\tand \\\\\n");
    assert_eq!(plain(&server, &["list", "none"]), (0, String::new(), String::new()));
    let (code, out, _) = plain(&server, &["delete", "a"]);
    assert_eq!(code, 0);
    is_stamp(out.strip_prefix("deleted as ").unwrap().trim_end());
    assert_eq!(plain(&server, &["get", "a"]).0, 1);
    assert_eq!(plain(&server, &["delete", "a"]).0, 0, "a key that is not there can be deleted");
}

#[test]
fn every_command_answers_in_json() {
    let server = TestServer::start();
    let server = server.address();
    assert_eq!(json_answer(&server, &["get", "k"]), (1, json!({"value": null})));
    let (code, stored) = json_answer(&server, &["put", "k", "ä \"q\" \n🎓"]);
    assert_eq!((code, stored.as_object().unwrap().len()), (0, 1));
    is_stamp(stored["stamp"].as_str().unwrap());
    assert_eq!(json_answer(&server, &["get", "k"]), (0, json!({"value": "ä \"q\" \n🎓"})));
    json_answer(&server, &["put", "K2", ""]);
    let all = json!({"entries": {"K2": "", "k": "ä \"q\" \n🎓"}});
    assert_eq!(json_answer(&server, &["list"]), (0, all));
    assert_eq!(json_answer(&server, &["list", "K"]), (0, json!({"entries": {"K2": ""}})));
    let (code, deleted) = json_answer(&server, &["delete", "k"]);
    assert_eq!(code, 0);
    is_stamp(deleted["stamp"].as_str().unwrap());
}

#[test]
fn a_server_tells_how_it_is() {
    let server = TestServer::start();
    let mut outcome = plain(&server, &["status"]);
    let started = Instant::now();
    // It has just started.
    while outcome.2.contains("not ready") {
        assert!(started.elapsed() < PATIENCE, "{outcome:?}");
        outcome = plain(&server, &["status"]);
    }
    let (code, out, err) = outcome;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains(": ready, 1 actor, 0 keys ("), "{out}");
    assert!(out.ends_with(" ago)\nThere are no other servers.\n"), "{out}");
    let (code, answer) = json_answer(&server.address(), &["status"]);
    assert!(code == 0 && answer["age_ms"].is_u64(), "{answer}");
    assert_eq!(answer["status"]["members"], json!([]));
    assert_eq!(answer["status"]["actors"], 1);

    let (code, out, err) = plain(&server, &["forget", "nobody:6000"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("no member nobody:6000"), "{err}");
    let (code, answers) = batch(&server.address(), "status\nforget nobody:6000\nstatus now\n");
    assert_eq!(code, 1);
    assert!(answers[0]["status"]["ready"] == true, "{answers:?}");
    assert_eq!(answers[1]["error"]["kind"], "invalid");
    assert_eq!(answers[2]["error"]["message"], "status takes nothing, but 1 word follows it.");
}

#[test]
fn keys_are_listed_in_the_order_of_their_bytes() {
    let server = TestServer::start();
    let keys = ["ä", "a", "B", "a/b", "z", "🎓", "0"];
    let puts: String = keys.iter().map(|key| format!("put {key} x\n")).collect();
    assert_eq!(batch(&server.address(), puts).0, 0);
    let out = run(&mut at(&server.address(), &["--json", "list"]), "").out;
    let expected = r#"{"entries":{"0":"x","B":"x","a":"x","a/b":"x","z":"x","ä":"x","🎓":"x"}}"#;
    assert_eq!(out.trim_end(), expected);
}

#[test]
fn a_batch_goes_on_after_an_error_and_ends_with_1() {
    let server = TestServer::start();
    let input = b"put a 'one two'\n\n# a comment\nget a\nfrobnicate\nput a\nget 'a\nget \"\"\n\xff\xfe\nget b\nlist\n";
    let (code, answers) = batch(&server.address(), input);
    assert_eq!(code, 1);
    is_stamp(answers[0]["stamp"].as_str().unwrap());
    assert_eq!(answers[1], json!({"value": "one two"}));
    for answer in &answers[2..7] {
        assert_eq!(answer["error"]["kind"], "invalid", "{answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(answers[7..], [json!({"value": null}), json!({"entries": {"a": "one two"}})]);
}

#[test]
fn a_batch_in_which_only_a_key_is_missing_ends_with_0() {
    let server = TestServer::start();
    assert_eq!(batch(&server.address(), "get nothing"), (0, vec![json!({"value": null})]));
    let outcome = run(&mut at(&server.address(), &[]), "get nothing\nput a b\nget a\n");
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), "There is no such key.\n"));
    assert_eq!(outcome.out.lines().last(), Some("b"));
    assert_eq!(batch(&server.address(), ""), (0, vec![]));
}

#[test]
fn a_batch_knows_help_and_quit_too() {
    let server = TestServer::start();
    let outcome = run(&mut at(&server.address(), &[]), "put a b\n help \nquit\nput a c\n");
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.out.contains("put     KEY VALUE"), "{}", outcome.out);
    assert_eq!(plain(&server, &["get", "a"]).1, "b\n");
    let (code, answers) = batch(&server.address(), "get a\nhelp\nfrobnicate\nexit\nget a\n");
    assert_eq!((code, answers.len()), (1, 3), "{answers:?}");
    assert!(answers[1]["help"].as_str().unwrap().contains("KEY VALUE"), "{answers:?}");
}

#[test]
fn each_answer_comes_before_the_next_command_is_given() {
    let server = TestServer::start();
    let mut child = at(&server.address(), &["--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = BufReader::new(output).lines();
    for round in 0..20 {
        writeln!(input, "put k {round}").unwrap();
        answers.next().unwrap().unwrap();
        writeln!(input, "get k").unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), format!(r#"{{"value":"{round}"}}"#));
    }
    drop(input);
    assert!(program::wait(&mut child).success());
}

#[test]
fn limits_are_kept_and_reached() {
    let server = TestServer::start();
    let (key, value) = ("k".repeat(1024), "'".repeat(256 * 1024));
    let quoted: String = value.chars().map(|_| "\\'").collect();
    let (code, answers) = batch(
        &server.address(),
        format!("put {key} {quoted}\nget {key}\nput {key}x 1\nput a {quoted}x\n"),
    );
    assert_eq!(code, 1);
    is_stamp(answers[0]["stamp"].as_str().unwrap());
    assert_eq!(answers[1], json!({ "value": value }));
    assert_eq!(answers[2]["error"]["kind"], "too_large");
    assert_eq!(answers[3]["error"]["kind"], "too_large");
    let endless = "x".repeat(3 * 1024 * 1024);
    let (code, answers) = batch(&server.address(), format!("put a {endless}\nget a\n"));
    assert_eq!((code, answers.len()), (1, 2));
    assert_eq!(answers[0]["error"]["kind"], "too_large");
    assert_eq!(answers[1], json!({"value": null}));
}

#[test]
fn words_that_look_like_options_can_be_stored() {
    let server = TestServer::start();
    assert_eq!(plain(&server, &["put", "-k", "-5"]).0, 0);
    assert_eq!(plain(&server, &["get", "-k"]).1, "-5\n");
    assert_eq!(plain(&server, &["put", "--", "--json", "--help"]).0, 0);
    assert_eq!(plain(&server, &["get", "--", "--json"]).1, "--help\n");
    assert_eq!(batch(&server.address(), "get --json").1, [json!({"value": "--help"})]);
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let (code, answer) = json_answer(NOBODY, &["get", "k"]);
    assert_eq!((code, &answer["error"]["kind"]), (1, &json!("unreachable")));
    assert!(answer["error"]["message"].as_str().unwrap().contains(NOBODY));
    let outcome = run(&mut at(NOBODY, &["get", "k"]), "");
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.starts_with("error: "), "{}", outcome.err);
    let (code, answers) = batch(NOBODY, "get a\nlist\n");
    assert_eq!((code, answers.len()), (1, 2));
}

#[test]
fn of_several_servers_that_are_not_there_all_are_named() {
    let (code, answer) = json_answer(&format!("{NOBODY},127.0.0.1:2"), &["status"]);
    assert_eq!((code, &answer["error"]["kind"]), (1, &json!("unreachable")));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("127.0.0.1:1 ") && message.contains("127.0.0.1:2 "), "{message}");
}

#[test]
fn another_address_is_asked_when_one_fails() {
    let server = TestServer::start();
    let both = format!("{NOBODY},{}", server.address());
    assert_eq!(json_answer(&both, &["get", "k"]), (1, json!({"value": null})));
    let (code, answers) = batch(&both, "put k v\nget k\n");
    assert_eq!((code, &answers[1]), (0, &json!({"value": "v"})));
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in [
        &["frobnicate"][..],
        &["get"],
        &["put", "k"],
        &["get", "k", "l"],
        &["--nonsense"],
        &["--server", "nowhere", "list"],
        &["--server", "a:1,,b:2", "list"],
        &["--server", "", "list"],
    ] {
        let outcome = run(kv().args(args), "");
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!outcome.err.is_empty());
    }
    let help = run(kv().arg("--help"), "");
    assert_eq!(help.code, Some(0));
    for said in ["stored as STAMP", "deleted as STAMP"] {
        assert!(help.out.contains(said), "{said}: {}", help.out);
    }
}

#[test]
fn wrong_usage_is_json_for_programs() {
    for (args, said) in [
        (&["--json", "frobnicate"][..], "'frobnicate'"),
        (&["--json", "lst"], "'lst'; tip: a similar subcommand exists: 'list'"),
        (&["--json", "get"], "<KEY>"),
        (&["get", "--json"], "<KEY>"),
        (&["put", "k", "v", "w", "--json"], "'w'"),
        (&["--json", "--server", "nowhere", "list"], "HOST:PORT"),
        (&["--json", "bench", "--keys", "0"], "--keys"),
    ] {
        let outcome = run(kv().args(args), "");
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(2), ""), "{outcome:?}");
        let answer: Value = serde_json::from_str(&outcome.out).expect(&outcome.out);
        assert_eq!(answer["error"]["kind"], "invalid");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(said) && !message.contains("Usage"), "{message}");
        assert!(!message.starts_with("error") && !message.contains('\n'), "{message}");
    }
    // Here it is a word, and help is for people.
    let outcome = run(kv().args(["frobnicate", "--", "--json"]), "");
    assert!(outcome.out.is_empty() && outcome.err.contains("Usage"), "{outcome:?}");
    let outcome = run(kv().args(["--json", "--help"]), "");
    assert!(outcome.code == Some(0) && outcome.out.contains("Usage"), "{outcome:?}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let server = TestServer::start();
    let mut running = at(&server.address(), &["--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(running.stdout.take());
    let mut input = running.stdin.take().unwrap();
    for _ in 0..1000 {
        if input.write_all(b"list\n").is_err() {
            break;
        }
    }
    drop(input);
    let output = running.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_person_gets_a_prompt_with_completion_and_history() {
    let server = TestServer::start();
    let mut it = Terminal::start(env!("CARGO_BIN_EXE_kv"), &["--server", &server.address()], &[]);
    it.row("kv>");
    // Typed faster than it is answered; nothing of it is lost.
    it.types("p\ta 'two words'\rget a\rget b\rfrobnicate\rlist\r");
    it.shows("a       two words");
    for text in ["stored as", "\ntwo words", "no such key", "no command \"frobnicate\""] {
        it.shows(text);
    }
    it.types("help\rdrop this");
    it.shows("put     KEY VALUE");
    it.row("kv> drop this");
    it.types(CTRL_C);
    it.until(|screen| screen.ends_with("drop this\nkv> "));
    it.types("\x1b[A\x1b[A");
    it.row("kv> list");
    it.types("\x15");
    it.types(CTRL_D);
    assert_eq!(it.ends(), Some(0));
    assert!(it.is_restored());
}

#[test]
fn a_signal_at_the_prompt_leaves_the_terminal_as_it_was() {
    let server = TestServer::start();
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let arguments = ["--server", &server.address()];
        let mut it = Terminal::start(env!("CARGO_BIN_EXE_kv"), &arguments, &[]);
        it.row("kv>");
        it.types("put half");
        it.row("kv> put half");
        assert!(!it.is_restored());
        it.send(signal);
        assert_eq!(it.ends(), Some(code));
        assert!(it.is_restored());
    }
}
