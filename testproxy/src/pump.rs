//! One direction of one connection.

use std::{future::pending, io, num::NonZeroU32, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::{Instant, sleep_until},
};
use transit::Transit;

use crate::{Conditions, Passage, Way};

mod transit;

pub use transit::MAX_UNDER_WAY;

/// So much is read at a time.
const READ_BYTES: usize = 64 << 10;
/// A throttled direction reads what passes in this time: its bytes come evenly, not in lumps.
const THROTTLE_STEP: Duration = Duration::from_millis(20);

/// Carries bytes from `source` to `sink` until the source has ended and everything has arrived, under
/// conditions that change. An error is the end of the whole connection.
pub(crate) async fn pump(
    mut source: impl AsyncRead + Unpin,
    mut sink: impl AsyncWrite + Unpin,
    mut conditions: watch::Receiver<Conditions>,
    way: fn(&Conditions) -> Way,
) -> io::Result<()> {
    let mut transit = Transit::default();
    let mut scratch = vec![0; READ_BYTES];
    loop {
        let Way { delay, bytes_per_second, passage } = way(&conditions.borrow_and_update());
        let now = Instant::now();
        transit.advance(now);
        match passage {
            Passage::Swallowed => transit.swallow(),
            _ if transit.has_lost() => return Err(io::Error::other("bytes were swallowed")),
            Passage::Held => {}
            Passage::Open => {
                if let Some(end) = transit.arrived_end() {
                    end?;
                    return sink.shutdown().await;
                }
            }
        }
        let limit = bytes_per_second.map_or(READ_BYTES, step_bytes);
        let reads = passage != Passage::Held && transit.takes_more(now);
        let writes = passage == Passage::Open && !transit.arrived().is_empty();
        tokio::select! {
            changed = conditions.changed() => {
                changed.map_err(|_| io::Error::other("the proxy is gone"))?;
            }
            read = source.read(&mut scratch[..limit]), if reads => {
                let now = Instant::now();
                match read {
                    Ok(0) => transit.end(now + delay, Ok(())),
                    Ok(count) => {
                        let line_time = bytes_per_second.map(|rate| time_of(count, rate));
                        transit.take(&scratch[..count], now, line_time.unwrap_or_default(), delay);
                    }
                    Err(error) => transit.end(now + delay, Err(error)),
                }
            }
            written = sink.write(transit.arrived()), if writes => match written? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => transit.deliver(count),
            },
            () = until(transit.next_event(now)) => {}
        }
    }
}

fn step_bytes(rate: NonZeroU32) -> usize {
    let bytes = f64::from(rate.get()) * THROTTLE_STEP.as_secs_f64();
    (bytes as usize).clamp(1, READ_BYTES)
}

fn time_of(bytes: usize, rate: NonZeroU32) -> Duration {
    Duration::from_secs_f64(bytes as f64 / f64::from(rate.get()))
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
