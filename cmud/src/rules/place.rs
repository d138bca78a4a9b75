//! The campus.

use serde::{Deserialize, Serialize};

/// Where one can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The painted fence.
    #[serde(rename = "fence")]
    Fence,
    /// The Randy Pausch bridge.
    #[serde(rename = "bridge")]
    Bridge,
    /// Gates, first floor.
    #[serde(rename = "1")]
    Floor1,
    /// Gates, second floor.
    #[serde(rename = "2")]
    Floor2,
    /// Gates, third floor.
    #[serde(rename = "3")]
    Floor3,
    /// Gates, fourth floor.
    #[serde(rename = "4")]
    Floor4,
    /// Gates, fifth floor, where everyone begins.
    #[serde(rename = "5")]
    Floor5,
    /// Gates, sixth floor.
    #[serde(rename = "6")]
    Floor6,
    /// Gates, seventh floor.
    #[serde(rename = "7")]
    Floor7,
    /// Gates, eighth floor.
    #[serde(rename = "8")]
    Floor8,
    /// Gates, ninth floor.
    #[serde(rename = "9")]
    Floor9,
}

impl Place {
    /// Where a new character stands.
    pub const START: Self = Self::Floor5;

    /// Every place: the fence, the bridge, then the floors from the ground up.
    pub const ALL: [Self; 11] = [
        Self::Fence,
        Self::Bridge,
        Self::Floor1,
        Self::Floor2,
        Self::Floor3,
        Self::Floor4,
        Self::Floor5,
        Self::Floor6,
        Self::Floor7,
        Self::Floor8,
        Self::Floor9,
    ];

    /// The word for it in `move PLACE`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fence => "fence",
            Self::Bridge => "bridge",
            Self::Floor1 => "1",
            Self::Floor2 => "2",
            Self::Floor3 => "3",
            Self::Floor4 => "4",
            Self::Floor5 => "5",
            Self::Floor6 => "6",
            Self::Floor7 => "7",
            Self::Floor8 => "8",
            Self::Floor9 => "9",
        }
    }

    /// Its name as people write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Fence => "the fence",
            Self::Bridge => "the Randy Pausch bridge",
            Self::Floor1 => "Gates, floor 1",
            Self::Floor2 => "Gates, floor 2",
            Self::Floor3 => "Gates, floor 3",
            Self::Floor4 => "Gates, floor 4",
            Self::Floor5 => "Gates, floor 5",
            Self::Floor6 => "Gates, floor 6",
            Self::Floor7 => "Gates, floor 7",
            Self::Floor8 => "Gates, floor 8",
            Self::Floor9 => "Gates, floor 9",
        }
    }

    /// The place that a word names, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.word().eq_ignore_ascii_case(word))
    }
}
