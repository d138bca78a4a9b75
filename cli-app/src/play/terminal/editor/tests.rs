use super::*;

/// Types a script: a key in angle brackets, or text.
struct Typist {
    editor: Editor,
    actions: Vec<Action>,
}

const WORDS: [&str; 5] = ["map", "mine", "move", "move 3", "shop"];

fn candidates(line: &str, cursor: usize) -> Candidates {
    let fitting = WORDS.iter().filter(|word| word.starts_with(&line[..cursor]));
    (0, fitting.map(|word| (*word).to_owned()).collect())
}

fn key(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.split_once('-') {
        Some(("C", rest)) => (KeyModifiers::CONTROL, rest),
        Some(("M", rest)) => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "esc" => KeyCode::Esc,
        _ => KeyCode::Char(name.chars().next().expect("a key has a name")),
    };
    KeyEvent::new(code, modifiers)
}

impl Typist {
    fn new() -> Self {
        Self { editor: Editor::new(), actions: Vec::new() }
    }

    fn types(mut self, script: &str) -> Self {
        let mut rest = script;
        while let Some(c) = rest.chars().next() {
            let event = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((name, after)) => {
                    rest = after;
                    key(name)
                }
                None => {
                    rest = &rest[c.len_utf8()..];
                    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
                }
            };
            let action = self.editor.key(event, candidates);
            if let Action::Submit(line) = &action {
                self.editor.remember(Prompt::Command, line);
            }
            if action != Action::Edited {
                self.actions.push(action);
            }
        }
        self
    }

    /// The line with a bar where the cursor is.
    fn line(&self) -> String {
        let (before, after) = self.editor.text().split_at(self.editor.cursor());
        format!("{before}|{after}")
    }

    fn menu(&self) -> String {
        let Some(menu) = self.editor.menu() else { return String::new() };
        let entries = menu
            .entries()
            .map(|(word, chosen)| if chosen { format!("[{word}]") } else { word.to_owned() });
        entries.collect::<Vec<_>>().join(" ")
    }
}

#[track_caller]
fn check(script: &str, line: &str) {
    assert_eq!(Typist::new().types(script).line(), line, "{script}");
}

#[test]
fn keys_edit_the_line() {
    check("mine 1<left>2", "mine 2|1");
    check("mine<home>x<end>y", "xminey|");
    check("ab<C-a><delete>", "|b");
    check("ab<backspace><backspace><backspace>", "|");
    check("buy gpu<C-w>cpu", "buy cpu|");
    check("buy gpu<C-left><C-k>", "buy |");
    check("buy gpu<C-u>", "|");
    check("buy gpu<C-w><C-y><C-y>", "buy gpugpu|");
    check("buy gpu<M-b><M-b><M-d>sell", "sell| gpu");
    check("näïve🎓<left><backspace>", "näïv|🎓");
    check("a<esc><C-x><M-q>b", "ab|");
}

#[test]
fn enter_finishes_the_line() {
    let typist = Typist::new().types("map<enter><enter>mine 3<C-j>");
    let lines = ["map", "", "mine 3"].map(|line| Action::Submit(line.to_owned()));
    assert_eq!(typist.actions, lines);
    assert_eq!(typist.line(), "|");
}

#[test]
fn ctrl_c_drops_the_line_and_ctrl_d_ends_an_empty_one() {
    let typist = Typist::new().types("map<C-c><C-d>");
    assert_eq!(typist.actions, [Action::Interrupt, Action::End]);
    let typist = Typist::new().types("map<home><C-d>");
    assert_eq!((typist.actions.as_slice(), typist.line()), ([].as_slice(), "|ap".to_owned()));
}

#[test]
fn arrows_walk_through_lines_that_start_the_same() {
    let past = "mine 1<enter>map<enter>map<enter><enter>mine 2<enter>";
    check(&format!("{past}<up>"), "mine 2|");
    check(&format!("{past}<up><up>"), "map|");
    check(&format!("{past}<up><up><up><up>"), "mine 1|");
    check(&format!("{past}m<up><up><down><down>"), "m|");
    check(&format!("{past}mi<up><up>"), "mine 1|");
    check(&format!("{past}x<up>"), "x|");
    check(&format!("{past}draft<down>"), "draft|");
    check(&format!("{past}<up>0<up>"), "mine 20|");
}

#[test]
fn tab_completes_what_is_certain_and_offers_the_rest() {
    check("sh<tab>", "shop |");
    check("x<tab>", "x|");
    let typist = Typist::new().types("mo<tab>");
    assert_eq!((typist.line(), typist.menu()), ("move|".to_owned(), "move move 3".to_owned()));
    let typist = typist.types("<tab><tab>");
    assert_eq!((typist.line(), typist.menu()), ("move 3|".to_owned(), "move [move 3]".to_owned()));
    let typist = typist.types("<tab><backtab>1");
    assert_eq!((typist.line(), typist.menu()), ("move 31|".to_owned(), String::new()));
}

#[test]
fn tab_leaves_what_follows_the_cursor() {
    check("sh 5<left><left><tab>", "shop | 5");
    let typist = Typist::new().types("m 5<left><left><tab><tab><tab>");
    assert_eq!(typist.line(), "mine| 5");
}

#[test]
fn pasted_lines_are_finished_and_the_rest_is_kept() {
    let mut editor = Editor::new();
    assert_eq!(editor.paste("map\r\nmine\t3\nsh\u{1b}op"), ["map", "mine 3"]);
    assert_eq!(editor.text(), "shop");
}

#[test]
fn a_line_is_bounded() {
    let mut editor = Editor::new();
    editor.paste(&"🎓".repeat(1000));
    assert!(editor.text().len() <= MAX_LINE_BYTES && editor.text().len() > MAX_LINE_BYTES - 8);
}
