//! What may go wrong, and how often.

use std::{ops::Range, time::Duration};

/// Everything that chance may do to a world. Probabilities are from 0 to 1; a range is drawn from evenly,
/// its start included. `every` is the mean time between two troubles of a kind in the whole world, and
/// `None` means never.
///
/// Start from a preset and change what matters: `Faults { late_timers: 0.5, ..Faults::none() }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// How long a message between two actors of one system is on its way. At least 1 ns, so that an actor
    /// that tells itself something for ever does not stop the clock.
    pub local_delay: Range<Duration>,
    /// How long a message between two systems is on its way, in one direction.
    pub latency: Range<Duration>,
    /// The probability that a message between two systems is delayed by a `spike` more.
    pub spikes: f64,
    /// The additional delay of such a message, which what follows it in its pair waits for.
    pub spike: Range<Duration>,
    /// The probability that a message between two systems vanishes alone while the link lives. **Real links
    /// never do this**: they lose the end of what was sent, see `link_breaks`. It is for protocols that
    /// must survive whatever the contract allows.
    pub message_loss: f64,
    /// The probability that a message between two systems arrives a second time, later and out of order,
    /// at an actor that [accepts duplicates](super::Sim::accept_duplicates). The contract of every other
    /// actor is at most once, and the simulator keeps it.
    pub duplication: f64,
    /// How often one direction of a link breaks: what is on its way is lost, what follows waits for the
    /// new connection.
    pub link_breaks: Option<Duration>,
    /// The wait before a direction that broke, or was cut off, is tried again. Then come the handshakes,
    /// four times the latency.
    pub reconnect: Range<Duration>,
    /// How often some systems cannot reach some others: one way, both ways (so not transitive if there is
    /// a third), one system alone, two halves, or on and off again.
    pub partitions: Option<Episodes>,
    /// How often one direction of a link gets slow.
    pub slow_links: Option<Episodes>,
    /// What a slow direction of a link brings in a second, in bytes of encoded messages.
    pub slow_link_bytes_per_second: u64,
    /// How often a system crashes. It starts again, empty and with a new incarnation, after `lasting`.
    pub crashes: Option<Episodes>,
    /// How often an actor panics.
    pub panics: Option<Duration>,
    /// How often an actor pauses: it takes no messages and its timers wait.
    pub pauses: Option<Episodes>,
    /// How often a system gets slow, so that every message takes its actor a `slow_handler`.
    pub slow_systems: Option<Episodes>,
    /// The time for one message in a slow system.
    pub slow_handler: Range<Duration>,
    /// The probability that an actor's next timers come late.
    pub late_timers: f64,
    /// By how much. The timers of one actor stay in order.
    pub late_by: Range<Duration>,
    /// The largest difference between a system's wall clock and the true time at its start, either way.
    pub clock_offset: Duration,
    /// The largest drift of a wall clock, either way, in millionths.
    pub clock_drift_ppm: u32,
    /// How often a wall clock jumps.
    pub clock_jumps: Option<Duration>,
    /// The largest jump, either way.
    pub clock_jump: Duration,
}

/// Troubles that come, last, and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episodes {
    /// The mean time between the beginnings of two.
    pub every: Duration,
    /// How long one lasts.
    pub lasting: Range<Duration>,
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn episodes(every_ms: u64, lasting_ms: Range<u64>) -> Option<Episodes> {
    Some(Episodes { every: ms(every_ms), lasting: ms(lasting_ms.start)..ms(lasting_ms.end) })
}

impl Faults {
    /// Nothing goes wrong. Delays vary, so that different pairs are not in step: 1–20 µs within a system,
    /// 1–5 ms between systems.
    pub const fn none() -> Self {
        Faults {
            local_delay: Duration::from_micros(1)..Duration::from_micros(20),
            latency: ms(1)..ms(5),
            spikes: 0.0,
            spike: ms(50)..ms(500),
            message_loss: 0.0,
            duplication: 0.0,
            link_breaks: None,
            reconnect: ms(0)..ms(250),
            partitions: None,
            slow_links: None,
            slow_link_bytes_per_second: 20_000,
            crashes: None,
            panics: None,
            pauses: None,
            slow_systems: None,
            slow_handler: Duration::from_micros(500)..ms(10),
            late_timers: 0.0,
            late_by: ms(1)..ms(500),
            clock_offset: Duration::ZERO,
            clock_drift_ppm: 0,
            clock_jumps: None,
            clock_jump: ms(2000),
        }
    }

    /// A bad network: 20–250 ms one way with spikes, 5% of the messages lost, links that break, some slow.
    pub const fn lossy() -> Self {
        Faults {
            latency: ms(20)..ms(250),
            spikes: 0.02,
            message_loss: 0.05,
            link_breaks: Some(ms(5000)),
            slow_links: episodes(20_000, 1000..10_000),
            ..Faults::none()
        }
    }

    /// Systems that often cannot reach each other, in every way there is, for up to 20 s.
    pub const fn partitions() -> Self {
        Faults {
            latency: ms(5)..ms(100),
            partitions: episodes(5000, 100..20_000),
            link_breaks: Some(ms(20_000)),
            ..Faults::none()
        }
    }

    /// Systems that crash and start again, actors that panic.
    pub const fn crashes() -> Self {
        Faults {
            latency: ms(5)..ms(100),
            crashes: episodes(15_000, 0..10_000),
            panics: Some(ms(10_000)),
            ..Faults::none()
        }
    }

    /// Clocks that are wrong, drift and jump; late timers, pauses and slow systems.
    pub const fn clocks() -> Self {
        Faults {
            clock_offset: ms(2000),
            clock_drift_ppm: 500,
            clock_jumps: Some(ms(10_000)),
            late_timers: 0.1,
            pauses: episodes(10_000, 10..3000),
            slow_systems: episodes(20_000, 100..5000),
            ..Faults::none()
        }
    }

    /// Everything at once, duplicates for those that accept them included.
    pub const fn chaos() -> Self {
        Faults {
            local_delay: Duration::from_micros(1)..ms(2),
            latency: ms(1)..ms(250),
            spikes: 0.02,
            message_loss: 0.02,
            duplication: 0.02,
            link_breaks: Some(ms(10_000)),
            partitions: episodes(10_000, 100..20_000),
            slow_links: episodes(20_000, 1000..10_000),
            crashes: episodes(30_000, 0..10_000),
            panics: Some(ms(20_000)),
            ..Faults::clocks()
        }
    }

    /// The same delays without any trouble.
    pub fn without_trouble(&self) -> Self {
        Faults {
            local_delay: self.local_delay.clone(),
            latency: self.latency.clone(),
            reconnect: self.reconnect.clone(),
            ..Faults::none()
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Faults::none()
    }
}
