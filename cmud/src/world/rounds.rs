//! Who has put how much work into which round of a problem, and what follows from it.

use std::collections::BTreeMap;

use super::{Key, Name, Round};
use crate::rules::Problem;

/// One round of a problem, summed up from its keys.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RoundState {
    /// Each player's work, by name.
    pub shares: BTreeMap<Name, u64>,
}

impl RoundState {
    /// All work that was done, surplus included.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.shares.values().fold(0, |sum, share| sum.saturating_add(*share))
    }

    /// What `name` has done.
    #[must_use]
    pub fn share(&self, name: &Name) -> u64 {
        self.shares.get(name).copied().unwrap_or(0)
    }

    /// Whether the round is solved.
    #[must_use]
    pub fn solved(&self, problem: Problem) -> bool {
        self.sum() >= problem.work()
    }
}

/// What is known of a problem's rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    problem: Problem,
    rounds: BTreeMap<Round, RoundState>,
}

impl Ledger {
    /// Reads the entries of a List of the problem's work; what is not somebody's work is skipped.
    #[must_use]
    pub fn read(problem: Problem, entries: &[(String, String)]) -> Self {
        let mut rounds: BTreeMap<Round, RoundState> = BTreeMap::new();
        for (key, value) in entries {
            if let (Some((round, name)), Ok(work)) =
                (Key::read_work(problem, key), value.parse::<u64>())
            {
                // Nobody can put more into a round than there is to do.
                let share = work.min(problem.work());
                if share > 0 {
                    rounds.entry(round).or_default().shares.insert(name, share);
                }
            }
        }
        Self { problem, rounds }
    }

    /// The first round whose work is not done yet.
    #[must_use]
    pub fn current(&self) -> Round {
        self.current_from(Round::default())
    }

    /// The same, where all rounds before `first` are known to be solved.
    #[must_use]
    pub fn current_from(&self, first: Round) -> Round {
        let mut round = first;
        while self.round(round).solved(self.problem) {
            round = round.next();
        }
        round
    }

    /// One round, empty if nobody has begun it.
    #[must_use]
    pub fn round(&self, round: Round) -> RoundState {
        self.rounds.get(&round).cloned().unwrap_or_default()
    }

    /// Whether `name` has put work into a round that is solved.
    #[must_use]
    pub fn rewards(&self, name: &Name) -> bool {
        self.rounds.values().any(|round| round.share(name) > 0 && round.solved(self.problem))
    }
}
