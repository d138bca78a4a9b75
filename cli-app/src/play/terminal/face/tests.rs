use cmud::{Line, Tone};
use crossterm::event::{KeyCode, KeyModifiers};

use super::*;

fn face(prompt: Prompt) -> Face {
    let mut face = Face::new(Link::Idle);
    face.view(View::Prompt(prompt));
    face
}

fn control(letter: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)
}

fn types(face: &mut Face, text: &str) {
    for c in text.chars() {
        assert_eq!(face.key(KeyEvent::from(KeyCode::Char(c))), None);
    }
}

fn enter(face: &mut Face) -> Option<Wish> {
    face.key(KeyEvent::from(KeyCode::Enter))
}

fn said(text: &str) -> Option<Wish> {
    Some(Wish::Tell(UserInput::Line(text.to_owned())))
}

/// The rows of a frame, log and block, without colours.
fn rows(frame: &Frame) -> (Vec<String>, Vec<String>) {
    let text = |row: &Row| {
        let mut text = String::new();
        row.render(false, &mut text);
        text
    };
    (frame.log.iter().map(text).collect(), frame.block.iter().map(text).collect())
}

#[test]
fn what_is_said_and_typed_becomes_the_log() {
    let mut face = face(Prompt::Command);
    face.view(View::Show(Line { tone: Tone::Say, text: "one two three".to_owned() }));
    types(&mut face, "map");
    assert_eq!(enter(&mut face), said("map"));
    face.view(View::Taken("map".to_owned()));
    let (log, block) = rows(&face.frame(8));
    assert_eq!(log, ["one two", "three", "", "> map"]);
    assert_eq!(block.len(), 2);
    assert_eq!(rows(&face.frame(8)).0, [""; 0], "the log is handed out once");
}

#[test]
fn an_empty_line_is_told_but_leaves_no_trace() {
    let mut face = face(Prompt::Busy);
    assert_eq!(enter(&mut face), said(""));
    assert_eq!(rows(&face.frame(40)).0, [""; 0]);
}

#[test]
fn a_bar_stands_above_the_line_while_something_is_going_on() {
    let mut face = face(Prompt::Busy);
    let label = "Mining".to_owned();
    face.view(View::Progress(Some(Progress { label, done: 1, total: 2, note: String::new() })));
    assert!(face.moves());
    let frame = face.frame(79);
    let (_, block) = rows(&frame);
    assert!(block[0].contains("Mining") && block[0].contains("1/2"), "{block:?}");
    assert!(block[2].contains("Ctrl-C stops"), "{block:?}");
    assert_eq!(frame.cursor, (2, 2));
    face.view(View::Progress(None));
    assert!(!face.moves());
    assert_eq!(face.frame(79).block.len(), 2);
}

#[test]
fn ctrl_c_stops_what_is_going_on_and_twice_leaves() {
    let mut face = face(Prompt::Busy);
    assert_eq!(face.key(control('c')), Some(Wish::Tell(UserInput::Interrupt)));
    assert!(rows(&face.frame(79)).1[1].contains("once more"));
    assert_eq!(face.key(control('c')), Some(Wish::Leave));
    assert!(rows(&face.frame(79)).1[1].contains("leaving"));
}

#[test]
fn a_warning_holds_until_it_lapses_or_something_else_is_entered() {
    for end in [Face::lapse, |face: &mut Face| drop(face.paste("map\n"))] {
        let mut face = face(Prompt::Command);
        face.key(control('c'));
        assert!(face.is_warned());
        end(&mut face);
        assert!(!face.is_warned() && !rows(&face.frame(79)).1[1].contains("once more"));
        assert_eq!(face.key(control('c')), None);
        assert_eq!(face.key(control('c')), Some(Wish::Leave));
    }
}

#[test]
fn ctrl_c_at_the_prompt_drops_the_line_first() {
    let mut face = face(Prompt::Command);
    types(&mut face, "mine 1");
    assert_eq!(face.key(control('c')), None);
    types(&mut face, "ma");
    assert_eq!(face.key(control('c')), None, "typing in between makes it a first one again");
    assert_eq!(face.key(control('c')), Some(Wish::Leave));
}

#[test]
fn ctrl_c_while_typing_ahead_drops_the_line_too() {
    let mut face = face(Prompt::Busy);
    types(&mut face, "ma");
    assert_eq!(face.key(control('c')), Some(Wish::Tell(UserInput::Interrupt)));
    assert_eq!(enter(&mut face), said(""));
}

#[test]
fn ctrl_d_leaves_only_from_an_empty_line() {
    let mut face = face(Prompt::Command);
    types(&mut face, "x");
    assert_eq!(face.key(control('d')), None);
    assert_eq!(face.key(control('u')), None);
    assert_eq!(face.key(control('d')), Some(Wish::Leave));
}

#[test]
fn names_are_not_commands_to_remember() {
    let mut face = face(Prompt::Name);
    types(&mut face, "ada");
    enter(&mut face);
    face.view(View::Prompt(Prompt::Command));
    face.key(KeyEvent::from(KeyCode::Up));
    assert!(!rows(&face.frame(79)).1[1].contains("ada"));
}

#[test]
fn pasted_lines_are_done_one_after_the_other() {
    let mut face = face(Prompt::Command);
    let wishes = face.paste("map\nmine 2\nsh");
    assert_eq!(wishes, ["map", "mine 2"].map(|line| said(line).unwrap()));
    assert_eq!(rows(&face.frame(79)).1[1], "> sh");
}

#[test]
fn a_line_typed_ahead_is_a_hint_and_joins_the_log_when_its_turn_comes() {
    let mut face = face(Prompt::Busy);
    types(&mut face, "map");
    assert_eq!(enter(&mut face), said("map"));
    face.view(View::Waiting(vec!["map".to_owned(), "inv".to_owned()]));
    let (log, block) = rows(&face.frame(79));
    assert_eq!((log.as_slice(), block[1].as_str()), (&[][..], "> then: map, inv"));
    for view in [
        View::Prompt(Prompt::Problem),
        View::Taken("map".to_owned()),
        View::Prompt(Prompt::Busy),
        View::Waiting(Vec::new()),
        View::Taken("stop".to_owned()),
    ] {
        face.view(view);
    }
    let (log, block) = rows(&face.frame(79));
    assert_eq!(log, ["", "solve> map", "", "> stop"]);
    assert_eq!(block[1], "> ");
}
