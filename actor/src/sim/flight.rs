//! A message on its way.

use crate::{
    load::Load,
    refs::{ActorId, Incarnation},
    replies::Replies,
    report::Cause,
};

use super::seat::AnyActor;

pub(super) struct Flight {
    /// The number of the message in its world.
    pub(super) number: u64,
    pub(super) id: ActorId,
    pub(super) incarnation: Incarnation,
    pub(super) path: Path,
    pub(super) body: Body,
}

/// The way it takes, and what must not have ended when it arrives.
#[derive(Clone, Copy)]
pub(super) enum Path {
    Local { system: usize, life: u32 },
    Wire { wire: u32, epoch: u32, doubled: bool },
}

/// Within a system a message moves; between systems it is encoded.
pub(super) enum Body {
    Value(Box<dyn Load>),
    Bytes(Vec<u8>),
}

impl Flight {
    /// The encoded length of a message between systems.
    pub(super) fn len(&self) -> usize {
        match &self.body {
            Body::Value(_) => 0,
            Body::Bytes(bytes) => bytes.len(),
        }
    }
}

impl Body {
    pub(super) fn message_type(&self) -> &'static str {
        match self {
            Body::Value(load) => load.message_type(),
            Body::Bytes(_) => "(encoded)",
        }
    }

    pub(super) fn deliver(&mut self, actor: &mut dyn AnyActor) -> Result<(), Cause> {
        match self {
            Body::Value(load) => actor.deliver(&mut **load),
            Body::Bytes(bytes) => actor.deliver_encoded(bytes),
        }
    }

    pub(super) fn answer(&mut self, replies: &Replies, id: ActorId) -> Result<(), Cause> {
        match self {
            Body::Value(load) => load.answer(replies, id),
            Body::Bytes(bytes) => replies.answer_encoded(id, bytes),
        }
    }
}
