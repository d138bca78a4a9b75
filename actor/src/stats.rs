//! What a system has done so far, counted without slowing it down.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Counters since the start of a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Messages sent by actors: to actors (themselves included) and to reply addresses. Timers that an
    /// actor sets for itself are not counted.
    pub messages_sent_actor: u64,
    /// Messages sent from outside, timers included.
    pub messages_sent_external: u64,
    /// The postcard length of every message that an actor sent to an actor, local ones included.
    pub bytes_sent: u64,
    /// Bytes that came in over links.
    pub remote_bytes_received: u64,
    /// Reply addresses made.
    pub reply_refs_used: u64,
    /// The largest count of messages in any half-open second `[t, t + 1 s)` from one actor to another,
    /// by the clock of the sending handler. Exact while a pair's second holds at most
    /// 32 moments of sending; beyond that it may count up to 1/64 s too much.
    pub max_message_rate: u64,
}

/// The counters of one actor: it alone writes them, so no two threads fight over them.
#[derive(Default)]
pub(crate) struct Counters {
    messages: AtomicU64,
    bytes: AtomicU64,
    max_rate: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self, bytes: u64) {
        bump(&self.messages, 1);
        bump(&self.bytes, bytes);
    }

    pub(crate) fn rate(&self, rate: u64) {
        if rate > self.max_rate.load(Relaxed) {
            self.max_rate.store(rate, Relaxed);
        }
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.messages_sent_actor += self.messages.load(Relaxed);
        stats.bytes_sent += self.bytes.load(Relaxed);
        stats.max_message_rate = stats.max_message_rate.max(self.max_rate.load(Relaxed));
    }
}

/// An addition without a locked instruction: right only because each counter has one writer.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed) + by, Relaxed);
}

/// Counts what one actor sends another within the last second.
#[derive(Default)]
pub(crate) struct RateWindow {
    /// Moments of sending, oldest first, with the number of messages sent at each.
    moments: VecDeque<(Duration, u64)>,
    count: u64,
}

const WINDOW: Duration = Duration::from_secs(1);
/// While a second holds no more moments than this, each is kept as it is.
const EXACT_MOMENTS: usize = 32;
/// Beyond that, moments closer than this become one, so that memory is bounded.
const GRID: Duration = Duration::from_nanos(1_000_000_000 / 64);

impl RateWindow {
    /// Counts one message sent at `now` and tells how many were sent in the second that ends with it.
    pub(crate) fn record(&mut self, now: Duration) -> u64 {
        while let Some(&(moment, count)) = self.moments.front() {
            if moment + WINDOW > now {
                break;
            }
            self.count -= count;
            self.moments.pop_front();
        }
        self.count += 1;
        let crowded = self.moments.len() >= EXACT_MOMENTS;
        match self.moments.back_mut() {
            // A merged moment takes the later time: it may be counted a little too long, never too short.
            Some((moment, count))
                if *moment == now
                    || crowded
                        && moment.as_nanos() / GRID.as_nanos()
                            == now.as_nanos() / GRID.as_nanos() =>
            {
                *moment = now;
                *count += 1;
            }
            _ => self.moments.push_back((now, 1)),
        }
        self.count
    }

    pub(crate) fn is_over(&self, now: Duration) -> bool {
        self.moments.back().is_none_or(|&(moment, _)| moment + WINDOW <= now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn largest(times: &[Duration]) -> u64 {
        let mut window = RateWindow::default();
        times.iter().map(|&time| window.record(time)).max().unwrap_or(0)
    }

    #[test]
    fn a_second_is_half_open() {
        let ms = Duration::from_millis;
        assert_eq!(largest(&[ms(0), ms(1000)]), 1);
        assert_eq!(largest(&[ms(0), ms(999)]), 2);
        assert_eq!(largest(&[ms(7), ms(7), ms(7), ms(1007)]), 3);
        let every_100_ms: Vec<_> = (0..100).map(|i| ms(100 * i)).collect();
        assert_eq!(largest(&every_100_ms), 10);
    }

    #[test]
    fn memory_is_bounded() {
        let mut window = RateWindow::default();
        for i in 0..1_000_000 {
            window.record(Duration::from_micros(3 * i));
        }
        assert!(window.moments.len() <= EXACT_MOMENTS + 65, "{}", window.moments.len());
    }

    proptest! {
        #[test]
        fn small_counts_are_exact_and_large_ones_never_too_small(
            mut times in prop::collection::vec(0u64..3_000, 0..200),
        ) {
            times.sort_unstable();
            let times: Vec<_> = times.into_iter().map(Duration::from_millis).collect();
            let in_window = |from: Duration, length: Duration| {
                times.iter().filter(|&&t| t >= from && t < from + length).count() as u64
            };
            let exact = times.iter().map(|&t| in_window(t, WINDOW)).max().unwrap_or(0);
            let bound = times.iter().map(|&t| in_window(t, WINDOW + GRID + GRID)).max().unwrap_or(0);
            let counted = largest(&times);
            if exact <= EXACT_MOMENTS as u64 {
                prop_assert_eq!(counted, exact);
            }
            prop_assert!(counted >= exact && counted <= bound, "{} in {}..={}", counted, exact, bound);
        }
    }
}
