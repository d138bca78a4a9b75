//! The client against servers that the tests play themselves: good ones, strange ones, broken ones.

mod bad;
mod good;
mod server;
