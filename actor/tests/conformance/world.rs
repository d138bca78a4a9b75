//! What the suite needs of a runtime.

use std::time::Duration;

use actor::{ActorRef, Report, WellKnown};

use crate::probe::Say;

/// Where something is. In a world of one system both places are that system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Here,
    There,
}

/// A runtime with two places, without faults.
pub trait World {
    /// Starts a probe.
    fn spawn(&mut self, at: Place, id: Option<WellKnown>) -> ActorRef<Say>;
    /// Tells from outside.
    fn tell(&mut self, from: Place, to: &ActorRef<Say>, say: Say);
    /// Asks a probe for its notes and waits for the answer, not for ever.
    fn read(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>>;
    /// Lets two questions with one reply address reach a probe; gives the answer.
    fn read_twice(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>>;
    /// Lets time pass.
    fn pass(&mut self, time: Duration);
    /// The time between the two places.
    fn latency(&self) -> Duration;
    /// Ends the system at a place, with all its actors.
    fn shut_down(&mut self, at: Place);
    /// Ends it and starts it again, empty, in a new life.
    fn restart(&mut self, at: Place);
    /// What was reported since the place's system was started.
    fn reports(&self, at: Place) -> Vec<Report>;
}
