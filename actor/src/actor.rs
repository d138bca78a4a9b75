//! What a program writes to make an actor.

use crate::{Context, Message};

/// A state machine that takes one message at a time.
///
/// An actor may keep private state and send messages; it does nothing else. It has no I/O, no shared
/// memory, no tasks of its own, it never blocks, and it takes time and randomness only from its
/// [`Context`]. Its constructor is a plain `fn` and can capture nothing: first data comes as a message.
///
/// # Panics in a handler
///
/// A panic is caught and reported, and a fresh state from the constructor takes over; messages that
/// wait stay in the mailbox, timers of the lost state to itself are dropped, and questions
/// ([`System::ask`](crate::System::ask)) that the actor had not answered end with `None`. The fresh state
/// sees [`on_start`](Actor::on_start), then the message kept by [`Context::resume_with`] if there is one,
/// then the mailbox. More than [`MAX_RESTARTS`](crate::MAX_RESTARTS) panics within
/// [`RESTART_WINDOW`](crate::RESTART_WINDOW) stop the actor for good.
pub trait Actor: Sized + Send + 'static {
    /// The one type of message that the actor accepts, usually an enum.
    type Message: Message;

    /// Called once for every fresh state, before its first message: at the spawn and after a restart
    /// ([`Context::restarts`] tells which). The place to set the first timer.
    fn on_start(&mut self, ctx: &mut Context<'_, Self::Message>) {
        let _ = ctx;
    }

    /// Whether the actor takes this message from another system. What it does not take is dropped there
    /// and reported. Whoever reaches a system's port can say anything in another system's name, so an actor
    /// that trusts its own system more than others says here what it takes from those.
    fn takes_from_elsewhere(message: &Self::Message) -> bool {
        let _ = message;
        true
    }

    /// Takes one message, to the end, and returns.
    fn on_message(&mut self, message: Self::Message, ctx: &mut Context<'_, Self::Message>);
}
