//! The game with its lines coming from a pipe.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{self, Outcome, Running, cmud, run};
use crate::server::{NOBODY, TestServer};

fn at(server: &TestServer) -> Command {
    let mut command = cmud();
    command.args(["--server", &server.address()]);
    command
}

fn ada(server: &TestServer) -> Command {
    let mut command = at(server);
    command.args(["--name", "Ada"]);
    command
}

fn send(running: &Running, signal: Signal) {
    kill_process(Pid::from_raw(running.id()).unwrap(), signal).unwrap();
}

#[track_caller]
fn said_goodbye(outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.out.trim_end().ends_with(cmud::text::GOODBYE.last().unwrap()), "{outcome:?}");
}

#[test]
fn a_game_is_played_line_by_line() {
    let server = TestServer::start();
    let outcome = run(&mut at(&server), "Ada\nmove bridge\nmap\nmine 2\nstats\ninv\n");
    said_goodbye(&outcome);
    let place = outcome.out.lines().find(|line| line.starts_with("bridge")).unwrap();
    assert!(place.contains("Ada"), "{place}");
    assert!(outcome.out.contains("2 tries brought"), "{}", outcome.out);
    assert!(!outcome.out.contains(|c: char| c.is_control() && c != '\n'), "{:?}", outcome.out);
}

#[test]
fn a_pipe_gets_sentences_whole() {
    let server = TestServer::start();
    let outcome = run(&mut ada(&server), "move mars\n");
    said_goodbye(&outcome);
    let answer = outcome.out.lines().find(|line| line.contains("‘mars’")).unwrap();
    assert!(answer.contains("fence") && answer.ends_with("9."), "{answer}");
}

#[test]
fn a_character_is_continued() {
    let server = TestServer::start();
    said_goodbye(&run(&mut ada(&server), "move 9\n"));
    let outcome = run(at(&server).args(["--name", "aDA", "--plain"]), "map\n");
    said_goodbye(&outcome);
    let place = outcome.out.lines().find(|line| line.starts_with('9')).unwrap();
    assert!(place.contains("Ada"), "{place}");
}

#[test]
fn no_input_is_a_goodbye() {
    let server = TestServer::start();
    said_goodbye(&run(&mut at(&server), ""));
    said_goodbye(&run(&mut ada(&server), ""));
    said_goodbye(&run(&mut ada(&server), "map"));
}

#[test]
fn nothing_that_is_typed_breaks_it() {
    let server = TestServer::start();
    let mut input =
        b"\n   \n\xff\xfe\nmine abc\nmine -1\nmine 0\nmine 99999999999\nmine 1 2\nbuy\n\
        buy moon\nmove\nmove moon\nmove /\nsolve 0\nfrobnicate\n\x1b[2J\nhelp help help\n"
            .to_vec();
    input.extend("語".repeat(100_000).bytes());
    input.extend(b"\nmove fence\nmap\n");
    let outcome = run(&mut ada(&server), input);
    said_goodbye(&outcome);
    assert!(outcome.out.contains("not UTF-8") && outcome.out.contains("far too long"));
    assert!(outcome.out.lines().any(|line| line.starts_with("fence") && line.contains("Ada")));
    assert!(!outcome.out.contains('\x1b'));
}

#[test]
fn a_bad_name_is_wrong_usage() {
    for name in ["", "a/b", "a b", "Zoë", "abcdefghijklmnopqrstuvwxy", "a\u{1}"] {
        let outcome = run(cmud().args(["--server", NOBODY, "--name", name]), "");
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""), "{name:?}");
        assert!(outcome.err.contains("name"), "{}", outcome.err);
    }
    for args in [&["--nonsense"][..], &["--server", "nowhere"], &["--server", ""], &["word"]] {
        assert_eq!(run(cmud().args(args), "").code, Some(2), "{args:?}");
    }
}

#[test]
fn a_bad_name_on_the_first_line_is_asked_for_again() {
    let server = TestServer::start();
    let outcome = run(&mut at(&server), "a/b\n\nabcdefghijklmnopqrstuvwxy\nGrace\nmap\n");
    said_goodbye(&outcome);
    assert!(outcome.out.contains("Grace (you"), "{}", outcome.out);
}

#[test]
fn a_server_that_is_not_there_is_an_error_within_5_seconds() {
    let started = Instant::now();
    let outcome = run(cmud().args(["--server", NOBODY, "--name", "Ada", "--plain"]), "map\n");
    let took = started.elapsed();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.starts_with("cmud: ") && outcome.err.contains(NOBODY), "{}", outcome.err);
    assert!(!outcome.out.contains(NOBODY), "said twice: {}", outcome.out);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(outcome.out.contains("--server takes several addresses"), "{outcome:?}");
    let two = format!("{NOBODY},{NOBODY}");
    let outcome = run(cmud().args(["--server", &two, "--name", "Ada", "--plain"]), "map\n");
    assert!(!outcome.out.contains("several addresses"), "{outcome:?}");
}

#[test]
fn without_a_server_it_has_a_world_of_its_own() {
    let outcome = run(cmud().args(["--name", "Ada"]), "map\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.lines().next().unwrap().contains("cmud --server 127.0.0.1:"));
    assert!(outcome.out.contains("Ada (you"));
    assert!(outcome.out.contains("ends with the game. Goodbye!"), "{}", outcome.out);
}

#[test]
fn a_world_that_ends_with_the_game_is_not_said_to_keep_anything() {
    let server = TestServer::start();
    let outcome = run(ada(&server).arg("--passing"), "map\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.contains("ends with the game. Goodbye!"), "{}", outcome.out);
    assert!(!outcome.out.contains("keeps your things"), "{}", outcome.out);
}

#[test]
fn a_server_that_dies_is_waited_for_and_the_command_is_not_lost() {
    let mut server = TestServer::start();
    let mut game = Running::start(&mut ada(&server));
    game.types("move bridge\nmap\n");
    game.wait_for("Ada (you");
    server.kill();
    game.types("move fence\n");
    game.wait_for("connection is lost");
    server.revive();
    game.wait_for("connection is back");
    // It came back empty: the character is gone, and that is said.
    game.types("yes\n");
    game.wait_for("Welcome to the campus, Ada");
    game.types("map\n");
    said_goodbye(&game.end());
}

#[test]
fn another_server_is_used_when_one_dies() {
    let server = TestServer::start();
    let both = format!("{NOBODY},{}", server.address());
    let outcome = run(cmud().args(["--server", &both, "--name", "Ada"]), "map\n");
    said_goodbye(&outcome);
    assert!(outcome.out.contains("Ada (you"));
}

#[test]
fn who_is_served_by_another_server_is_told() {
    let mut first = TestServer::start();
    let second = TestServer::joining(&[&first]);
    let both = format!("{},{}", first.address(), second.address());
    let mut game = Running::start(cmud().args(["--server", &both, "--name", "Ada"]));
    game.types("map\n");
    game.wait_for("Ada (you");
    first.kill();
    game.types("stats\n");
    let moved =
        format!("The game goes on at {}, no longer at {}.\n", second.address(), first.address());
    game.wait_for(&moved);
    game.wait_for("Undergraduate, at");
    assert_eq!(game.so_far().matches("goes on at").count(), 1, "{}", game.so_far());
    said_goodbye(&game.end());
}

#[test]
fn ctrl_c_stops_mining_and_twice_leaves() {
    let server = TestServer::start();
    let mut game = Running::start(&mut ada(&server));
    game.types("map\nmine 1000\n");
    game.wait_for("Ada (you");
    game.wait_for("Mining: ");
    send(&game, Signal::INT);
    game.wait_for("brought");
    game.types("stats\n");
    game.wait_for("Undergraduate, at");
    send(&game, Signal::INT);
    program::eventually(|| game.so_far().matches("once more").count() == 2, || "a hint".to_owned());
    send(&game, Signal::INT);
    said_goodbye(&game.ends());
}

#[test]
fn signals_that_end_programs_are_a_goodbye() {
    for signal in [Signal::TERM, Signal::HUP] {
        let server = TestServer::start();
        let mut game = Running::start(&mut ada(&server));
        game.types("map\nmine 1000\nmine 1000\n");
        game.wait_for("Ada (you");
        send(&game, signal);
        let outcome = game.ends();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{signal:?}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let server = TestServer::start();
    let mut game = ada(&server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(game.stdout.take());
    let _input = game.stdin.take();
    assert_eq!(program::wait(&mut game).code(), Some(0));
    let mut err = String::new();
    std::io::Read::read_to_string(&mut game.stderr.take().unwrap(), &mut err).unwrap();
    assert_eq!(err, "");
}
