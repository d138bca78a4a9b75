//! One direction of the link between two systems.

use std::collections::VecDeque;

use super::{
    dice::{Dice, Span},
    flight::Flight,
};
use crate::link::{MAX_QUEUED_AGE, MAX_QUEUED_BYTES};

/// The way from one system to whoever is found at an address.
#[derive(Default)]
pub(super) struct Wire {
    /// The index of the sending system.
    pub(super) from: usize,
    /// The index of the address.
    pub(super) to: usize,
    /// Goes up with every connection that is lost; what was sent before is lost with it.
    pub(super) epoch: u32,
    /// The system at the other end, while there is a connection.
    pub(super) connected: Option<usize>,
    /// Messages come through. Otherwise they are held until it is `connect_at`.
    pub(super) passing: bool,
    pub(super) connect_at: Option<u64>,
    pub(super) give_up_at: Option<u64>,
    /// Something was sent on it.
    pub(super) used: bool,
    /// How many random partitions cut it.
    pub(super) cuts: u32,
    pub(super) cut_by_hand: bool,
    /// How many random troubles slow it.
    pub(super) slowed: u32,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) latency: Option<Span>,
    /// When a slow wire has sent what it was given.
    free_at: u64,
    held: VecDeque<(u64, Flight)>,
    held_bytes: usize,
}

impl Wire {
    pub(super) fn new(from: usize, to: usize) -> Self {
        Wire { from, to, ..Wire::default() }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut_by_hand || self.cuts > 0
    }

    /// When a message has left that is sent now.
    #[inline]
    pub(super) fn departure(&mut self, now: u64, bytes: usize, slow_rate: u64) -> u64 {
        let rate = match (self.bytes_per_second, self.slowed) {
            (None, 0) => return now,
            (Some(rate), 0) => rate,
            (None, _) => slow_rate,
            (Some(rate), _) => rate.min(slow_rate),
        };
        let duration = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
        self.free_at = self.free_at.max(now) + duration;
        self.free_at
    }

    #[inline]
    pub(super) fn latency(&self, usual: Span, dice: &mut Dice) -> u64 {
        dice.draw(self.latency.unwrap_or(usual))
    }

    /// Keeps a message until the wire passes again. Gives how many old ones had to go.
    pub(super) fn hold(&mut self, now: u64, flight: Flight) -> u64 {
        self.held_bytes += flight.len();
        self.held.push_back((now, flight));
        self.drop_old(now)
    }

    /// Takes everything that is held and not too old; also gives how much was.
    pub(super) fn release(&mut self, now: u64) -> (VecDeque<(u64, Flight)>, u64) {
        let lost = self.drop_old(now);
        self.held_bytes = 0;
        (std::mem::take(&mut self.held), lost)
    }

    /// Loses what is on its way, and what was handed to a connection that is no more. What was never handed
    /// to one, since there was none, is kept.
    pub(super) fn lose_connection(&mut self) -> bool {
        self.passing = false;
        self.give_up_at = None;
        let lost = self.connected.take().is_some();
        if lost {
            self.epoch += 1;
            self.held.clear();
            self.held_bytes = 0;
            self.free_at = 0;
        }
        lost
    }

    /// Loses everything: the sender is gone.
    pub(super) fn abandon(&mut self) {
        self.lose_connection();
        self.epoch += 1;
        self.connect_at = None;
        self.held.clear();
        self.held_bytes = 0;
    }

    fn drop_old(&mut self, now: u64) -> u64 {
        const MAX_AGE: u64 = MAX_QUEUED_AGE.as_nanos() as u64;
        let mut lost = 0;
        while let Some((since, oldest)) = self.held.front()
            && (now - since > MAX_AGE || self.held_bytes > MAX_QUEUED_BYTES)
        {
            self.held_bytes -= oldest.len();
            self.held.pop_front();
            lost += 1;
        }
        lost
    }
}
