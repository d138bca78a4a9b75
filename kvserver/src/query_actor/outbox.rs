//! What is still to be told to the siblings, and when it may be.

use std::time::Duration;

use super::comparing::is_small;
use super::news::News;
use super::pace::{PACE, SMALL_PACE, wait};
use super::refill::Given;
use super::sweep::{Mark, Say};
use super::tombstones::{Tombstones, brings_entries};
use super::{Fetched, Sync};
use crate::digest;
use crate::entry::Entry;
use crate::replica::{At, Replica};

/// Everything that one actor has yet to tell its siblings. They are told together, at one pace.
pub struct Outbox {
    /// What has changed here since the last message.
    news: News,
    /// What we have fetched from other servers; its entries were news before.
    fetched: Vec<Fetched>,
    /// What goes to one sibling only, by its place.
    personal: Vec<Personal>,
    /// Whether any of the above has something in it.
    waiting: bool,
    last_sent: Option<Duration>,
}

/// Who sends.
#[derive(Clone, Copy)]
pub struct Sender {
    /// Its place.
    pub me: usize,
    /// The renewal that it has gone through.
    pub generation: u64,
    /// What it has confirmed.
    pub mark: Mark,
}

impl Sender {
    fn empty(self) -> Sync {
        Sync { from: self.me, generation: self.generation, mark: self.mark, ..Sync::default() }
    }
}

#[derive(Default)]
struct Personal {
    ask: bool,
    entries: Vec<Entry>,
    given: Given,
    fetched: Vec<Fetched>,
    digest: Vec<digest::Message>,
    sweep: Option<Say>,
    mark_due: bool,
    last_small: Option<Duration>,
}

impl Personal {
    /// Whether there is something that may go alone, and nothing else.
    fn has_only_small(&self) -> bool {
        let says = self.mark_due || self.sweep.is_some();
        (says || !self.digest.is_empty())
            && self.digest.iter().all(is_small)
            && self.sweep.as_ref().is_none_or(Say::is_small)
    }
}

impl Outbox {
    /// Nothing to tell to `siblings` actors, oneself counted.
    pub fn new(siblings: usize) -> Self {
        Self {
            news: News::default(),
            fetched: Vec::new(),
            personal: std::iter::repeat_with(Personal::default).take(siblings).collect(),
            waiting: false,
            last_sent: None,
        }
    }

    /// Tells everyone of the news at a place of the replica.
    pub fn wrote(&mut self, at: At) {
        if self.personal.len() > 1 {
            self.news.wrote(at);
            self.waiting = true;
        }
    }

    /// Tells everyone of an entry that was learned in comparing.
    pub fn tell_all(&mut self, entry: Entry) {
        if self.personal.len() > 1 {
            self.news.add(entry);
            self.waiting = true;
        }
    }

    /// Tells everyone that what was fetched of a slice is among the news they have been told.
    pub fn tell_fetched(&mut self, fetched: Fetched) {
        if self.personal.len() > 1 {
            self.fetched.push(fetched);
            self.waiting = true;
        }
    }

    /// Asks one sibling for all it holds.
    pub fn ask(&mut self, to: usize) {
        self.personal[to].ask = true;
        self.waiting = true;
    }

    /// Gives a sibling a part of what it has asked for.
    pub fn give(&mut self, to: usize, entries: Vec<Entry>) {
        let personal = &mut self.personal[to];
        personal.entries.extend(entries);
        personal.given = Given::Part;
        self.waiting = true;
    }

    /// Tells a sibling that with what it was given it has all that there was, these slices of
    /// other servers included.
    pub fn gave_all(&mut self, to: usize, ready: bool, fetched: Vec<Fetched>) {
        self.personal[to].given = Given::All { ready };
        self.personal[to].fetched = fetched;
        self.waiting = true;
    }

    /// Sends a sibling what is said in comparing with it. What brings no entries goes with other
    /// messages or now and then alone, and holds up nothing.
    pub fn compare(&mut self, to: usize, message: digest::Message) {
        self.waiting |= !is_small(&message);
        self.personal[to].digest.push(message);
    }

    /// Says something to a sibling about rounds of collecting.
    pub fn say(&mut self, to: usize, say: Say) {
        self.waiting |= !say.is_small();
        say.put(&mut self.personal[to].sweep);
    }

    /// Tells a sibling what this actor has confirmed.
    pub fn announce(&mut self, to: usize) {
        self.personal[to].mark_due = true;
    }

    /// Sees to it that nothing is sent any more that these tombstones have made void; the replica has
    /// seen to itself.
    pub fn purge(&mut self, tombstones: &Tombstones, collected: bool) {
        tombstones.purge(self.news.others(), collected);
        for personal in &mut self.personal {
            tombstones.purge(&mut personal.entries, collected);
            personal.digest.retain(|message| !brings_entries(message));
        }
    }

    /// How many bytes wait to be told.
    pub fn held(&self) -> usize {
        let entries = self.personal.iter().flat_map(|personal| &personal.entries);
        let digest = self.personal.iter().flat_map(|personal| &personal.digest);
        let entries: usize = entries.map(|entry| entry.bytes().len()).sum();
        self.news.held() + entries + digest.map(digest::Message::bytes).sum::<usize>()
    }

    /// How long the next message has to wait, if there is one: zero if it may go now.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        let data = self.waiting.then(|| wait(self.last_sent, PACE, now));
        let small = self.personal.iter().filter(|personal| personal.has_only_small());
        let small = small.map(|personal| wait(personal.last_small, SMALL_PACE, now)).min();
        data.into_iter().chain(small).min()
    }

    /// Counts a message as sent now.
    fn sent(&mut self, now: Duration) {
        self.last_sent = Some(now);
    }

    /// As [`sent`](Self::sent), for messages of all kinds.
    pub fn sent_all(&mut self, now: Duration) {
        self.sent(now);
        for personal in &mut self.personal {
            personal.last_small = Some(now);
        }
    }

    /// All that is to be sent now, with the place it goes to; news are as the replica has them.
    pub fn take(&mut self, of: Sender, replica: &Replica, now: Duration) -> Vec<(usize, Sync)> {
        if !self.waiting || !wait(self.last_sent, PACE, now).is_zero() {
            return self.take_small(of, now);
        }
        self.waiting = false;
        self.sent(now);
        let mut news = self.news.take(replica);
        let mut others_left = self.personal.len() - 1;
        let all_fetched = std::mem::take(&mut self.fetched);
        let others = self.personal.iter_mut().enumerate().filter(|(to, _)| *to != of.me);
        others
            .filter_map(|(to, personal)| {
                let last_small = personal.last_small;
                let Personal {
                    ask, mut entries, given, mut fetched, digest, sweep, mark_due, ..
                } = std::mem::replace(personal, Personal { last_small, ..Personal::default() });
                others_left -= 1;
                match others_left {
                    0 => entries.append(&mut news),
                    _ => entries.extend_from_slice(&news),
                }
                fetched.extend_from_slice(&all_fetched);
                let silent = entries.is_empty()
                    && fetched.is_empty()
                    && digest.is_empty()
                    && sweep.is_none()
                    && !mark_due
                    && !ask
                    && given == Given::Nothing;
                let sync = Sync { entries, fetched, ask, given, digest, sweep, ..of.empty() };
                (!silent).then_some((to, sync))
            })
            .collect()
    }

    /// What may go without waiting for other messages.
    fn take_small(&mut self, of: Sender, now: Duration) -> Vec<(usize, Sync)> {
        let due = self.personal.iter_mut().enumerate().filter(|(_, personal)| {
            personal.has_only_small() && wait(personal.last_small, SMALL_PACE, now).is_zero()
        });
        due.map(|(to, personal)| {
            personal.last_small = Some(now);
            let digest = std::mem::take(&mut personal.digest);
            personal.mark_due = false;
            (to, Sync { digest, sweep: personal.sweep.take(), ..of.empty() })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::super::pack::Packer;
    use super::*;
    use crate::stamp::Writer;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn entry(key: &str, millis: u64) -> Entry {
        Entry::new(Stamp { millis, counter: 0, uid: 1 }, key, Some("v"))
    }

    fn sender(me: usize) -> Sender {
        Sender { me, generation: 0, mark: Mark::default() }
    }

    #[test]
    fn the_first_message_after_quiet_may_go_at_once_and_the_next_at_the_pace() {
        let mut outbox = Outbox::new(2);
        assert_eq!(outbox.wait(ms(5000)), None);
        outbox.tell_all(entry("a", 1));
        assert_eq!(outbox.wait(ms(5000)), Some(ms(0)));
        outbox.take(sender(0), &Replica::default(), ms(5000));
        assert_eq!(outbox.wait(ms(5001)), None);
        outbox.tell_all(entry("a", 2));
        assert_eq!(outbox.wait(ms(5001)), Some(ms(124)));
        assert_eq!(outbox.wait(ms(5125)), Some(ms(0)));
    }

    #[test]
    fn comparing_does_not_hold_up_a_write() {
        let mut outbox = Outbox::new(2);
        for message in 0..3 {
            let sums = vec![digest::Sum::default(); 256];
            outbox.compare(1, digest::Message::Groups(digest::Round(message), sums));
            outbox.take(sender(0), &Replica::default(), ms(1000 + 500 * u64::from(message)));
        }
        outbox.tell_all(entry("a", 1));
        assert_eq!(outbox.take(sender(0), &Replica::default(), ms(2001)).len(), 1);
    }

    #[test]
    fn an_overwritten_key_goes_out_once_with_its_newest_entry() {
        let mut outbox = Outbox::new(3);
        let (mut replica, writer) = (Replica::default(), Writer::new(1));
        for (millis, key) in [(1, "a"), (2, "b"), (3, "a")] {
            let key = (key, replica.seek(key.as_bytes()));
            outbox.wrote(replica.write_above(&writer, millis, None, key, Some("v")).unwrap());
        }
        let told = outbox.take(sender(1), &replica, ms(0));
        let to: Vec<usize> = told.iter().map(|(to, _)| *to).collect();
        assert_eq!(to, [0, 2], "everyone but oneself");
        for (_, sync) in told {
            assert_eq!(sync.entries, [entry("a", 3), entry("b", 2)]);
        }
        assert!(outbox.take(sender(1), &replica, ms(1)).is_empty(), "nothing is told twice");
    }

    #[test]
    fn what_is_for_one_rides_with_what_is_for_all() {
        let mut outbox = Outbox::new(3);
        outbox.ask(1);
        outbox.give(2, vec![entry("old", 1)]);
        outbox.gave_all(2, true, Vec::new());
        outbox.tell_all(entry("new", 2));
        let told = outbox.take(sender(0), &Replica::default(), ms(0));
        let [(1, first), (2, second)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((first.ask, first.given), (true, Given::Nothing));
        assert_eq!(first.entries, [entry("new", 2)]);
        assert_eq!((second.ask, second.given), (false, Given::All { ready: true }));
        assert_eq!(second.entries, [entry("old", 1), entry("new", 2)]);
    }

    #[test]
    fn of_two_things_of_a_kind_that_wait_to_be_said_about_rounds_the_later_one_is() {
        let left = |keys: &[&str]| {
            let mut packer = Packer::default();
            keys.iter().for_each(|key| packer.push(&entry(key, 1)));
            Say::Left(packer.finish())
        };
        let mut outbox = Outbox::new(2);
        outbox.say(1, left(&["a"]));
        outbox.say(1, left(&["a", "b"]));
        outbox.say(1, Say::Ask);
        let (_, sync) = outbox.take(sender(0), &Replica::default(), ms(0)).pop().unwrap();
        assert_eq!(sync.sweep, Some(left(&["a", "b"])), "a mere question is worth less");
    }

    #[test]
    fn an_actor_without_siblings_remembers_nothing() {
        let mut outbox = Outbox::new(1);
        outbox.tell_all(entry("a", 1));
        assert_eq!(outbox.wait(ms(0)), None);
    }
}
