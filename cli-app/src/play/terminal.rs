//! The interactive face: a log that scrolls, a line editor that stays below it.

mod block;
mod editor;
mod face;
mod raw;
mod row;
mod screen;

use std::io::{self, Stdout};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use cmud::drive::{Ending, UserInput, drive};
use cmud::{Session, Setup, View};
use crossterm::event::{self, Event, KeyEventKind};
use crossterm::terminal::{self, WindowSize};
use futures::stream;
use kvclient::{Client, Link};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use self::face::{Face, Wish};
use self::raw::RawMode;
use self::screen::Screen;
use super::cut_short;
use crate::signals::{Signal, Signals};

/// How often what moves by itself moves on.
const TICK: Duration = Duration::from_millis(100);

/// Changes closer together than this are drawn together: a prompt that is busy for a millisecond
/// does not flicker.
const FRAME: Duration = Duration::from_millis(16);

/// How long the goodbye may take; a store that has gone cannot keep a player.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long a second Ctrl-C leaves, and the hint stays that says so.
const ONCE_MORE: Duration = Duration::from_secs(4);

/// How often is looked whether the terminal is still there. A program that does not belong to the
/// terminal's session is not told when it is closed.
const LOOK: Duration = Duration::from_secs(1);

/// Far enough away to stand for never.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Plays until the player leaves; `greeting` is the first line.
///
/// # Errors
/// When there is no terminal to play on.
pub async fn play(setup: Setup, client: Client, greeting: Option<String>) -> io::Result<Ending> {
    let mut signals = Signals::listen()?;
    let _raw = RawMode::begin()?;
    let (tell, told) = mpsc::unbounded_channel();
    let (show, mut shown) = mpsc::unbounded_channel();
    let mut link = client.link();
    let mut table = Table::new(link.borrow_and_update().clone(), tell);
    if let Some(greeting) = greeting {
        table.face.say(row::FAINT, greeting);
        table.face.say(row::FAINT, "");
    }

    let (session, outputs) = Session::new(setup);
    let told = stream::unfold(told, async |mut told| Some((told.recv().await?, told)));
    let mut game = pin!(drive(session, outputs, client, told, |view: View| {
        // Who receives it stays until the game is over.
        let _ = show.send(view);
    }));
    let mut keys = read_keys()?;

    let ending = loop {
        tokio::select! {
            ending = &mut game => break ending,
            Some(view) = shown.recv() => table.change(|face| face.view(view)),
            event = keys.recv(), if !table.gone => table.event(event),
            signal = signals.next() => table.signal(signal),
            Ok(()) = link.changed() => {
                let link = link.borrow_and_update().clone();
                table.change(|face| face.link(link));
            }
            () = sleep_until(table.next_draw()) => table.draw(),
            () = sleep_until(table.looked + LOOK) => table.look(),
            () = sleep_until(table.lapses_at()) => table.change(Face::lapse),
            () = sleep_until(table.goodbye_by()) => break table.cut_short(),
        }
    };
    while let Ok(view) = shown.try_recv() {
        table.face.view(view);
    }
    table.draw_last();
    Ok(ending)
}

/// Reads the terminal on a thread of its own, until the program ends. crossterm reads a terminal that is
/// closed for ever, without a pause: here that holds up nobody who sees to the end.
fn read_keys() -> io::Result<UnboundedReceiver<io::Result<Event>>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::Builder::new().name("keys".to_owned()).spawn(move || {
        loop {
            let event = event::read();
            let is_last = event.is_err();
            if sender.send(event).is_err() || is_last {
                break;
            }
        }
    })?;
    Ok(receiver)
}

/// The face on its screen, and the way to the session.
struct Table {
    face: Face,
    screen: Screen<Stdout>,
    /// Dropped when the player leaves: the end of the input.
    tell: Option<UnboundedSender<UserInput>>,
    /// By when the goodbye must have come, once the player is leaving.
    goodbye: Option<Instant>,
    /// The last event at which the player may have been told how to leave.
    warned: Instant,
    /// Whether the terminal has been closed.
    gone: bool,
    /// Whether the screen shows something old.
    dirty: bool,
    drawn: Instant,
    ticked: Instant,
    looked: Instant,
}

impl Table {
    fn new(link: Link, tell: UnboundedSender<UserInput>) -> Self {
        let now = Instant::now();
        Self {
            face: Face::new(link),
            screen: Screen::new(io::stdout(), colours()),
            tell: Some(tell),
            goodbye: None,
            warned: now,
            gone: false,
            dirty: true,
            drawn: now,
            ticked: now,
            looked: now,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Face)) {
        change(&mut self.face);
        self.dirty = true;
    }

    fn event(&mut self, event: Option<io::Result<Event>>) {
        self.dirty = true;
        self.warned = Instant::now();
        match event {
            Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                if let Some(wish) = self.face.key(key) {
                    self.grant(wish);
                }
            }
            Some(Ok(Event::Paste(text))) => {
                for wish in self.face.paste(&text) {
                    self.grant(wish);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => self.lose_terminal(),
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.dirty = true;
        self.warned = Instant::now();
        match signal {
            Signal::Interrupt => {
                if let Some(wish) = self.face.interrupt() {
                    self.grant(wish);
                }
            }
            Signal::Terminate => {
                let wish = self.face.leave();
                self.grant(wish);
            }
            Signal::Hangup => self.lose_terminal(),
        }
    }

    fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Tell(input) => {
                if let Some(tell) = &self.tell {
                    // A session that is over hears nothing more.
                    let _ = tell.send(input);
                }
            }
            Wish::Leave => {
                match self.tell.take() {
                    Some(tell) => {
                        let _ = tell.send(UserInput::Interrupt);
                        self.goodbye = Some(Instant::now() + GOODBYE);
                    }
                    // Asked again: the goodbye has taken long enough.
                    None => self.goodbye = Some(Instant::now()),
                }
            }
            Wish::Clear => {
                let cleared = self.screen.clear();
                self.check(&cleared);
            }
        }
    }

    /// A closed terminal is the end of the input; what is under way is still stored.
    fn lose_terminal(&mut self) {
        if !self.gone {
            self.gone = true;
            let wish = self.face.leave();
            self.grant(wish);
        }
    }

    /// The session has not said goodbye itself.
    fn cut_short(&mut self) -> Ending {
        let (ending, lines) = cut_short(self.face.has_been_online());
        self.face.say_goodbye(lines);
        ending
    }

    fn lapses_at(&self) -> Instant {
        let wait = if self.face.is_warned() { ONCE_MORE } else { NEVER };
        self.warned + wait
    }

    fn goodbye_by(&self) -> Instant {
        self.goodbye.unwrap_or_else(|| Instant::now() + NEVER)
    }

    fn next_draw(&self) -> Instant {
        match (self.gone, self.dirty, self.face.moves()) {
            (true, _, _) | (_, false, false) => Instant::now() + NEVER,
            (_, true, _) => self.drawn + FRAME,
            (_, _, true) => self.ticked + TICK,
        }
    }

    fn draw(&mut self) {
        let now = Instant::now();
        if now >= self.ticked + TICK {
            self.ticked = now;
            self.face.tick();
        }
        (self.drawn, self.dirty) = (now, false);
        // Asked each time: a resize is older than the event that tells of it.
        self.look();
        let frame = self.face.frame(self.screen.width());
        let drawn = self.screen.draw(&frame);
        self.check(&drawn);
    }

    /// Learns how wide the terminal is, or that it has gone.
    fn look(&mut self) {
        self.looked = Instant::now();
        match terminal::window_size() {
            Ok(WindowSize { columns: 0, .. }) => {}
            Ok(size) => self.screen.resize(size.columns),
            Err(_) => self.lose_terminal(),
        }
    }

    fn draw_last(&mut self) {
        if !self.gone {
            let frame = self.face.last_frame(self.screen.width());
            let drawn = self.screen.draw(&frame);
            self.check(&drawn);
        }
    }

    fn check(&mut self, drawn: &io::Result<()>) {
        if drawn.is_err() {
            self.lose_terminal();
        }
    }
}

/// Colours, unless the player has asked for none (<https://no-color.org>).
fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
