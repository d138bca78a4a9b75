//! The game from the name to the goodbye.

use super::api::{Prompt, Setup, Tone, View};
use super::books::{Books, Standing, Stop};
use super::game::Game;
use super::io::{Breath, Io};
use super::opening;
use crate::parser::{self, Command, Mode, parse};
use crate::text;
use crate::world::{Name, Prefix};

/// How the story takes a breath.
const BREATH_MILLIS: u64 = 1_200;

/// Plays a whole game.
pub(super) async fn play(io: Io, setup: Setup) {
    for (i, text) in text::WELCOME.iter().enumerate() {
        io.say(if i == 0 { Tone::Title } else { Tone::Story }, text);
    }
    let mut books = Books::new(io.clone(), &setup);
    let passing = setup.passing;
    let end = the_game(&io, &mut books, setup).await;
    let end = match (end, books.standing()) {
        (Err(Stop::GaveUp(message)), _) => View::Fail { message },
        (_, Standing::Unreached) => View::Fail { message: text::NEVER_REACHED.to_string() },
        (_, Standing::Away) => goodbye(&io, text::GOODBYE_AWAY),
        (_, Standing::Here) if passing => goodbye(&io, text::GOODBYE_PASSING),
        (_, Standing::Here) => goodbye(&io, text::GOODBYE),
    };
    io.prompt(Prompt::Closed);
    io.view(end);
}

fn goodbye(io: &Io, lines: &[&str]) -> View {
    lines.iter().for_each(|text| io.say(Tone::Story, text));
    View::Bye
}

/// What to do after a character was put down.
pub(super) enum Then {
    /// Open it again, or anew.
    Reopen(Name),
    /// Ask for another name.
    Ask,
    /// Say goodbye.
    Leave,
}

async fn the_game(io: &Io, books: &mut Books, mut setup: Setup) -> Result<(), Stop> {
    let mut name = setup.name.take();
    let came_with_name = name.is_some();
    if setup.give_up {
        // Whoever gives up without a server wants to know before typing a name.
        books.list(Prefix::places()).await?;
    }
    loop {
        let chosen = match name.take() {
            Some(name) => name,
            None => ask_name(io).await?,
        };
        let (stopped, called) = match opening::open(books, &chosen).await {
            Ok(Some(opened)) => {
                let mut game = Game::new(books, opened, setup.pauses);
                let stopped = game.play().await;
                io.watch(None);
                (stopped, game.held.me.name)
            }
            Ok(None) => continue,
            // Whoever has not been asked for a name does not want to be asked now.
            Err(Stop::Interrupted) if came_with_name && books.standing() == Standing::Unreached => {
                return Err(Stop::Leave);
            }
            Err(stop) => (stop, chosen),
        };
        match after(io, stopped, called).await? {
            Then::Reopen(same) => name = Some(same),
            Then::Ask => {}
            Then::Leave => return Ok(()),
        }
    }
}

/// Asks for a name until it gets one.
async fn ask_name(io: &Io) -> Result<Name, Stop> {
    io.nobody();
    io.say(Tone::Story, text::WHO);
    io.say(Tone::Hint, text::NAME_RULE);
    io.say(Tone::Hint, text::NOT_NAMES);
    loop {
        let line = io.next_line(Prompt::Name).await.ok_or(Stop::Leave)?;
        let line = line.trim();
        match line.to_ascii_lowercase().as_str() {
            "quit" | "exit" | "bye" => return Err(Stop::Leave),
            "help" | "?" => {
                io.say(Tone::Say, "A name that is known goes on where it was; a new one begins.");
                io.say(Tone::Hint, text::NAME_RULE);
                io.say(Tone::Hint, text::NOT_NAMES);
                continue;
            }
            _ => {}
        }
        match line.parse() {
            Ok(name) => return Ok(name),
            Err(wrong) => io.say(Tone::Error, &wrong.to_string()),
        }
    }
}

/// What follows when a character had to be put down.
async fn after(io: &Io, stopped: Stop, name: Name) -> Result<Then, Stop> {
    match stopped {
        Stop::TakenOver => {
            io.say(
                Tone::Warning,
                &format!("{name} has been opened in another window, and plays on there."),
            );
            io.say(Tone::Say, "Nothing more is written from here.");
            let back = confirm(io, &format!("Take {name} back?")).await?;
            Ok(if back { Then::Reopen(name) } else { Then::Leave })
        }
        Stop::Vanished => {
            io.nobody();
            io.say(
                Tone::Warning,
                &format!("The world has come back empty: it has never heard of {name}."),
            );
            let anew = confirm(io, &format!("Begin anew as {name}?")).await?;
            Ok(if anew { Then::Reopen(name) } else { Then::Ask })
        }
        Stop::Interrupted => {
            io.say(Tone::Say, "Never mind, then.");
            Ok(Then::Ask)
        }
        Stop::Refused(why) => {
            io.say(Tone::Error, &format!("The store refuses: {why}"));
            Ok(Then::Ask)
        }
        Stop::Leave | Stop::GaveUp(_) => Err(stopped),
    }
}

/// Asks a question until it is answered.
pub(super) async fn confirm(io: &Io, question: &str) -> Result<bool, Stop> {
    io.say(Tone::Hint, question);
    loop {
        let line = io.next_line(Prompt::Confirm).await.ok_or(Stop::Leave)?;
        match (parser::yes_or_no(&line), parse(&line, Mode::Campus)) {
            (Some(answer), _) => return Ok(answer),
            (None, Ok(Some(Command::Quit))) => return Err(Stop::Leave),
            _ => io.say(Tone::Error, "Please answer yes or no."),
        }
    }
}

/// Tells a story in paragraphs, with a breath between them where there is time for it.
pub(super) async fn tell(io: &Io, pauses: bool, paragraphs: &[&[&str]]) {
    let mut pauses = pauses;
    for (i, paragraph) in paragraphs.iter().enumerate() {
        if i > 0 {
            io.say(Tone::Story, "");
            pauses = pauses && io.breathe(BREATH_MILLIS).await == Breath::Taken;
        }
        for text in *paragraph {
            io.say(Tone::Story, text);
        }
    }
}
