//! What computes: kinds, prices, power, and a pile of it.

use serde::{Deserialize, Serialize};

/// A kind of hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What everyone starts with.
    Cpu,
    /// Made for games.
    Gpu,
    /// Made for one thing only.
    Asic,
    /// Made for several things at once, until one looks.
    Quantum,
    /// Nobody knows what it was made for.
    DarkMatter,
}

impl Kind {
    /// Every kind, cheapest first.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Gpu, Self::Asic, Self::Quantum, Self::DarkMatter];

    /// The word for it in `buy KIND`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Asic => "asic",
            Self::Quantum => "quantum",
            Self::DarkMatter => "dark_matter",
        }
    }

    /// What one piece costs, in coins.
    #[must_use]
    pub fn price(self) -> u64 {
        match self {
            Self::Cpu => 1,
            Self::Gpu => 5,
            Self::Asic => 25,
            Self::Quantum => 125,
            Self::DarkMatter => 625,
        }
    }

    /// What one piece computes.
    #[must_use]
    pub fn power(self) -> u64 {
        match self {
            Self::Cpu => 1,
            Self::Gpu => 10,
            Self::Asic => 100,
            Self::Quantum => 1_000,
            Self::DarkMatter => 10_000,
        }
    }

    /// The kind that a word names, in any case; `dark-matter` and `darkmatter` are fine too.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let plain = |word: &str| word.to_ascii_lowercase().replace(['_', '-'], "");
        Self::ALL.into_iter().find(|kind| plain(kind.word()) == plain(word))
    }
}

/// How many pieces of each kind someone owns. Never nothing at all: see [`Hardware::or_spare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    cpu: u64,
    gpu: u64,
    asic: u64,
    quantum: u64,
    dark_matter: u64,
}

impl Hardware {
    /// What a new character owns, and what a beaten one is given back.
    pub const SPARE: Self = Self { cpu: 1, gpu: 0, asic: 0, quantum: 0, dark_matter: 0 };

    /// How many pieces of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Cpu => self.cpu,
            Kind::Gpu => self.gpu,
            Kind::Asic => self.asic,
            Kind::Quantum => self.quantum,
            Kind::DarkMatter => self.dark_matter,
        }
    }

    /// Sets how many pieces of a kind there are.
    pub fn set(&mut self, kind: Kind, count: u64) {
        *match kind {
            Kind::Cpu => &mut self.cpu,
            Kind::Gpu => &mut self.gpu,
            Kind::Asic => &mut self.asic,
            Kind::Quantum => &mut self.quantum,
            Kind::DarkMatter => &mut self.dark_matter,
        } = count;
    }

    /// Adds pieces of a kind.
    pub fn add(&mut self, kind: Kind, count: u64) {
        self.set(kind, self.count(kind).saturating_add(count));
    }

    /// The kinds that are there, with their counts, cheapest first.
    pub fn owned(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.count(kind))).filter(|(_, count)| *count > 0)
    }

    /// The power of all of it together.
    #[must_use]
    pub fn power(&self) -> u64 {
        self.owned()
            .map(|(kind, count)| count.saturating_mul(kind.power()))
            .fold(0, u64::saturating_add)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owned().next().is_none()
    }

    /// The same after a kind has broken: a quarter of it is left, rounded down.
    #[must_use]
    pub fn broken(mut self, kind: Kind) -> Self {
        self.set(kind, self.count(kind) / 4);
        self
    }

    /// The same, or one spare CPU in the place of nothing: nobody is ever without power.
    #[must_use]
    pub fn or_spare(self) -> Self {
        if self.is_empty() { Self::SPARE } else { self }
    }
}
