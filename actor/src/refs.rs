//! Names of actors: plain data that can be stored, compared, serialised and sent anywhere.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Message;

/// The address under which other systems reach a system, `HOST:PORT`. Cloning it is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

impl Address {
    /// An address as it is written: nothing is resolved or checked before a link is opened.
    pub fn new(text: &str) -> Self {
        Address(text.into())
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are clones of one address.
    pub(crate) fn is_same(&self, other: &Address) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Equality with a fast path for clones of one address, which nearly all are.
    pub(crate) fn is(&self, other: &Address) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if text.len() > MAX_ADDRESS_BYTES {
            return Err(de::Error::custom("an address longer than 300 bytes"));
        }
        Ok(Address::new(&text))
    }
}

/// A host name has at most 253 bytes; a longer text is no address and is not kept.
pub(crate) const MAX_ADDRESS_BYTES: usize = 300;

/// One life of a system: drawn at random at every start, so that a ref of an earlier life reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub(crate) u64);

impl Incarnation {
    /// What a ref to a well-known actor carries: it means the same actor in every life.
    pub(crate) const ANY: Incarnation = Incarnation(0);

    pub(crate) fn from_random(number: u64) -> Self {
        Incarnation(number.max(1))
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The number of an actor that survives a restart of its system, chosen by the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WellKnown(pub u32);

/// The number of an actor or of a reply address within its system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ActorId(pub(crate) u64);

impl ActorId {
    /// Numbers below this are well-known ids.
    pub(crate) const FIRST_ORDINARY: u64 = 1 << 32;
    /// Numbers from here on are reply addresses.
    pub(crate) const FIRST_REPLY: u64 = 1 << 62;

    pub(crate) fn is_well_known(self) -> bool {
        self.0 < ActorId::FIRST_ORDINARY
    }

    pub(crate) fn is_reply(self) -> bool {
        self.0 >= ActorId::FIRST_REPLY
    }
}

/// A ref without its type: what travels, and what the runtimes route by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RawRef {
    pub(crate) address: Address,
    pub(crate) incarnation: Incarnation,
    pub(crate) id: ActorId,
}

impl RawRef {
    pub(crate) fn uid(&self) -> String {
        format!("{self:?}")
    }
}

// The id and the incarnation tell refs apart well enough; hashing the text would double a tell's cost.
impl Hash for RawRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.id.0 ^ self.incarnation.0);
    }
}

impl fmt::Debug for RawRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RawRef { address, incarnation, id } = self;
        if id.is_reply() {
            write!(f, "{address}/{incarnation:?}/reply{}", id.0 - ActorId::FIRST_REPLY)
        } else if *incarnation == Incarnation::ANY {
            write!(f, "{address}/w{}", id.0)
        } else if id.0 < ActorId::FIRST_ORDINARY {
            write!(f, "{address}/{incarnation:?}/w{}", id.0)
        } else {
            write!(f, "{address}/{incarnation:?}/{}", id.0 - ActorId::FIRST_ORDINARY)
        }
    }
}

/// Names an actor, here or on another system, by what it accepts.
///
/// A ref is plain data: an address, an incarnation and a number. It holds no channel, keeps nothing
/// alive, may be sent to anyone and used by whoever receives it. A ref of a well-known actor carries no
/// incarnation and stays good after a restart of its system; every other ref dies with its incarnation.
pub struct ActorRef<M> {
    pub(crate) raw: RawRef,
    message: PhantomData<fn(M)>,
}

impl<M: Message> ActorRef<M> {
    pub(crate) fn from_raw(raw: RawRef) -> Self {
        ActorRef { raw, message: PhantomData }
    }

    /// Names the well-known actor `id` of the system at `address`, whether or not that system is up.
    pub fn well_known(address: &Address, id: WellKnown) -> Self {
        ActorRef::from_raw(RawRef {
            address: address.clone(),
            incarnation: Incarnation::ANY,
            id: ActorId(id.0.into()),
        })
    }
}

impl<M> ActorRef<M> {
    /// A text that no other actor has: `HOST:PORT/INCARNATION/NUMBER`, or `HOST:PORT/wID` for a
    /// well-known actor.
    pub fn uid(&self) -> String {
        self.raw.uid()
    }

    /// The address of the actor's system.
    pub fn address(&self) -> &Address {
        &self.raw.address
    }
}

/// A one-shot address that brings one answer out of the actor system.
///
/// It is plain data and may travel, but it cannot be cloned: whoever holds it answers it, once. A copy
/// made by serialising it twice is found out: the second answer is dropped and reported.
pub struct ReplyRef<R> {
    pub(crate) raw: RawRef,
    answer: PhantomData<fn(R)>,
}

impl<R: Message> ReplyRef<R> {
    pub(crate) fn from_raw(raw: RawRef) -> Self {
        ReplyRef { raw, answer: PhantomData }
    }
}

impl<R> ReplyRef<R> {
    /// A text that no other reply address has.
    pub fn uid(&self) -> String {
        self.raw.uid()
    }
}

// Written out, since derives would demand the same of `M`.
impl<M> Clone for ActorRef<M> {
    fn clone(&self) -> Self {
        ActorRef { raw: self.raw.clone(), message: PhantomData }
    }
}

impl<M> PartialOrd for ActorRef<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for ActorRef<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}

impl<M> Hash for ActorRef<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl<M> Eq for ActorRef<M> {}

impl<M> PartialEq for ActorRef<M> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

macro_rules! plain_data {
    ($name:ident, $marker:ident, $is_reply:literal) => {
        impl<M> fmt::Debug for $name<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.raw.fmt(f)
            }
        }

        impl<M> Serialize for $name<M> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.raw.serialize(serializer)
            }
        }

        impl<'de, M> Deserialize<'de> for $name<M> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = RawRef::deserialize(deserializer)?;
                if raw.id.is_reply() != $is_reply {
                    return Err(de::Error::custom(concat!("not an ", stringify!($name))));
                }
                Ok($name { raw, $marker: PhantomData })
            }
        }
    };
}

plain_data!(ActorRef, message, false);
plain_data!(ReplyRef, answer, true);
