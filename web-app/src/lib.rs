//! What the page knows, without a browser: the part of the face that can be tested anywhere.
//!
//! - [`state`]: everything on the page, and how each [`cmud::View`] changes it
//! - [`completer`]: how a suggestion goes into the line
//! - [`location`]: which servers the page's own address names
//! - [`portrait`]: a face for every name
//! - [`words`]: numbers and names as people read them
//!
//! The Yew components that draw it are in the binary.

pub mod completer;
pub mod location;
pub mod portrait;
pub mod state;
pub mod words;
