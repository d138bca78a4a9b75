//! What is in the store: names, keys, and the values behind them.
//!
//! | key | value | writer |
//! |---|---|---|
//! | `player/NAME` | the character, JSON ([`Character`]) | the client that holds NAME |
//! | `place/NAME` | where and what NAME is to others, JSON ([`Whereabouts`]) | the same |
//! | `session/NAME` | the token of the client that holds NAME ([`Token`]) | whoever opens NAME |
//! | `work/PROBLEM/ROUND/NAME` | NAME's work in that round, a decimal number | the holder of NAME |
//!
//! Every key has one writer, so nothing that is shared is ever read, changed and written back.
//! The current round of a problem is not stored anywhere: it is the first whose sum of work falls
//! short. What is in the store is input like any other: nothing that someone else may have put
//! there makes reading fail, it is skipped.

mod character;
mod keys;
mod name;
mod rounds;

pub use character::{Character, Token, Unreadable, Whereabouts};
pub use keys::{Key, Prefix, Round};
pub use name::{Name, NameError};
pub use rounds::{Ledger, RoundState};

#[cfg(test)]
mod tests;
