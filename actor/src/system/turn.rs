//! How long an actor goes on before others on its thread have their turn.
//!
//! Two things wait for an actor to let go of its thread: other tasks, and sockets. tokio looks at the
//! sockets only when no task is left to run, or after 61 of them; so a task that is always ready to run,
//! since it tells itself to go on, would keep them waiting for 61 of its steps. A task that yields is put
//! behind the sockets, which is how an actor rests here when its turn has lasted long.

use std::time::{Duration, Instant};

/// After this many messages an actor lets other tasks run.
const MESSAGES_PER_TURN: u8 = 32;

/// After this time it lets the sockets be served too: far below what a person notices, far above what a
/// rest costs.
const LONGEST_TURN: Duration = Duration::from_micros(500);

/// Looking at the clock costs more than taking a cheap message, so it is done once in so many.
const MESSAGES_PER_GLANCE: u8 = 8;

/// Beside messages as slow as this, a glance for each costs nothing.
const SLOW: Duration = Duration::from_micros(20);

pub(super) struct Turn {
    messages: u8,
    /// Messages until the next glance at the clock.
    glance_in: u8,
    /// The messages between two glances at present: few while they are slow.
    glance_every: u8,
    /// When it began and when the clock was last looked at, if it was.
    clock: Option<(Instant, Instant)>,
    told_itself: bool,
}

/// For whom an actor should make room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    ForTasks,
    ForSockets,
}

impl Turn {
    pub(super) fn new() -> Self {
        Turn {
            messages: 0,
            glance_in: MESSAGES_PER_GLANCE,
            glance_every: MESSAGES_PER_GLANCE,
            clock: None,
            told_itself: false,
        }
    }

    /// The actor has told itself something, and so will find its mailbox filled.
    pub(super) fn told_itself(&mut self) {
        self.told_itself = true;
    }

    /// Whether the actor has told itself something since it was last asked this.
    pub(super) fn goes_on(&mut self) -> bool {
        std::mem::take(&mut self.told_itself)
    }

    /// Counts a message that was handled.
    pub(super) fn after_message(&mut self) -> Option<Rest> {
        self.messages += 1;
        self.glance_in -= 1;
        if (self.glance_in == 0 || self.told_itself) && self.has_lasted_long() {
            return Some(Rest::ForSockets);
        }
        (self.messages >= MESSAGES_PER_TURN).then_some(Rest::ForTasks)
    }

    fn has_lasted_long(&mut self) -> bool {
        let now = Instant::now();
        let (began, glanced) = self.clock.unwrap_or((now, now));
        self.clock = Some((began, now));
        self.glance_every = if now - glanced > SLOW * self.glance_every.into() {
            1
        } else {
            MESSAGES_PER_GLANCE.min(2 * self.glance_every)
        };
        self.glance_in = self.glance_every;
        now - began >= LONGEST_TURN
    }

    /// The actor sleeps, and others run.
    pub(super) fn ends(&mut self) {
        (self.messages, self.clock) = (0, None);
    }

    /// Others have run.
    pub(super) fn begins_again(&mut self, rest: &Rest) {
        self.messages = 0;
        if *rest == Rest::ForSockets {
            let now = Instant::now();
            self.clock = Some((now, now));
        }
    }
}

impl Rest {
    /// How often to yield. What woke the actor during its turn ends the first yield before the sockets
    /// were looked at. It cannot happen twice: the mailbox knows by then that the actor is awake.
    pub(super) fn yields(&self) -> u32 {
        match self {
            Rest::ForTasks => 1,
            Rest::ForSockets => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn cheap_messages_end_a_turn_by_their_number_and_slow_ones_by_their_time() {
        let mut turn = Turn::new();
        for _ in 1..MESSAGES_PER_TURN {
            assert_eq!(turn.after_message(), None);
        }
        assert_eq!(turn.after_message(), Some(Rest::ForTasks));
        turn.ends();
        let mut slow = || {
            (1..100).find(|_| {
                sleep(LONGEST_TURN);
                turn.after_message() == Some(Rest::ForSockets)
            })
        };
        let first = slow().expect("a rest");
        assert!(first <= 2 * MESSAGES_PER_GLANCE as usize, "{first}");
        assert_eq!(slow(), Some(1), "it is on its guard now");
    }

    #[test]
    fn who_tells_itself_is_timed_at_every_message() {
        let mut turn = Turn::new();
        turn.told_itself();
        assert_eq!(turn.after_message(), None);
        assert!(turn.goes_on());
        assert!(!turn.goes_on());
        sleep(LONGEST_TURN);
        turn.told_itself();
        assert_eq!(turn.after_message(), Some(Rest::ForSockets));
    }
}
