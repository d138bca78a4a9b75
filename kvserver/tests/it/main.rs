//! A whole server, over real sockets.

mod client;
mod http;
mod program;
mod queries;
mod starting;
mod strangers;
mod sync;
mod unkind;
