//! The simulator: what it replays, what it keeps, and what it does to actors.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod actors;
mod diary;
mod order;
mod replay;
mod scenes;
mod surface;
