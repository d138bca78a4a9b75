//! Ranks and the problems that stand between them.

use serde::{Deserialize, Serialize};

use super::Kind;

/// How far someone has come, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Where everyone begins.
    Undergraduate,
    /// After the travelling salesman.
    Masters,
    /// After the midterm.
    Phd,
    /// After the language model.
    PostDoc,
    /// After P and NP.
    Professor,
    /// After everything.
    Retired,
}

impl Rank {
    /// Every rank, lowest first.
    pub const ALL: [Self; 6] = [
        Self::Undergraduate,
        Self::Masters,
        Self::Phd,
        Self::PostDoc,
        Self::Professor,
        Self::Retired,
    ];

    /// The rank's name as people write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Undergraduate => "Undergraduate",
            Self::Masters => "Masters",
            Self::Phd => "PhD",
            Self::PostDoc => "PostDoc",
            Self::Professor => "Professor",
            Self::Retired => "Retired",
        }
    }

    /// The problem that this rank has to solve; Retired has none.
    #[must_use]
    pub fn problem(self) -> Option<Problem> {
        match self {
            Self::Undergraduate => Some(Problem::Salesman),
            Self::Masters => Some(Problem::Midterm),
            Self::Phd => Some(Problem::LanguageModel),
            Self::PostDoc => Some(Problem::PVersusNp),
            Self::Professor => Some(Problem::Meaning),
            Self::Retired => None,
        }
    }

    /// The kinds of hardware that the shop sells at this rank, cheapest first.
    #[must_use]
    pub fn shop(self) -> &'static [Kind] {
        let kinds = (self as usize + 1).min(Kind::ALL.len());
        &Kind::ALL[..kinds]
    }
}

/// A problem: one per rank, shared by the whole world, solved together in rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Problem {
    /// A tour of fifty cities.
    Salesman,
    /// A hash to break over a weekend.
    Midterm,
    /// A model that has to learn to talk.
    LanguageModel,
    /// Whether finding is as easy as checking.
    PVersusNp,
    /// What it is all about.
    Meaning,
}

impl Problem {
    /// Every problem, in the order of the ranks.
    pub const ALL: [Self; 5] =
        [Self::Salesman, Self::Midterm, Self::LanguageModel, Self::PVersusNp, Self::Meaning];

    /// The problem's name as people write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Salesman => "The Travelling Salesman",
            Self::Midterm => "The Take-Home Midterm",
            Self::LanguageModel => "The Language Model",
            Self::PVersusNp => "P = NP?",
            Self::Meaning => "The Meaning of Life",
        }
    }

    /// The units of work in one round.
    #[must_use]
    pub fn work(self) -> u64 {
        match self {
            Self::Salesman => 100,
            Self::Midterm => 1_000,
            Self::LanguageModel => 10_000,
            Self::PVersusNp => 500_000,
            Self::Meaning => 10_000_000,
        }
    }

    /// The rank of those who work on it.
    #[must_use]
    pub fn rank(self) -> Rank {
        Rank::ALL[self as usize]
    }

    /// The rank of those who have solved it.
    #[must_use]
    pub fn reward(self) -> Rank {
        Rank::ALL[self as usize + 1]
    }
}
