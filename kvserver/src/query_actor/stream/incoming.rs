//! The receiver's end of a stream.

use std::collections::BTreeSet;

use super::{Ack, Data, WINDOW};

/// The receiver's end.
#[derive(Default)]
pub struct Incoming {
    ack: Option<Ack>,
    /// The frames that have come and are yet to be merged.
    unmerged: BTreeSet<u64>,
}

/// A frame that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The sender's state.
    pub state: u64,
    /// Its stream.
    pub stream: u32,
    /// The number of the frame.
    pub frame: u64,
}

/// What a receiver makes of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The first of a stream.
    Begun,
    /// More of the stream.
    More,
    /// Nothing that is to be looked at: it came before, or belongs to a stream that is over.
    Nothing,
}

impl Incoming {
    /// Notes what has come. An [`Ack`] is due after it; if it brings entries, once they are merged.
    pub fn take_in(&mut self, data: &Data) -> Came {
        let Data { stream, sent, oldest, .. } = *data;
        if sent.saturating_sub(oldest) >= WINDOW || oldest > sent.saturating_add(1) {
            return Came::Nothing;
        }
        let known = self.ack.filter(|ack| ack.stream >= stream);
        if known.is_some_and(|ack| ack.stream > stream) {
            return Came::Nothing;
        }
        let begun = known.is_none();
        if begun {
            self.unmerged.clear();
        }
        let mut ack = known.unwrap_or(Ack { stream, through: 0, beyond: 0, heard: 0 });
        forget_up_to(&mut ack, oldest.saturating_sub(1));
        let again = ack.has(sent);
        if data.entries.is_some() && !again {
            if self.unmerged.len() as u64 >= WINDOW {
                // Nobody has so many unanswered: it is as if it had not come.
                return Came::Nothing;
            }
            ack.beyond |= 1 << (sent - ack.through - 1);
            self.unmerged.insert(sent);
        }
        let contiguous = ack.beyond.trailing_ones();
        let through = ack.through + u64::from(contiguous);
        forget_up_to(&mut ack, through);
        ack.heard = ack.heard.max(sent);
        self.ack = Some(ack);
        match (begun, data.entries.is_some() && again) {
            (true, _) => Came::Begun,
            (false, true) => Came::Nothing,
            (false, false) => Came::More,
        }
    }

    /// The entries of a frame are merged.
    pub fn merged(&mut self, stream: u32, frame: u64) {
        if self.ack.is_some_and(|ack| ack.stream == stream) {
            self.unmerged.remove(&frame);
        }
    }

    /// What has come, up to the first frame that is yet to be merged: a receiver that cannot keep up
    /// slows the sender down.
    pub fn ack(&self) -> Option<Ack> {
        let mut ack = self.ack?;
        if let Some(first) = self.unmerged.first() {
            let heard = first - 1;
            ack.heard = ack.heard.min(heard);
            ack.beyond = match heard.checked_sub(ack.through) {
                Some(count @ 0..WINDOW) => ack.beyond & ((1 << count) - 1),
                Some(_) => ack.beyond,
                None => 0,
            };
            ack.through = ack.through.min(heard);
        }
        Some(ack)
    }
}

/// Frames up to `through` are wanted no more.
fn forget_up_to(ack: &mut Ack, through: u64) {
    if let Some(step) = through.checked_sub(ack.through) {
        ack.beyond =
            u32::try_from(step).ok().and_then(|step| ack.beyond.checked_shr(step)).unwrap_or(0);
        ack.through = through;
    }
}
