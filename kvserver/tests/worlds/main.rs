//! Servers without their sockets, in the simulator: what takes hours, or a broken network.

mod sweeps;
mod world;
