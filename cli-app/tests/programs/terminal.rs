//! The game in a terminal.

use rustix::process::Signal;

use crate::pty::{CTRL_C, CTRL_D, Terminal};
use crate::server::{NOBODY, TestServer};

fn play(server: &str, name: &str, environment: &[(&str, &str)]) -> Terminal {
    let arguments = ["--server", server, "--name", name];
    Terminal::start(env!("CARGO_BIN_EXE_cmud"), &arguments, environment)
}

#[test]
fn a_game_is_played() {
    let server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.shows("● online");
    it.row("> help, or Tab");
    assert!(!it.is_restored());
    it.types("m\t");
    it.row("  mine  ");
    it.types("ove br\t");
    it.row("> move bridge");
    it.types("\r");
    it.shows("Randy Pausch bridge ──");
    it.types("mine 1000\r");
    it.shows("/1,000");
    it.types("stats\r");
    it.types(CTRL_C);
    it.shows("brought");
    it.shows("Undergraduate, at");
    // Up to the line before the last: what was typed ahead is remembered too.
    it.types("\x1b[A\x1b[A");
    it.row("> mine 1000");
    it.types("\x15");
    it.types(CTRL_D);
    assert_eq!(it.ends(), Some(0));
    assert!(it.contents().contains(cmud::text::GOODBYE[0]));
    assert!(!it.contents().contains("online"), "only the log stays");
    assert!(it.is_restored());
    assert!(it.written.windows(4).any(|bytes| bytes == b"\x1b[32"), "there are colours");
}

#[test]
fn ctrl_c_twice_leaves() {
    let server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.row("> help, or Tab");
    it.types("mine 1000\r");
    it.shows("/1,000");
    it.types(CTRL_C);
    it.row("> Ctrl-C once more");
    it.types(CTRL_C);
    assert_eq!(it.ends(), Some(0));
    assert!(it.is_restored());
}

#[test]
fn the_hint_how_to_leave_goes_when_it_no_longer_applies() {
    let server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.row("> help, or Tab");
    it.types(CTRL_C);
    it.row("> Ctrl-C once more");
    it.hides("once more");
    it.types(CTRL_C);
    it.row("> Ctrl-C once more");
    it.types(CTRL_C);
    assert_eq!(it.ends(), Some(0));
}

#[test]
fn a_window_that_only_looks_learns_that_the_world_came_back_empty() {
    let mut server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.row("> help, or Tab");
    it.shows("── Ada · 0 coins");
    server.kill();
    it.shows("○ offline");
    server.revive();
    it.row("yes/no> ");
    it.shows("never heard of Ada");
    it.hides("── Ada");
    it.types("no\r");
    it.row("name> ");
    it.hides("── Ada");
    it.types(CTRL_D);
    assert_eq!(it.ends(), Some(0));
}

#[test]
fn no_colours_where_none_are_wanted() {
    let server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[("NO_COLOR", "1")]);
    it.row("> help, or Tab");
    it.types("mine 2\r");
    it.shows("2 tries brought");
    it.types(CTRL_D);
    it.ends();
    let written = String::from_utf8(it.written).unwrap();
    let styles = written.split("\x1b[").skip(1).filter(|rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
    });
    assert_eq!(styles.count(), 0);
}

#[test]
fn a_dumb_terminal_gets_plain_lines_and_a_prompt() {
    let server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[("TERM", "dumb")]);
    it.row(">");
    it.types("map\n");
    it.shows("Ada (you");
    it.row(">");
    it.types(CTRL_D);
    assert_eq!(it.ends(), Some(0));
    assert!(!it.written.contains(&0x1b));
}

#[test]
fn a_closed_terminal_ends_it_in_the_middle_of_a_command() {
    let server = TestServer::start();
    for command in ["mine 1000\r", "mi", ""] {
        let mut it = play(&server.address(), "Ada", &[]);
        it.row(">");
        it.types(command);
        if command.ends_with('\r') {
            it.shows("/1,000");
        }
        let status = it.close();
        assert_eq!(status, Some(0), "{command:?}");
    }
}

#[test]
fn a_terminal_that_vanishes_unannounced_ends_it_too() {
    let server = TestServer::start();
    let arguments = ["--server", &server.address(), "--name", "Ada"];
    let mut it = Terminal::start_aloof(env!("CARGO_BIN_EXE_cmud"), &arguments);
    it.row("> help, or Tab");
    assert_eq!(it.close(), Some(0));
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_as_before() {
    let server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.row(">");
    it.types("mine 1000\r");
    it.shows("/1,000");
    it.send(Signal::TERM);
    assert_eq!(it.ends(), Some(0));
    assert!(it.is_restored());
}

#[test]
fn what_others_do_leaves_the_line_being_typed_alone() {
    let server = TestServer::start();
    let mut ada = play(&server.address(), "Ada", &[]);
    ada.row("> help, or Tab");
    ada.types("mine 7");
    let mut grace = play(&server.address(), "Grace", &[]);
    grace.row(">");
    ada.shows("Grace");
    ada.row("> mine 7");
    ada.types("\x15map\r");
    ada.shows("Grace (");
    ada.types(CTRL_D);
    assert_eq!(ada.ends(), Some(0));
}

#[test]
fn a_lost_connection_is_shown_above_the_line_being_typed() {
    let mut server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.row("> help, or Tab");
    it.types("move 9");
    it.row("> move 9");
    server.kill();
    it.shows("○ offline");
    it.row("> move 9");
    it.types("\r");
    it.shows("connection is lost");
    server.revive();
    it.shows("connection is back");
    it.row("yes/no> ");
    it.types("yes\r");
    it.shows("Welcome to the campus, Ada");
    it.types(CTRL_D);
    assert_eq!(it.ends(), Some(0));
}

#[test]
fn a_world_that_is_not_there_can_be_left() {
    let mut it = play(NOBODY, "Ada", &[]);
    it.shows("○ offline");
    it.types(CTRL_C);
    assert_eq!(it.ends(), Some(1));
    assert!(it.is_restored());
    let said = it.contents();
    assert!(!said.contains("student card"), "{said}");
    assert!(said.contains("nothing was played") && !said.contains("keeps your things"), "{said}");
}

#[test]
fn who_leaves_while_the_world_is_away_is_not_promised_too_much() {
    let mut server = TestServer::start();
    let mut it = play(&server.address(), "Ada", &[]);
    it.row("> help, or Tab");
    server.kill();
    it.shows("○ offline");
    it.types("mine 3\r");
    it.shows("connection is lost");
    it.types(CTRL_D);
    assert_eq!(it.ends(), Some(0));
    let said = it.contents();
    assert!(
        said.contains("may be lost. Goodbye!") && !said.contains("keeps your things"),
        "{said}"
    );
}
