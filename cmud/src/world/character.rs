//! The values behind `player/NAME`, `place/NAME` and `session/NAME`.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::Name;
use crate::rules::{Hardware, Place, Rank};

/// The version of [`Character`]'s JSON. A larger one is left alone: a newer game wrote it.
const VERSION: u32 = 1;

/// A random number that names one client's hold on a character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(String);

impl Token {
    /// Draws a new one.
    pub fn draw(rng: &mut impl Rng) -> Self {
        Self(format!("{:032x}", rng.random::<u128>()))
    }

    /// The token as the store holds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A character: all that `player/NAME` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    /// Whose it is, as it was first typed.
    pub name: Name,
    /// How far it has come.
    pub rank: Rank,
    /// What it has mined and not spent.
    pub coins: u64,
    /// What it owns; never nothing.
    pub hardware: Hardware,
    /// Which client wrote this, so that a client can tell its own late writes from another's.
    pub writer: Token,
    /// Counts the writes, so that an older copy on a replica that lags is known for what it is.
    pub edit: u64,
}

/// The JSON of a [`Character`].
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    name: String,
    rank: Rank,
    coins: u64,
    hardware: Hardware,
    writer: Token,
    edit: u64,
}

/// Why what stands at `player/NAME` is not a character.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not a character's JSON, or it is somebody else's.
    #[error("what stands there is not a character")]
    Rubbish,
    /// It is a character of a game that is newer than this one.
    #[error("a newer version of the game wrote it")]
    Newer,
}

impl Character {
    /// A new character.
    #[must_use]
    pub fn new(name: Name, writer: Token) -> Self {
        let (rank, hardware) = (Rank::Undergraduate, Hardware::SPARE);
        Self { name, rank, coins: 0, hardware, writer, edit: 0 }
    }

    /// What the store holds for it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let record = Record {
            version: VERSION,
            name: self.name.to_string(),
            rank: self.rank,
            coins: self.coins,
            hardware: self.hardware,
            writer: self.writer.clone(),
            edit: self.edit,
        };
        serde_json::to_string(&record).expect("a record is strings and numbers")
    }

    /// Reads what the store holds for `name`.
    ///
    /// # Errors
    /// If it is not that character, or not one that this version understands.
    pub fn from_json(name: &Name, json: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } = serde_json::from_str(json).map_err(|_| Unreadable::Rubbish)?;
        if version > VERSION {
            return Err(Unreadable::Newer);
        }
        let record: Record = serde_json::from_str(json).map_err(|_| Unreadable::Rubbish)?;
        let shown: Name = record.name.parse().map_err(|_| Unreadable::Rubbish)?;
        if shown != *name {
            return Err(Unreadable::Rubbish);
        }
        Ok(Self {
            name: shown,
            rank: record.rank,
            coins: record.coins,
            hardware: record.hardware.or_spare(),
            writer: record.writer,
            edit: record.edit,
        })
    }
}

/// What others see of a character: all that `place/NAME` holds, so that the map is one List.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    name: String,
    /// Where it stands.
    pub place: Place,
    /// How far it has come.
    pub rank: Rank,
}

impl Whereabouts {
    /// Where `name` stands, as a `rank`.
    #[must_use]
    pub fn new(name: &Name, place: Place, rank: Rank) -> Self {
        Self { name: name.to_string(), place, rank }
    }

    /// What the store holds for it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("whereabouts are strings")
    }

    /// Reads what the store holds for `name`, with the name as it is to be shown; `None` for
    /// anything else.
    #[must_use]
    pub fn from_json(name: &Name, json: &str) -> Option<(Name, Self)> {
        let whereabouts: Self = serde_json::from_str(json).ok()?;
        let shown: Name = whereabouts.name.parse().ok()?;
        (shown == *name).then_some((shown, whereabouts))
    }
}
