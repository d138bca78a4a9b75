//! An actor of a server that belongs to a store. All others are forged: its siblings have not started, and
//! a notebook is in the place of the members actor.

use actor::Address;

use super::*;

/// Keeps what it is told.
#[derive(Default)]
struct Notebook {
    heard: Vec<members::Message>,
    aside: VecDeque<Vec<Entry>>,
}

impl Actor for Notebook {
    type Message = members::Message;

    fn on_message(&mut self, message: members::Message, ctx: &mut Context<'_, members::Message>) {
        match message {
            members::Message::SetAside { entries } => self.aside.push_back(entries),
            members::Message::TakeAside { reply } => {
                ctx.reply(reply, self.aside.pop_front().unwrap_or_default());
            }
            // Of the questions that a members actor is asked, this one is answered with a text.
            members::Message::Forget { reply: Some(reply), .. } => {
                ctx.reply(reply, Err(format!("{:?}", self.heard)));
            }
            other => self.heard.push(other),
        }
    }
}

fn address() -> Address {
    Address::new("test:1")
}

fn members_actor() -> ActorRef<members::Message> {
    ActorRef::well_known(&address(), members::ID)
}

impl World {
    /// The first of a server's actors, which begins a store, or joins one.
    pub(super) fn first_of(count: u16, begins: bool) -> Self {
        let world = Self::unstarted(count.into());
        world.system.spawn_well_known(members::ID, Notebook::default);
        world.start_at_home(0, begins);
        world
    }

    /// Starts an actor of a server that begins a store, or joins one.
    pub(super) fn start_at_home(&self, me: usize, begins: bool) {
        let actors = self.actors.clone();
        let own = Member { address: address(), server: 1, actors: actors.len() as u16 };
        let keeping = Keeping::default();
        let home = Some(Home { own, members: members_actor(), begins, keeping });
        self.tell(me, Message::Start(Siblings { actors, me, home }));
    }

    pub(super) fn note(&self, actor: usize, note: Note) {
        self.tell(actor, Message::Notes(vec![note]));
    }

    /// All that the members actor was told, as a text; but for what was set aside.
    pub(super) async fn heard(&self) -> String {
        let address = address();
        let question = |reply| members::Message::Forget { address, reply: Some(reply) };
        let heard: Result<(), String> = self.system.ask(&members_actor(), question).await.unwrap();
        heard.unwrap_err()
    }

    /// What the members actor was told to have written down, message by message.
    pub(super) async fn told_aside(&self) -> Vec<Vec<Entry>> {
        let mut told = Vec::new();
        loop {
            let question = |reply| members::Message::TakeAside { reply };
            let entries: Vec<Entry> = self.system.ask(&members_actor(), question).await.unwrap();
            if entries.is_empty() {
                return told;
            }
            told.push(entries);
        }
    }
}
