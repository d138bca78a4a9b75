//! `drive` on a real server, and without one.

use std::cell::RefCell;

use cmud::drive::{Ending, UserInput, drive};
use cmud::{Prompt, Session, Setup, View};
use futures::stream;
use kvclient::{Address, Client, Fixed};

/// Plays the lines and says how it ended and what was shown.
async fn play(address: &str, lines: &[&str]) -> (Ending, String) {
    let (session, outputs) = Session::new(Setup::plain(kvclient::platform::random_seed()));
    let address: Address = address.parse().expect("an address");
    let client = Client::new(Fixed::new(address));
    let inputs = lines.iter().map(|line| UserInput::Line((*line).to_string()));
    let shown = RefCell::new(String::new());
    let ending = drive(session, outputs, client, stream::iter(inputs), |view| match view {
        View::Show(line) => shown.borrow_mut().push_str(&(line.text + "\n")),
        View::Prompt(Prompt::Closed) => shown.borrow_mut().push_str("(closed)\n"),
        _ => {}
    })
    .await;
    (ending, shown.into_inner())
}

#[tokio::test]
async fn a_character_is_continued_on_a_real_server() {
    let config = kvserver::Config { actors: 2, ..kvserver::Config::default() };
    let server = kvserver::start(config).await.expect("the server starts");
    let address = server.queries()[0].to_string();

    let (ending, shown) = play(&address, &["a/b", "Ada", "mine 0", "move fence", "map"]).await;
    assert_eq!(ending, Ending::Goodbye);
    for text in
        ["not one of them", "Welcome to the campus, Ada.", "Zero times", "Ada (you,", "(closed)"]
    {
        assert!(shown.contains(text), "{text:?} is missing in {shown}");
    }

    let (ending, shown) = play(&address, &["ADA", "stats", "quit", "mine"]).await;
    assert_eq!(ending, Ending::Goodbye);
    assert!(shown.contains("Welcome back, Ada: Undergraduate, at the fence"), "{shown}");
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_server_it_fails_and_says_why() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let (ending, _) = play(&address, &["Ada", "mine"]).await;
    match ending {
        Ending::Failed(why) => assert!(why.contains(&address), "{why}"),
        Ending::Goodbye => panic!("it said goodbye"),
    }
}
