//! A character being played: one command after the other.

use super::api::{Offer, Prompt, Status, Tone, View};
use super::books::{Books, Held, Stop};
use super::io::News;
use super::opening::Opened;
use super::play::tell;
use super::watch::{Everyone, Watching};
use crate::parser::{Command, Mode, parse};
use crate::rules::{Kind, Place, Problem, Rank, afford};
use crate::text::{self, count};
use crate::world::{Key, Round, Whereabouts};

/// A character being played.
pub(super) struct Game<'a> {
    pub(super) books: &'a mut Books,
    pub(super) held: Held,
    pub(super) pauses: bool,
    new: bool,
    pub(super) place: Place,
    /// The current round of the character's problem, as far as is known.
    pub(super) round: Option<(Problem, Round)>,
    /// The work that the character has put into that round.
    pub(super) share: u64,
    /// Everyone, as last seen.
    pub(super) everyone: Everyone,
}

impl<'a> Game<'a> {
    pub(super) fn new(books: &'a mut Books, opened: Opened, pauses: bool) -> Self {
        Self {
            books,
            held: opened.held,
            pauses,
            new: opened.new,
            place: opened.place,
            round: None,
            share: 0,
            everyone: Everyone::new(),
        }
    }

    /// Plays until something stops it.
    pub(super) async fn play(&mut self) -> Stop {
        if let Err(stop) = self.begin().await {
            return stop;
        }
        loop {
            let result = match self.books.io.next_line_or_news(Prompt::Command).await {
                Ok(Some(line)) => self.obey(&line).await,
                Ok(None) => Err(Stop::Leave),
                Err(news) => self.hear(news).await,
            };
            if let Err(stop) = self.survive(result) {
                return stop;
            }
        }
    }

    /// Looks into what the background has found.
    pub(super) async fn hear(&mut self, news: News) -> Result<(), Stop> {
        match news {
            News::Solved => self.settle().await,
            // Either it exists no more, which this finds, or only where it is has been lost.
            News::Missing => {
                let me = &self.held.me;
                let seen = Whereabouts::new(&me.name, self.place, me.rank).to_json();
                let key = Key::place(&me.name);
                self.held.step(self.books, |_| {}, &[(key, seen)]).await
            }
        }
    }

    /// What ends a command and not the game is said, and forgotten.
    pub(super) fn survive(&self, result: Result<(), Stop>) -> Result<(), Stop> {
        match result {
            Err(Stop::Interrupted) => self.say(Tone::Say, "Stopped. Never mind, then."),
            Err(Stop::Refused(why)) => {
                self.say(Tone::Error, &format!("The store refuses: {}", text::plain(&why)));
            }
            other => return other,
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), Stop> {
        self.show_changes();
        // Whoever will not wait for the store is let in all the same.
        let looked = self.look_around().await;
        self.survive(looked)?;
        let me = &self.held.me;
        if self.new {
            self.books.io.say(Tone::Title, &format!("Welcome to the campus, {}.", me.name));
            let story = text::chapter(Rank::Undergraduate);
            tell(&self.books.io, self.pauses, story).await;
            self.books
                .io
                .say(Tone::Hint, "Type `mine` to mine a coin, or `help` for all there is.");
        } else {
            self.books.io.say(
                Tone::Title,
                &format!(
                    "Welcome back, {}: {}, at {}, with {}.",
                    me.name,
                    me.rank.title(),
                    self.place.title(),
                    count(me.coins, "coin")
                ),
            );
        }
        let looked = self.look_up_problem().await;
        self.survive(looked)
    }

    async fn obey(&mut self, line: &str) -> Result<(), Stop> {
        let command = match parse(line, Mode::Campus) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(()),
            Err(complaint) => {
                self.say(Tone::Error, &complaint.to_string());
                return Ok(());
            }
        };
        if matches!(command, Command::Help(_) | Command::Stop | Command::Quit) {
            return self.simple(command, Mode::Campus).await;
        }
        // Is the character still ours, and is there news for it?
        self.sync().await?;
        match command {
            Command::Move(place) => self.walk(place).await,
            Command::Mine(tries) => self.mine(tries).await,
            Command::Buy(kind) => self.buy(kind).await,
            Command::Solve(_) => self.enter_problem().await,
            other => self.simple(other, Mode::Campus).await,
        }
    }

    /// The commands that are the same on the campus and inside a problem.
    pub(super) async fn simple(&mut self, command: Command, mode: Mode) -> Result<(), Stop> {
        match command {
            Command::Help(None) => self.help(mode),
            Command::Help(Some(verb)) => self.help_with(verb, mode),
            Command::Stop => self.say(Tone::Say, "Nothing is going on that could be stopped."),
            Command::Quit => return Err(Stop::Leave),
            Command::Map => return self.map().await,
            Command::Stats => self.stats(),
            Command::Shop => self.shop(),
            Command::Inventory => self.inventory(),
            // These mean something only in one place, and are dealt with there.
            Command::Move(_) | Command::Mine(_) | Command::Buy(_) | Command::Solve(_) => {}
            Command::Resign => {}
        }
        Ok(())
    }

    /// Makes sure that the character is still this client's, and up to date.
    pub(super) async fn sync(&mut self) -> Result<(), Stop> {
        self.held.step(self.books, |_| {}, &[]).await?;
        self.show_changes();
        if self.share > 0 { self.settle().await } else { Ok(()) }
    }

    /// Tells the face and the background what has changed.
    pub(super) fn show_changes(&self) {
        let me = &self.held.me;
        let io = &self.books.io;
        io.stand(View::Status(Status {
            name: me.name.clone(),
            rank: me.rank,
            coins: me.coins,
            power: me.hardware.power(),
            hardware: me.hardware,
            place: self.place,
        }));
        io.stand(View::Shop(offers(me.rank, me.coins)));
        io.watch(Some(Watching { name: me.name.clone(), place: self.place, problem: self.round }));
    }

    pub(super) fn say(&self, tone: Tone, text: &str) {
        self.books.io.say(tone, text);
    }
}

/// What the shop sells at a rank.
pub(super) fn offers(rank: Rank, coins: u64) -> Vec<Offer> {
    let offer = |kind: &Kind| Offer {
        kind: *kind,
        price: kind.price(),
        power: kind.power(),
        affordable: afford(coins, *kind).0,
    };
    rank.shop().iter().map(offer).collect()
}
