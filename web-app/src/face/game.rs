//! The running game behind the page.

use cmud::drive::{Ending, UserInput, drive};
use cmud::world::Prefix;
use cmud::{Name, Session, Setup, View};
use futures_channel::mpsc::{self, UnboundedSender};
use kvclient::{Addresses, Client, Link, Sticky, platform};

/// What the game tells the page.
pub enum News {
    /// Something to show.
    View(View),
    /// The connection has changed.
    Link(Link),
    /// The session is over.
    Over(Ending),
}

/// The player's side of a running game.
pub struct Game {
    inputs: UnboundedSender<UserInput>,
}

impl Game {
    /// Starts a game that tells all its news to `tell`.
    pub fn start(
        servers: Addresses,
        name: Option<Name>,
        tell: impl Fn(News) + Clone + 'static,
    ) -> Game {
        let client = Client::new(Sticky::new(servers));
        let mut link = client.link();
        let watch = tell.clone();
        platform::spawn(async move {
            loop {
                watch(News::Link(link.borrow_and_update().clone()));
                if link.changed().await.is_err() {
                    break;
                }
            }
        });

        // Dials while the player still thinks about a name, so that the page can say whether anybody is there.
        let dial = client.clone();
        platform::spawn(async move { drop(dial.list(Prefix::places().as_str()).await) });

        let setup = Setup::interactive(platform::random_seed()).with_name(name);
        let (session, outputs) = Session::new(setup);
        let (inputs, lines) = mpsc::unbounded();
        platform::spawn(async move {
            let show = |view| tell(News::View(view));
            let ending = drive(session, outputs, client, lines, show).await;
            tell(News::Over(ending));
        });
        Game { inputs }
    }

    /// Enters a line.
    pub fn enter(&self, line: String) {
        self.send(UserInput::Line(line));
    }

    /// Ends the running activity.
    pub fn interrupt(&self) {
        self.send(UserInput::Interrupt);
    }

    fn send(&self, input: UserInput) {
        // After its end the game hears nothing any more, and the page says so.
        let _ = self.inputs.unbounded_send(input);
    }
}
