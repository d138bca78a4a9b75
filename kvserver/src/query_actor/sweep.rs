//! How tombstones are collected: in rounds that every actor confirms.
//!
//! A tombstone may be dropped when nothing that it would beat can come any more. No clock can tell
//! that; a *round* can. A round has a list of tombstones, each older than an age that is set
//! ([`Keeping::tombstones`](super::Keeping)). Rounds form a chain: each names the one it follows.
//!
//! # The rules
//!
//! 1. *Confirming.* An actor takes a round only if it has confirmed the one before. It merges the
//!    tombstones, and wherever it holds something older of these keys that it might still send
//!    (queues, frames that may have to be repeated, its history, half-built and ready chunks, what is
//!    said in comparing), it puts the tombstone in its place or drops it. Then it has confirmed.
//! 2. *Telling.* Every message between query actors has a [`Mark`]: the last round that the sender
//!    has confirmed. Messages of a pair keep their order, so a mark also says that nothing older
//!    follows on that pair.
//! 3. *Collecting.* An actor drops the tombstones of a round, those that it still holds with this or an
//!    earlier stamp, when the marks of all its partners (its siblings, and every actor of another
//!    server that it has a link with) have reached the round, and after whatever came before has been
//!    merged.
//! 4. *Refusing.* From then on it refuses entries from anyone whose mark is below that round.
//! 5. *Writing.* From then on its clients' writes get later stamps than all that it has collected, even
//!    if its clock steps back.
//!
//! # Why nothing comes back
//!
//! Say that an actor *is clean of* a tombstone when it neither holds nor will send an older entry of
//! the key. Whoever has confirmed the round is clean, and stays so: while it has the tombstone, merging
//! rejects what is older. Once it has collected it (3), all its partners have confirmed, so an older
//! entry could only come from one of them, sent after it became clean. Take the first message ever that
//! a clean actor sends with an older entry. It got that entry after it became clean, so from a
//! partner, and in a message that was sent earlier by an actor that was clean: there is none. Its own
//! clients cannot write it either (5). It does not matter that third actors have not confirmed
//! yet: every way from them leads over a partner that has.
//!
//! The argument needs that a mark is true of all that was sent before it as well, and that states do not
//! mix. So an actor that has lost its state, or is new, has no such mark. What it merges makes its
//! [`Claim`] the lowest of those from whom it came, which its own messages carry, so that rule 4 covers
//! what it passes on. When it holds everything (a sibling has given all; the store is fetched), the
//! claim becomes a mark: of the last round that its givers had *collected*, since the tombstones of
//! later ones are among what they gave. From there it catches up: it asks for the rounds that follow.
//! Those who know it as a partner cannot collect them before, so there is someone to ask.
//!
//! # Who has missed a round
//!
//! An actor whose mark is below what a partner has collected, and to whom nobody gives the rounds
//! between, has missed them: it was forgotten, and came back. What it holds may have been deleted for
//! good. It is *stale*, and its server begins anew (`renewal`).
//!
//! # Who begins a round
//!
//! The first actor of the member with the smallest number, while all known members answer and are ready,
//! all marks are equal to its own, and nothing is pending. None of this is needed for safety. Should two
//! actors begin rounds that follow the same one, as when members do not know all others yet, nobody can
//! collect either, since marks of rounds that one has not confirmed oneself count for nothing. Then the
//! larger one takes the place of the other: whoever has confirmed the smaller one, or has even collected
//! it, confirms the larger one as well. It stays clean of the tombstones of the smaller one: it holds
//! them until a later round has them, or has collected them, after all who were its partners then had
//! become clean of them. (That a later partner is ahead of the smaller one does not say that it is clean of
//! it: the argument above holds for one chain of rounds.)
//!
//! A round has the tombstones that whoever begins it holds. Tombstones that it lacks, as where one was lost on the way and there was no value left that
//! comparing could have seen, are reported to it by those who still hold them when no rounds come any
//! more ([`Say::Left`]). Should two parts of a store that
//! have forgotten each other both go on collecting, the part with fewer rounds is stale when they meet.
//!
//! # Costs
//!
//! A round costs each pair of partners one small message each way beside what they say anyway, and the
//! tombstones once for each actor. Where nothing was deleted no round begins.

mod asking;
mod mark;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::comparing::Other;
use mark::Claim;
pub use mark::{Begin, Mark, Round, Say};

/// A round has at most so many tombstones, which one handler merges in a few milliseconds.
pub const MAX_TOMBSTONES: usize = 4096;

/// A round ends with the tombstone that brings it to so many bytes.
pub const MAX_BYTES: usize = 512 * 1024;

/// So many rounds may be confirmed and not yet collected.
const MAX_PENDING: usize = 2;

/// The same for an actor whose partners are ahead of it: it has to follow.
const MAX_PENDING_BEHIND: usize = 8;

/// A partner is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// An actor that is behind for so long has missed a round for good.
const STALE_AFTER: Duration = Duration::from_secs(6);

/// An actor that has yet to get the store goes by what a partner has collected if it heard it so lately.
const HEARD_LATELY: Duration = Duration::from_secs(10);

/// The earliest stamp of new writes lies at most so far beyond this actor's clock.
const MAX_FLOOR_AHEAD_MILLIS: u64 = 60 * 60 * 1000;

/// A round whose tombstones are too young for this actor's clock is asked for again after so long.
const TOO_YOUNG: Duration = Duration::from_secs(5);

/// A round that was confirmed and is to be collected.
struct Pending {
    begin: Begin,
    /// The newest of its tombstones' stamps.
    newest_millis: u64,
}

/// A partner, as last heard.
#[derive(Default)]
struct Partner {
    mark: Mark,
    /// Whether it knew this state of the actor when it said so, and with it all that earlier states had
    /// sent.
    knows_me: bool,
    /// When it was last heard.
    heard: Duration,
    /// When it was last asked for something.
    asked: Option<Duration>,
}

impl Partner {
    /// What it has collected, if it holds the store. What others say of that is hearsay: those whom they
    /// have it from may be gone, and with them all that is bound by it.
    fn collected(&self) -> Option<Round> {
        matches!(self.mark.claim, Claim::Firm(_)).then(|| self.mark.collected())
    }
}

/// One actor's part in all rounds.
pub struct Sweep {
    claim: Claim,
    collected: Round,
    floor_millis: u64,
    pending: VecDeque<Pending>,
    partners: BTreeMap<Other, Partner>,
    /// Whether nothing has come from anyone who has a store.
    alone: bool,
    firm_since: Duration,
    behind_since: Option<Duration>,
    /// Rounds are not asked for before this.
    wants_from: Duration,
}

impl Default for Sweep {
    /// That of an actor that holds nothing.
    fn default() -> Self {
        Self {
            claim: Claim::New,
            collected: Round::NONE,
            floor_millis: 0,
            pending: VecDeque::new(),
            partners: BTreeMap::new(),
            alone: true,
            firm_since: Duration::ZERO,
            behind_since: None,
            wants_from: Duration::ZERO,
        }
    }
}

impl Sweep {
    /// That of an actor that lets go of all it holds. What it knows of others is as true as before, but
    /// none of them knows its new state.
    pub fn after(mut before: Self) -> Self {
        for partner in before.partners.values_mut() {
            (partner.knows_me, partner.asked) = (false, None);
        }
        let Self { floor_millis, partners, .. } = before;
        Self { floor_millis, partners, ..Self::default() }
    }

    /// What the actor's messages say of it.
    pub fn mark(&self) -> Mark {
        let collected = (self.claim.round() != Some(self.collected)).then_some(self.collected);
        Mark { claim: self.claim, collected, floor_millis: self.floor_millis }
    }

    /// The last round that the actor has confirmed, if it holds the store.
    pub fn swept(&self) -> Option<Round> {
        match self.claim {
            Claim::Firm(round) => Some(round),
            Claim::New | Claim::Partial(_) => None,
        }
    }

    /// The last round that it has collected.
    pub fn collected(&self) -> Round {
        self.collected
    }

    /// The earliest millisecond of a new write.
    pub fn floor_millis(&self) -> u64 {
        self.floor_millis
    }

    /// Whether what another server says can be true. Nobody collects what is younger than its clock says,
    /// and with a mark from the far future all writes would get stamps from the end of time.
    pub fn is_credible(mark: &Mark, wall_millis: u64) -> bool {
        mark.floor_millis <= wall_millis.saturating_add(MAX_FLOOR_AHEAD_MILLIS)
    }

    /// A message has come, from one who knows this state of the actor, or perhaps an earlier one only.
    pub fn heard(&mut self, from: Other, mark: Mark, knows_me: bool, now: Duration) {
        self.floor_millis = self.floor_millis.max(mark.floor_millis);
        let partner = self.partners.entry(from).or_default();
        (partner.mark, partner.knows_me, partner.heard) = (mark, knows_me, now);
    }

    /// Whether entries from a sender with this mark may be merged.
    pub fn welcomes(&self, mark: &Mark, now: Duration) -> bool {
        let bound = match self.swept() {
            Some(_) => self.collected,
            // Nothing here is clean of anything yet. But with what comes from below it, this actor would
            // be refused by those who have the store, once it has it as well.
            None => self.ahead(now).map_or(Round::NONE, |(round, _)| round),
        };
        mark.claim.round().is_none_or(|round| round >= bound)
    }

    /// The last round that a partner has collected who has the store, and that partner: a sibling
    /// rather than another server. An actor that has the store itself goes by all that it has ever heard.
    fn ahead(&self, now: Duration) -> Option<(Round, Other)> {
        let has_store = self.swept().is_some();
        let counts = |one: &Partner| has_store || now < one.heard + HEARD_LATELY;
        let partners = self.partners.iter().filter(|(_, one)| counts(one));
        let collected = partners.filter_map(|(other, one)| Some((one.collected()?, *other)));
        collected.max_by_key(|(round, other)| (*round, Reverse(*other)))
    }

    /// Entries from a sender with this mark are going to be merged.
    pub fn merging(&mut self, mark: &Mark) {
        let Some(round) = mark.claim.round() else { return };
        self.alone = false;
        if self.swept().is_some() {
            return;
        }
        self.claim = Claim::Partial(self.claim.round().map_or(round, |own| own.min(round)));
        self.collected = self.collected.max(mark.collected());
    }

    /// The actor holds everything.
    pub fn complete(&mut self, now: Duration) {
        if self.swept().is_none() {
            let claimed = self.claim.round().unwrap_or(Round::NONE);
            let round = claimed.min(self.collected);
            // It is bound by what it can vouch for. Where it has heard of more, from somebody who is gone,
            // to go by that would be to refuse all who are left.
            (self.claim, self.collected) = (Claim::Firm(round), round);
            self.firm_since = now;
        }
    }

    /// The actor does not hold everything after all: its server has to fetch a store.
    pub fn incomplete(&mut self) {
        if let Claim::Firm(round) = self.claim {
            let only_own = self.alone && round == Round::NONE;
            self.claim = if only_own { Claim::New } else { Claim::Partial(round) };
            self.pending.clear();
        }
    }

    /// Lets go of partners that are none any more.
    pub fn retain(&mut self, is_partner: impl Fn(Other) -> bool) {
        self.partners.retain(|other, _| is_partner(*other));
    }

    /// The round that would follow, if it is time to begin one: nothing is under way anywhere.
    pub fn next(
        &self,
        mut partners: impl Iterator<Item = Other>,
        rest: Duration,
        now: Duration,
        wall_millis: u64,
        chance: u64,
    ) -> Option<(Round, Round)> {
        let swept = self.swept()?;
        let equal = |other| self.is_equal(other);
        let quiet = self.pending.is_empty()
            && self.firm_since.saturating_add(rest) <= now
            && partners.all(equal);
        quiet.then(|| (swept.next(wall_millis, chance), swept))
    }

    /// Whether a partner is known to have confirmed what this actor has, and no more.
    fn is_equal(&self, other: Other) -> bool {
        self.partners.get(&other).is_some_and(|one| one.knows_me && one.mark.claim == self.claim)
    }

    /// Whether a round may be confirmed.
    pub fn may_take(&self, begin: &Begin) -> bool {
        let Some(swept) = self.swept() else { return false };
        let behind = self.partners.values().any(|one| one.mark.claim >= Claim::Firm(begin.round));
        let room = if behind { MAX_PENDING_BEHIND } else { MAX_PENDING };
        let follows = begin.after == swept && self.pending.len() < room;
        let takes_the_place = match self.rival(begin) {
            Some(_) => true,
            None => self.pending.is_empty() && swept.may_follow(begin.after),
        };
        begin.round > swept && (follows || takes_the_place)
    }

    /// The first of the pending rounds that a larger one would do without, since both follow the same.
    fn rival(&self, begin: &Begin) -> Option<usize> {
        self.pending.iter().position(|one| one.begin.after == begin.after)
    }

    /// The round has tombstones that are too young by this actor's clock.
    pub fn too_young(&mut self, now: Duration) {
        self.wants_from = now + TOO_YOUNG;
    }

    /// A round is confirmed; the newest of its tombstones is of `newest_millis`.
    pub fn took(&mut self, begin: Begin, newest_millis: u64) {
        if let Some(rival) = self.rival(&begin) {
            self.pending.truncate(rival);
        }
        self.claim = Claim::Firm(begin.round);
        self.behind_since = None;
        self.pending.push_back(Pending { begin, newest_millis });
    }

    /// The round that follows `after`, for one who lacks it, or else the one that is to take its place.
    pub fn round_after(&self, after: Round) -> Option<&Begin> {
        let mut rounds = self.pending.iter().map(|pending| &pending.begin);
        let rival = rounds.clone().next().filter(|one| one.after < after && after < one.round);
        rounds.find(|begin| begin.after == after).or(rival)
    }

    /// Whether a partner is known to have confirmed a round.
    pub fn has_confirmed(&self, other: Other, round: Round) -> bool {
        let Some(Partner { mark, .. }) = self.partners.get(&other) else { return false };
        let Claim::Firm(confirmed) = mark.claim else { return false };
        // A round that this actor has not confirmed itself may be of another chain. A partner that is
        // ahead of it is known by what it has collected.
        let known = |other: Round| self.pending.iter().any(|one| one.begin.round == other);
        [confirmed, mark.collected()].into_iter().any(|one| one >= round && known(one))
    }

    /// The round to be collected now, if all partners have confirmed one. What comes from now on from
    /// one who has not is refused.
    pub fn collect(&mut self, mut partners: impl Iterator<Item = Other>) -> Option<Begin> {
        let round = self.pending.front()?.begin.round;
        if self.swept().is_none() || !partners.all(|other| self.has_confirmed(other, round)) {
            return None;
        }
        let Pending { begin, newest_millis } = self.pending.pop_front()?;
        self.collected = self.collected.max(round);
        self.floor_millis = self.floor_millis.max(newest_millis + 1);
        Some(begin)
    }
}

#[cfg(test)]
mod tests;
