//! A message whose type the runtime does not know: how one trait object carries every tell.

use std::any::{Any, type_name};

use crate::{Message, mailbox::Mailbox, refs::ActorId, replies::Replies, report::Cause};

/// A message on its way, its type erased.
pub(crate) trait Load: Send {
    fn message_type(&self) -> &'static str;
    /// The postcard length. A message that cannot be encoded counts as nothing.
    fn encoded_len(&self) -> u64;
    fn encode(&self) -> Result<Vec<u8>, Cause>;
    /// Encodes into `buffer`, of which only the allocation is kept.
    fn encode_into(&self, buffer: Vec<u8>) -> Result<Vec<u8>, Cause>;
    /// Moves the message out, to be kept longer than the call that sends it.
    fn detach(&mut self) -> Box<dyn Load>;
    /// Whether it comes from outside the actor system.
    fn is_external(&self) -> bool;
    /// Moves the message behind a port of its type. A port that is closed leaves it where it was.
    fn deliver(&mut self, port: &dyn Port) -> Result<(), Cause>;
    /// Moves the message to where it is waited for as an answer.
    fn answer(&mut self, replies: &Replies, id: ActorId) -> Result<(), Cause>;
}

/// The one implementation: a message until it is moved out.
pub(crate) struct Loaded<M> {
    message: Option<M>,
    external: bool,
}

impl<M> Loaded<M> {
    /// A message that an actor sends.
    pub(crate) fn new(message: M) -> Self {
        Loaded { message: Some(message), external: false }
    }

    /// A message that comes from outside.
    pub(crate) fn external(message: M) -> Self {
        Loaded { message: Some(message), external: true }
    }
}

/// The receiving end of an actor, its type erased.
pub(crate) trait Port: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    /// Decodes and pushes a message that came as bytes.
    fn push_encoded(&self, bytes: &[u8], external: bool) -> Result<(), Cause>;
    /// How many messages from outside were pushed.
    fn external_count(&self) -> u64;
    fn close(&self);
}

impl<M: Message> Load for Loaded<M> {
    fn message_type(&self) -> &'static str {
        type_name::<M>()
    }

    fn encoded_len(&self) -> u64 {
        self.message.as_ref().map_or(0, encoded_len)
    }

    fn encode(&self) -> Result<Vec<u8>, Cause> {
        let message = self.message.as_ref().ok_or(Cause::Codec)?;
        postcard::to_stdvec(message).map_err(|_| Cause::Codec)
    }

    fn encode_into(&self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Cause> {
        buffer.clear();
        let message = self.message.as_ref().ok_or(Cause::Codec)?;
        postcard::to_extend(message, buffer).map_err(|_| Cause::Codec)
    }

    fn detach(&mut self) -> Box<dyn Load> {
        Box::new(Loaded { message: self.message.take(), external: self.external })
    }

    fn is_external(&self) -> bool {
        self.external
    }

    fn deliver(&mut self, port: &dyn Port) -> Result<(), Cause> {
        let mailbox = port.as_any().downcast_ref::<Mailbox<M>>().ok_or(Cause::WrongType)?;
        let message = self.message.take().ok_or(Cause::Codec)?;
        mailbox.push(message, self.external).map_err(|message| {
            self.message = Some(message);
            Cause::Closed
        })
    }

    fn answer(&mut self, replies: &Replies, id: ActorId) -> Result<(), Cause> {
        replies.answer(id, &mut self.message)
    }
}

impl<M: Message> Port for Mailbox<M> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn push_encoded(&self, bytes: &[u8], external: bool) -> Result<(), Cause> {
        self.push(decode(bytes)?, external).map_err(|_| Cause::Closed)
    }

    fn external_count(&self) -> u64 {
        Mailbox::external_count(self)
    }

    fn close(&self) {
        Mailbox::close(self);
    }
}

/// Decodes one message, which must fill `bytes` to the end.
pub(crate) fn decode<M: Message>(bytes: &[u8]) -> Result<M, Cause> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(Cause::Codec),
    }
}

fn encoded_len<M: Message>(message: &M) -> u64 {
    let size = postcard::ser_flavors::Size::default();
    postcard::serialize_with_flavor(message, size).map_or(0, |len| len as u64)
}

/// A message that comes as bytes.
pub(crate) struct EncodedLoad<B> {
    pub(crate) bytes: B,
    pub(crate) external: bool,
}

impl<B: AsRef<[u8]> + Send> Load for EncodedLoad<B> {
    fn message_type(&self) -> &'static str {
        "(encoded)"
    }

    fn encoded_len(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }

    fn encode(&self) -> Result<Vec<u8>, Cause> {
        Ok(self.bytes.as_ref().to_vec())
    }

    fn encode_into(&self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Cause> {
        buffer.clear();
        buffer.extend_from_slice(self.bytes.as_ref());
        Ok(buffer)
    }

    fn detach(&mut self) -> Box<dyn Load> {
        Box::new(EncodedLoad { bytes: self.bytes.as_ref().to_vec(), external: self.external })
    }

    fn is_external(&self) -> bool {
        self.external
    }

    fn deliver(&mut self, port: &dyn Port) -> Result<(), Cause> {
        port.push_encoded(self.bytes.as_ref(), self.external)
    }

    fn answer(&mut self, replies: &Replies, id: ActorId) -> Result<(), Cause> {
        replies.answer_encoded(id, self.bytes.as_ref())
    }
}
