//! The game in a real browser: `cargo xtask test browser`.

mod campus;
mod faces;
mod hands;
mod outages;
mod start;
