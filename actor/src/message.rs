//! What may be said to an actor.

use serde::{Serialize, de::DeserializeOwned};

/// Plain data that can travel: owned, serialisable, and free of anything tied to one process.
///
/// Every suitable type is a message; there is nothing to implement. serde's `rc` feature stays off in
/// this tree, so an `Arc` or a channel inside a message does not compile. Large immutable bytes may be
/// shared through [`SharedBytes`](crate::SharedBytes).
pub trait Message: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Message for T {}
