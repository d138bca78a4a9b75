//! Servers without their sockets, in the simulator: what takes hours, or a broken network.

mod members;
mod sweeps;
mod world;
