use super::*;

fn text(row: &Row) -> String {
    let mut text = String::new();
    row.render(false, &mut text);
    text
}

fn progress(done: u64, total: u64, note: &str) -> Progress {
    Progress { label: "Mining".to_owned(), done, total, note: note.to_owned() }
}

fn ada() -> Status {
    Status {
        name: "Ada".parse().unwrap(),
        rank: cmud::Rank::Undergraduate,
        coins: 1234,
        power: 3,
        hardware: cmud::Hardware::default(),
        place: cmud::Place::Floor5,
    }
}

#[test]
fn a_bar_fills_to_an_eighth_of_a_column() {
    let at = |done, total, width| text(&bar(&progress(done, total, ""), 0, width));
    assert_eq!(at(0, 4, 30), "⠋ Mining  ···············  0/4");
    assert_eq!(at(1, 4, 30), "⠋ Mining  ███▊···········  1/4");
    assert_eq!(at(4, 4, 30), "⠋ Mining  ███████████████  4/4");
    assert_eq!(at(9, 4, 30), "⠋ Mining  ███████████████  9/4");
    assert_eq!(at(0, 0, 30), "⠋ Mining  ···············  0/0");
    assert_eq!(at(u64::MAX, u64::MAX, 20).chars().count(), 20);
}

#[test]
fn a_bar_gives_way_to_what_it_says() {
    let at = |width| text(&bar(&progress(7, 20, "12 coins"), 1, width));
    assert_eq!(at(200), format!("⠙ Mining  {}{}  7/20  12 coins", "█".repeat(14), "·".repeat(26)));
    assert_eq!(at(40), "⠙ Mining  ████▉·········  7/20  12 coins");
    assert_eq!(at(26), "⠙ Mining    7/20  12 coins");
    assert_eq!(at(15), "⠙ Mining    7/…");
    assert_eq!(at(0), "");
}

#[test]
fn the_rule_keeps_what_matters_most() {
    let live = Link::Live { addr: "a:1".parse().unwrap() };
    let at = |width| text(&rule(Some(&ada()), &live, width));
    assert_eq!(
        at(79),
        "── Ada · 1,234 coins · Undergraduate · Gates, floor 5 · power 3 ─── ● online ──"
    );
    assert_eq!(at(60), "── Ada · 1,234 coins · Undergraduate ─────────── ● online ──");
    assert_eq!(at(30), "── Ada ─────────── ● online ──");
    for width in 0..200 {
        let row = rule(Some(&ada()), &live, width);
        assert!(row.width() <= width, "{width}");
        assert!(width < 14 || row.width() == width, "{width}: {}", text(&row));
    }
    assert_eq!(text(&rule(None, &Link::Idle, 20)), "────────── ○ idle ──");
}

#[test]
fn a_long_line_shows_what_is_around_the_cursor() {
    let shown = |line: &str, cursor, width| {
        let (row, column) = input("> ", line, cursor, "hint", width);
        assert!(row.width() <= width);
        (text(&row), column)
    };
    assert_eq!(shown("", 0, 20), ("> hint".to_owned(), 2));
    assert_eq!(shown("mine 20", 4, 20), ("> mine 20".to_owned(), 6));
    assert_eq!(shown("abcdefghij", 10, 8), ("> fghij".to_owned(), 7));
    assert_eq!(shown("abcdefghij", 0, 8), ("> abcdef".to_owned(), 2));
    assert_eq!(shown("abcdefghij", 7, 8), ("> cdefgh".to_owned(), 7));
    assert_eq!(shown("語語語語", 12, 8), ("> 語語".to_owned(), 6));
    for (width, cursor) in (0..12).flat_map(|width| [0, 3, 6].map(|cursor| (width, cursor))) {
        shown("語a🎓", if cursor == 6 { 8 } else { cursor }, width);
    }
}
