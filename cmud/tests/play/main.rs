//! Whole games on a store in memory, in virtual time.

mod bad_input;
mod fuzz;
mod golden;
mod harness;
mod replicas;
mod together;
mod troubles;
mod typed;
