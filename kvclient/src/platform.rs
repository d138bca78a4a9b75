//! Time, tasks and randomness, the same for a native program and for a page.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod web;

#[cfg(not(target_family = "wasm"))]
pub use native::{Sleep, now, random_seed, sleep, spawn};
#[cfg(target_family = "wasm")]
pub use web::{Sleep, now, random_seed, sleep, spawn};

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Spawner, yield_now};
#[cfg(target_family = "wasm")]
pub(crate) use web::{Spawner, yield_now};
