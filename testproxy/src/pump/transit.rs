//! What is under way in one direction.

use std::{collections::VecDeque, io, time::Duration};

use tokio::time::Instant;

/// So much of one direction of one connection may be under way; then the sender has to wait. It lets a
/// delay of 250 ms carry 64 MiB a second.
pub const MAX_UNDER_WAY: usize = 16 << 20;

/// Bytes with their times of arrival, in order.
#[derive(Default)]
pub(super) struct Transit {
    bytes: VecDeque<u8>,
    /// How many of the bytes have arrived.
    arrived: usize,
    /// The others, in order.
    pieces: VecDeque<Piece>,
    /// How the source ended, and when that arrives.
    end: Option<(Instant, io::Result<()>)>,
    /// When a throttled line can take the next byte.
    line_free_at: Option<Instant>,
    lost: bool,
}

/// Bytes that were read together.
struct Piece {
    arrives: Instant,
    bytes: usize,
}

impl Transit {
    /// Sends off what was read: it keeps the line busy for `line_time`, then travels for `delay`.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        now: Instant,
        line_time: Duration,
        delay: Duration,
    ) {
        let line_free_at = now + line_time;
        self.line_free_at = (!line_time.is_zero()).then_some(line_free_at);
        self.bytes.extend(bytes);
        let arrives = self.not_overtaking(line_free_at + delay);
        self.pieces.push_back(Piece { arrives, bytes: bytes.len() });
    }

    /// Sends off the source's end.
    pub(super) fn end(&mut self, arrives: Instant, how: io::Result<()>) {
        self.end = Some((self.not_overtaking(arrives), how));
    }

    /// Lets arrive what is due.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(piece) = self.pieces.pop_front_if(|piece| piece.arrives <= now) {
            self.arrived += piece.bytes;
        }
        self.line_free_at = self.line_free_at.filter(|&time| time > now);
    }

    /// Whether there is room for more, and the line is free.
    pub(super) fn takes_more(&self, now: Instant) -> bool {
        let kept = self.bytes.len() + self.pieces.len() * size_of::<Piece>();
        self.end.is_none() && kept < MAX_UNDER_WAY && self.line_free_at.is_none_or(|at| at <= now)
    }

    /// Bytes that have arrived, at least one if there are any.
    pub(super) fn arrived(&self) -> &[u8] {
        let (first, _) = self.bytes.as_slices();
        &first[..self.arrived.min(first.len())]
    }

    /// Lets go of what was handed on.
    pub(super) fn deliver(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.arrived -= bytes;
    }

    /// The source's end, once it and everything before it has arrived.
    pub(super) fn arrived_end(&mut self) -> Option<io::Result<()>> {
        let (arrives, _) = self.end.as_ref()?;
        let is_last = self.bytes.is_empty() && *arrives <= Instant::now();
        if is_last { self.end.take().map(|(_, how)| how) } else { None }
    }

    /// Loses all that is under way, the end included.
    pub(super) fn swallow(&mut self) {
        self.lost |= !self.bytes.is_empty() || self.end.is_some();
        self.bytes.clear();
        self.pieces.clear();
        self.arrived = 0;
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lost
    }

    /// When something happens by itself next.
    pub(super) fn next_event(&self, now: Instant) -> Option<Instant> {
        let piece = self.pieces.front().map(|piece| piece.arrives);
        let end = self.end.as_ref().map(|(arrives, _)| *arrives);
        let events = [piece, end, self.line_free_at];
        events.into_iter().flatten().filter(|&time| time > now).min()
    }

    /// A delay that has become shorter lets nothing overtake what left before.
    fn not_overtaking(&self, arrives: Instant) -> Instant {
        self.pieces.back().map_or(arrives, |last| arrives.max(last.arrives))
    }
}
