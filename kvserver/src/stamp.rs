//! The hybrid clock: which stamp a write gets.

use kvcommon::Stamp;

/// One incarnation of a writing actor: the source of the stamps of its writes.
///
/// A write to a key gets the larger of the clock's stamp and the successor of the stamp that the
/// replica holds for that key. So it beats whatever the replica has seen of the key, whatever the
/// clocks say, and a key written by a clock from the future lifts only itself, never the writer.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    uid: u64,
}

impl Writer {
    /// A writer whose `uid` was drawn at random, so that no earlier incarnation has the same.
    pub fn new(uid: u64) -> Self {
        Self { uid }
    }

    /// The stamp of a write at `clock_millis` to a key for which `held` is the newest stamp seen.
    ///
    /// `None` if no stamp below [`Stamp::MILLIS_LIMIT`] beats `held`: the counter's last value in
    /// the last millisecond, which nothing honest ever reaches.
    pub fn stamp(&self, clock_millis: u64, held: Option<Stamp>) -> Option<Stamp> {
        let millis = clock_millis.min(Stamp::MILLIS_LIMIT - 1);
        match held {
            Some(held) if held.millis >= millis => self.successor(held),
            _ => Some(Stamp { millis, counter: 0, uid: self.uid }),
        }
    }

    /// The next stamp after `held` whoever wrote it: the counter first, carried into the millis.
    fn successor(&self, held: Stamp) -> Option<Stamp> {
        let (millis, counter) = match held.counter.checked_add(1) {
            Some(counter) => (held.millis, counter),
            None => (held.millis + 1, 0),
        };
        (millis < Stamp::MILLIS_LIMIT).then_some(Stamp { millis, counter, uid: self.uid })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAST: u64 = Stamp::MILLIS_LIMIT - 1;

    fn check(clock: u64, held: (u64, u32, u64), expected: Option<(u64, u32)>) {
        let (millis, counter, uid) = held;
        let got = Writer::new(7).stamp(clock, Some(Stamp { millis, counter, uid }));
        let expected = expected.map(|(millis, counter)| Stamp { millis, counter, uid: 7 });
        assert_eq!(got, expected, "clock {clock}, held {held:?}");
    }

    #[test]
    fn a_stamp_is_the_clock_or_the_successor_of_what_is_held() {
        assert_eq!(
            Writer::new(7).stamp(100, None),
            Some(Stamp { millis: 100, counter: 0, uid: 7 })
        );
        check(100, (99, 5, 9), Some((100, 0)));
        check(100, (100, 0, 3), Some((100, 1)));
        check(100, (100, 0, 9), Some((100, 1)));
        check(100, (500, 2, 9), Some((500, 3)));
    }

    #[test]
    fn the_counter_is_carried_into_the_millis_up_to_the_last_stamp() {
        check(100, (500, u32::MAX, 9), Some((501, 0)));
        check(501, (500, u32::MAX, 9), Some((501, 0)));
        check(100, (LAST, u32::MAX - 1, 9), Some((LAST, u32::MAX)));
        check(100, (LAST, u32::MAX, 9), None);
    }

    #[test]
    fn a_clock_beyond_every_stamp_is_held_at_the_last_millisecond() {
        check(u64::MAX, (100, 0, 9), Some((LAST, 0)));
    }

    proptest! {
        #[test]
        fn a_write_beats_what_it_has_seen(
            clock in 0..u64::MAX,
            millis in 0..LAST,
            counter: u32,
            uid: u64,
            own: u64,
        ) {
            let held = Stamp { millis, counter, uid };
            let next = Writer::new(own).stamp(clock, Some(held));
            prop_assert!(next.expect("not the last millisecond") > held);
        }
    }
}
