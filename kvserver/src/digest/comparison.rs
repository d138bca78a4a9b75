//! One replica's end of comparing with one peer.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::time::Duration;

use super::message::{Held, MAX_OPEN, MAX_REPAIR, Message, Round};
use super::repair::{Buckets, Listing, Settling, exchange};
use super::sums::{Bucket, FANOUT, Group, Sum};
use super::suspects::{Standing, Suspects};
use crate::entry::Entry;
use crate::replica::Replica;

/// How often siblings compare.
pub const SIBLING_EVERY: Duration = Duration::from_secs(1);

/// How often the stewards of two servers compare.
pub const PEER_EVERY: Duration = Duration::from_secs(10);

/// So many waiting entries are summed up in one turn: 0.2 to 0.4 ms, reckoned from what one takes. Few in
/// tests, so that sums are seldom up to date at once.
const SUM_SLICE: usize = if cfg!(test) { 2 } else { 4096 };

/// So many groups that are out of step and never settle are looked into in one round.
pub const HOT_GROUPS: usize = 8;

/// One end of a comparison; see [`digest`](super) for how it is driven.
#[derive(Default)]
pub struct Comparison {
    round: Round,
    stage: Stage,
    /// Whether the peer has said something in this round since the last [`begin`](Self::begin).
    heard: bool,
    /// Messages of the peer that wait until the sums are up to date: of each kind the last one. None
    /// brings entries, so what comes after them need not wait for them.
    waiting: Vec<Message>,
    groups: Suspects,
    buckets: Suspects,
    /// The last hot group that was looked into.
    last_hot: Group,
    /// Rounds that followed a repair at once since the schedule began one.
    in_a_row: usize,
    listing: Option<Listing>,
    tally: Tally,
}

/// How far a round has come.
#[derive(Default)]
enum Stage {
    #[default]
    Idle,
    /// Begins as soon as the sums are up to date.
    Due,
    Started,
    Opening(Opening),
    /// Waits for a list that begins after this key.
    Asked(Repair, Option<String>),
    Settling(Repair, Settling),
}

#[derive(Default)]
struct Opening {
    /// Groups yet to be opened, and whether their difference has settled.
    left: VecDeque<(Group, bool)>,
    out_of_step: Vec<Bucket>,
}

#[derive(Default)]
struct Repair {
    buckets: Buckets,
    /// Whether there were more groups than can be repaired in one go.
    more: bool,
}

/// What comes of a turn.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For the peer, in this order.
    pub send: Vec<Message>,
    /// Merged into the replica, and news to it.
    pub learned: Vec<Entry>,
}

/// What a comparison has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rounds that this end has begun.
    pub rounds: u64,
    /// Those of them in which everything was equal.
    pub equal: u64,
    /// Buckets whose repair this end has asked for.
    pub buckets_repaired: u64,
    /// Entries that came from the peer and were news.
    pub entries_learned: u64,
    /// Entries that came from the peer and changed nothing.
    pub entries_needless: u64,
    /// Those of them that were held already; the others were older than what was held.
    pub entries_twice: u64,
    /// Entries that were given to the peer.
    pub entries_given: u64,
}

impl Comparison {
    /// Begins a round, unless one is still getting on; to be called as often as the schedule says.
    /// Where the sums are not up to date, there is work to do before its first message.
    pub fn begin(&mut self, replica: &mut Replica) -> Option<Message> {
        let getting_on = std::mem::take(&mut self.heard)
            || !self.waiting.is_empty()
            || matches!(self.stage, Stage::Settling(..));
        if getting_on && !matches!(self.stage, Stage::Idle) {
            return None;
        }
        self.in_a_row = 0;
        self.start(replica)
    }

    /// Takes a message from the peer at the moment `now` of any clock that never goes back.
    pub fn on_message(
        &mut self,
        message: Message,
        replica: &mut Replica,
        now: Duration,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if message.is_of_sums() && !replica.sum_up(SUM_SLICE) {
            self.waiting.retain(|other| discriminant(other) != discriminant(&message));
            self.waiting.push(message);
            return outcome;
        }
        let answer = match message {
            Message::Root(round, sum) if sum == replica.digest().root() => {
                Some(Message::Same(round))
            }
            Message::Root(round, _) => {
                Some(Message::Groups(round, replica.digest().groups().to_vec()))
            }
            Message::Open(round, groups) => Some(open(replica, round, &groups)),
            Message::Ask { round, buckets, after } => {
                let buckets = buckets.into_iter().take(MAX_REPAIR).collect();
                self.listing = Some(Listing::new(round, buckets, after));
                None
            }
            Message::Settle { entries, want } => {
                let came = entries.len();
                let exchanged = exchange(replica, entries, &want);
                self.tally.entries_needless += (came - exchanged.learned.len()) as u64;
                self.tally.entries_twice += exchanged.held as u64;
                outcome.learned = exchanged.learned;
                exchanged.answer
            }
            Message::Same(round) => self.same(round),
            Message::Groups(round, sums) => self.compare_groups(round, &sums, replica, now),
            Message::Opened(round, opened) => self.compare_buckets(round, &opened, replica, now),
            Message::Held { round, after, to, held } => self.settle(round, after, to, held),
        };
        outcome.send.extend(answer);
        self.count(&outcome);
        outcome
    }

    /// Gives up a repair that has collected entries; the next round finds what is left.
    pub fn interrupt(&mut self) {
        if matches!(self.stage, Stage::Settling(..)) {
            self.stage = Stage::Idle;
        }
    }

    /// The bytes of messages that wait for sums, about.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(Message::bytes).sum()
    }

    /// Whether there are sums to be made, or a walk to go on with.
    pub fn has_work(&self) -> bool {
        self.awaits_sums() || self.listing.is_some() || matches!(self.stage, Stage::Settling(..))
    }

    /// Goes on with summing up, or with the walks of a repair, over at most `limit` entries.
    pub fn work(&mut self, replica: &mut Replica, limit: usize, now: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        if self.awaits_sums() {
            if replica.sum_up(SUM_SLICE) {
                for message in std::mem::take(&mut self.waiting) {
                    outcome.send.extend(self.on_message(message, replica, now).send);
                }
                if matches!(self.stage, Stage::Due) {
                    outcome.send.extend(self.start(replica));
                }
            }
        } else if let Some(listing) = &mut self.listing {
            if let Some(answer) = listing.work(replica, limit) {
                self.listing = None;
                outcome.send.push(answer);
            }
        } else if let Stage::Settling(repair, settling) = &mut self.stage
            && let Some(settled) = settling.work(replica, limit)
        {
            let repair = std::mem::take(repair);
            outcome.send.extend(settled.message);
            outcome.send.extend(match settled.next {
                Some(next) => Some(self.ask(repair, Some(next))),
                None => self.finish(&repair, replica),
            });
        }
        self.count(&outcome);
        outcome
    }

    /// What was done so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn awaits_sums(&self) -> bool {
        !self.waiting.is_empty() || matches!(self.stage, Stage::Due)
    }

    /// Starts a round, or has it wait for the sums: many may be due at once, so none is made here.
    fn start(&mut self, replica: &mut Replica) -> Option<Message> {
        self.stage = Stage::Due;
        if !replica.sum_up(0) {
            return None;
        }
        self.round.0 = self.round.0.wrapping_add(1);
        self.stage = Stage::Started;
        self.tally.rounds += 1;
        Some(Message::Root(self.round, replica.digest().root()))
    }

    /// Whether an answer belongs to this round; it shows that the peer is there.
    fn is_current(&mut self, round: Round) -> bool {
        self.heard |= round == self.round;
        round == self.round
    }

    fn same(&mut self, round: Round) -> Option<Message> {
        if self.is_current(round) && matches!(self.stage, Stage::Started) {
            self.stage = Stage::Idle;
            self.groups.clear();
            self.buckets.clear();
            self.tally.equal += 1;
        }
        None
    }

    fn compare_groups(
        &mut self,
        round: Round,
        sums: &[Sum],
        replica: &mut Replica,
        now: Duration,
    ) -> Option<Message> {
        let digest = replica.digest();
        let current = self.is_current(round) && matches!(self.stage, Stage::Started);
        if !current || sums.len() != digest.groups().len() {
            return None;
        }
        let mut opening = Opening::default();
        let mut hot = Vec::new();
        for (group, (mine, theirs)) in (0..=Group::MAX).zip(digest.groups().iter().zip(sums)) {
            match self.groups.look(group.into(), mine.minus(*theirs), now) {
                Standing::Equal => self.buckets.forget(digest.numbers(group)),
                Standing::Moving => {}
                Standing::Hot => hot.push(group),
                Standing::Settled => opening.left.push_back((group, true)),
            }
        }
        // The hot ones take turns.
        let turn = hot.partition_point(|group| *group <= self.last_hot);
        hot.rotate_left(turn);
        hot.truncate(HOT_GROUPS);
        self.last_hot = hot.last().copied().unwrap_or(self.last_hot);
        opening.left.extend(hot.into_iter().map(|group| (group, false)));
        self.open_next(opening, now)
    }

    fn compare_buckets(
        &mut self,
        round: Round,
        opened: &[(Group, Vec<Sum>)],
        replica: &mut Replica,
        now: Duration,
    ) -> Option<Message> {
        if !self.is_current(round) {
            return None;
        }
        let Stage::Opening(opening) = &mut self.stage else { return None };
        let mut opening = std::mem::take(opening);
        for (group, theirs) in opened {
            if let Some((_, settled)) = opening.left.pop_front_if(|(next, _)| next == group) {
                let found = self.out_of_step(*group, settled, theirs, replica, now);
                opening.out_of_step.extend(found);
            }
        }
        self.open_next(opening, now)
    }

    /// The buckets of a group that are to be repaired.
    fn out_of_step(
        &mut self,
        group: Group,
        settled: bool,
        theirs: &[Sum],
        replica: &mut Replica,
        now: Duration,
    ) -> Vec<Bucket> {
        let digest = replica.digest();
        let mine = digest.buckets(group);
        if mine.len() != theirs.len() {
            return Vec::new();
        }
        let differences: Vec<Sum> =
            mine.iter().zip(theirs).map(|(mine, theirs)| mine.minus(*theirs)).collect();
        let together = differences.iter().fold(Sum::default(), |sum, part| sum.plus(*part));
        // What the group differed by a round ago it still differs by, so its buckets do as well.
        let settled = settled && together == self.groups.difference(group.into());
        let buckets = digest.numbers(group).zip(differences);
        buckets
            .filter(|(bucket, difference)| match self.buckets.look(*bucket, *difference, now) {
                Standing::Equal => false,
                Standing::Moving => settled,
                Standing::Settled | Standing::Hot => true,
            })
            .map(|(bucket, _)| bucket)
            .collect()
    }

    /// Opens what is left of the groups, or goes on to the repair of what was found.
    fn open_next(&mut self, opening: Opening, now: Duration) -> Option<Message> {
        let room = MAX_REPAIR.saturating_sub(opening.out_of_step.len()) / FANOUT;
        let next: Vec<Group> =
            opening.left.iter().take(room.min(MAX_OPEN)).map(|(group, _)| *group).collect();
        if !next.is_empty() {
            self.stage = Stage::Opening(opening);
            return Some(Message::Open(self.round, next));
        }
        self.stage = Stage::Idle;
        if opening.out_of_step.is_empty() {
            return None;
        }
        self.tally.buckets_repaired += opening.out_of_step.len() as u64;
        self.buckets.repairing(opening.out_of_step.iter().copied(), now);
        let buckets = opening.out_of_step.into_iter().collect();
        Some(self.ask(Repair { buckets, more: !opening.left.is_empty() }, None))
    }

    fn ask(&mut self, repair: Repair, after: Option<String>) -> Message {
        let buckets = repair.buckets.numbers().to_vec();
        self.stage = Stage::Asked(repair, after.clone());
        Message::Ask { round: self.round, buckets, after }
    }

    fn settle(
        &mut self,
        round: Round,
        after: Option<String>,
        to: Option<String>,
        held: Vec<Held>,
    ) -> Option<Message> {
        if self.is_current(round)
            && let Stage::Asked(repair, asked) = &mut self.stage
            && after == *asked
            && (to.is_none() || to > after)
        {
            let repair = std::mem::take(repair);
            let settling = Settling::new(repair.buckets.clone(), after, to, held);
            self.stage = Stage::Settling(repair, settling);
        }
        None
    }

    /// The repair is over: rests until the schedule begins a round, or goes on with what was left.
    fn finish(&mut self, repair: &Repair, replica: &mut Replica) -> Option<Message> {
        self.stage = Stage::Idle;
        let go_on = repair.more && self.in_a_row < FANOUT / MAX_OPEN;
        self.in_a_row += 1;
        if go_on { self.start(replica) } else { None }
    }

    fn count(&mut self, outcome: &Outcome) {
        self.tally.entries_learned += outcome.learned.len() as u64;
        for message in &outcome.send {
            if let Message::Settle { entries, .. } = message {
                self.tally.entries_given += entries.len() as u64;
            }
        }
    }
}

fn open(replica: &mut Replica, round: Round, groups: &[Group]) -> Message {
    let digest = replica.digest();
    let groups = groups.iter().take(MAX_OPEN);
    let opened = groups.map(|group| (*group, digest.buckets(*group))).collect();
    Message::Opened(round, opened)
}
