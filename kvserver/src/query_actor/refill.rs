//! How a replica that was lost in a panic comes back: whom it asks, and when it is whole.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A sibling that has given nothing for so long is given up for the next one.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// A sibling that was asked so often and never gave all is asked no more: it has stopped for good.
const TRIES: u32 = 3;

/// How far an actor has come with giving a sibling all it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// It was asked for nothing, or has not begun.
    #[default]
    Nothing,
    /// This is a part; more will follow.
    Part,
    /// With this, the sibling has been given all.
    All {
        /// Whether the giver was itself ready when it began, so that its all is everything.
        ready: bool,
    },
}

/// What to do next about a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the sibling at this place for all it holds.
    Ask(usize),
    /// Wait for the one that was asked.
    Wait,
    /// The replica is whole.
    Done,
    /// Nobody has more than what is here, and nobody has said that it is everything.
    Alone,
}

/// A refill in progress.
pub struct Refill {
    asked: usize,
    heard: Option<Duration>,
    /// Those that may still help, by place: how often each was asked.
    tries: Vec<Option<u32>>,
}

impl Refill {
    /// A refill of the actor at place `me` of `siblings`, which has asked nobody yet.
    pub fn new(me: usize, siblings: usize) -> Self {
        let mut tries = vec![Some(0); siblings];
        tries[me] = None;
        Self { asked: me, heard: None, tries }
    }

    /// Notes that the sibling at place `from` has given something.
    pub fn heard(&mut self, from: usize, now: Duration) {
        if from == self.asked {
            self.heard = Some(now);
        }
    }

    /// To be called now and then: moves on from one that is silent.
    pub fn check(&mut self, now: Duration) -> Step {
        match self.heard {
            Some(heard) if now < heard + PATIENCE => Step::Wait,
            _ => self.ask_next(now),
        }
    }

    /// The sibling at place `from` has given all it had, and that is merged.
    pub fn given_all(&mut self, from: usize, ready: bool, now: Duration) -> Step {
        if ready {
            return Step::Done;
        }
        self.tries[from] = None;
        if from == self.asked { self.ask_next(now) } else { Step::Wait }
    }

    fn ask_next(&mut self, now: Duration) -> Step {
        let count = self.tries.len();
        for place in (1..=count).map(|step| (self.asked + step) % count) {
            if let Some(tries) = self.tries[place].filter(|tries| *tries < TRIES) {
                self.tries[place] = Some(tries + 1);
                self.asked = place;
                self.heard = Some(now);
                return Step::Ask(place);
            }
        }
        Step::Alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_ready_sibling_is_enough() {
        let mut refill = Refill::new(1, 4);
        assert_eq!(refill.check(at(0)), Step::Ask(2));
        assert_eq!(refill.check(at(1)), Step::Wait);
        assert_eq!(refill.given_all(2, true, at(1)), Step::Done);
    }

    #[test]
    fn without_a_ready_one_all_have_to_give() {
        let mut refill = Refill::new(1, 3);
        assert_eq!(refill.check(at(0)), Step::Ask(2));
        assert_eq!(refill.given_all(2, false, at(0)), Step::Ask(0));
        assert_eq!(refill.given_all(0, false, at(0)), Step::Alone);
    }

    #[test]
    fn a_silent_one_is_given_up_for_the_next_and_asked_again_later() {
        let mut refill = Refill::new(0, 3);
        assert_eq!(refill.check(at(0)), Step::Ask(1));
        refill.heard(1, at(1));
        refill.heard(2, at(2));
        assert_eq!(refill.check(at(2)), Step::Wait, "1 was heard at 1 s");
        assert_eq!(refill.check(at(3)), Step::Ask(2));
        assert_eq!(refill.given_all(2, false, at(3)), Step::Ask(1));
        assert_eq!(refill.given_all(1, true, at(4)), Step::Done);
    }

    #[test]
    fn one_that_gives_all_when_it_has_been_given_up_does_not_end_the_turn_of_the_next() {
        let mut refill = Refill::new(0, 4);
        assert_eq!(refill.check(at(0)), Step::Ask(1));
        assert_eq!(refill.check(at(2)), Step::Ask(2));
        assert_eq!(refill.given_all(1, false, at(3)), Step::Wait);
        assert_eq!(refill.given_all(2, false, at(3)), Step::Ask(3));
    }

    #[test]
    fn one_that_is_always_silent_keeps_nobody_waiting_for_ever() {
        let mut refill = Refill::new(0, 2);
        assert_eq!(refill.check(at(0)), Step::Ask(1));
        assert_eq!(refill.check(at(2)), Step::Ask(1));
        assert_eq!(refill.check(at(4)), Step::Ask(1));
        assert_eq!(refill.check(at(6)), Step::Alone);
    }

    #[test]
    fn an_actor_without_siblings_has_nobody_to_ask() {
        assert_eq!(Refill::new(0, 1).check(at(0)), Step::Alone);
    }
}
