//! Typed actors as pure state machines, with serialisable references.

mod actor;
mod cell;
mod context;
mod link;
mod load;
mod mailbox;
mod message;
mod refs;
mod reply;
mod report;
mod shared_bytes;
pub mod sim;
mod stats;
mod system;
mod timers;

pub use actor::Actor;
pub use cell::{MAX_RESTARTS, RESTART_WINDOW};
pub use context::{Context, Now};
#[doc(hidden)]
pub use link::fuzzing;
pub use link::{MAX_QUEUED_AGE, MAX_QUEUED_BYTES, frame::MAX_REMOTE_MESSAGE_BYTES};
pub use message::Message;
pub use refs::{ActorRef, Address, Incarnation, ReplyRef, WellKnown};
pub use reply::Reply;
pub use report::{Cause, OnError, Report};
pub use shared_bytes::SharedBytes;
pub use stats::Stats;
pub use system::{System, SystemConfig};
