//! The actor's part in collecting tombstones; `sweep` has the rules and why they suffice.

use std::time::Duration;

use super::comparing::Other;
use super::pack::{Pack, Packer};
use super::sweep::{Begin, MAX_BYTES, MAX_TOMBSTONES, Mark, Round, Say};
use super::tombstones::Tombstones;
use super::work::{Then, Work};
use super::{Ctx, Keeping, QueryActor};
use crate::entry::Entry;
use crate::replica::Replica;

/// So many tombstones are looked at in one handler.
const LOOK: usize = 10_000;

/// Clocks that differ by more are reported for themselves.
const MOST_SKEW_MILLIS: u64 = 60 * 1000;

/// That servers were told different ages shows only while something is deleted, so it is remembered.
const DIFFERED_LATELY: Duration = Duration::from_secs(60 * 60);

/// Old tombstones, for a round.
#[derive(Default)]
pub(super) struct Gathering {
    /// Whether this actor begins rounds; otherwise it reports what rounds leave.
    pub(super) leads: bool,
    /// When tombstones are looked for again.
    next: Duration,
    after: Option<Vec<u8>>,
    found: Packer,
    /// Whether what was found is to be used.
    complete: bool,
    /// The last round when tombstones were last looked for.
    last: Option<Round>,
    /// When another server was last about to collect what is too young here.
    differed: Option<Duration>,
}

impl Gathering {
    fn add(&mut self, tombstone: &Entry) {
        self.found.push(tombstone);
        self.complete = self.found.entries() >= MAX_TOMBSTONES || self.found.len() >= MAX_BYTES;
    }

    /// Looks at some more tombstones for those from before `until_millis`.
    fn look(&mut self, replica: &Replica, until_millis: u64) {
        let mut looked = 0;
        let mut last = None;
        for entry in replica.tombstones_after(self.after.as_deref()).take(LOOK) {
            looked += 1;
            last = Some(entry);
            if entry.stamp().millis < until_millis {
                self.add(entry);
            }
            if self.complete {
                break;
            }
        }
        self.after = last.map(|entry| entry.key_bytes().to_vec());
        if looked < LOOK && !self.complete {
            self.complete = true;
            self.after = None;
        }
    }

    /// Whether servers were told different ages, as far as the last hour has shown.
    pub(super) fn ages_differ(&self, now: Duration) -> bool {
        self.differed.is_some_and(|at| now.saturating_sub(at) < DIFFERED_LATELY)
    }

    /// What was found; more is looked for at once if there is more, or else later.
    fn take(&mut self, later: Duration) -> Pack {
        self.complete = false;
        if self.after.is_none() {
            self.next = later;
        }
        std::mem::take(&mut self.found).finish()
    }
}

impl QueryActor {
    /// All to whom this actor may send entries, and from whom it may get some.
    pub(super) fn partners(&self) -> impl Iterator<Item = Other> + use<'_> {
        let siblings = (0..self.siblings.len()).filter(|place| *place != self.me);
        siblings.map(Other::Sibling).chain(self.peers.links().map(Other::Server))
    }

    /// Whether entries that came with this mark may be merged; then they have to be.
    pub(super) fn admits(&mut self, mark: &Mark, now: Duration) -> bool {
        let welcome = self.sweep.welcomes(mark, now);
        if welcome {
            self.sweep.merging(mark);
        }
        welcome
    }

    /// Takes in what another actor says about rounds.
    pub(super) fn take_in_say(&mut self, from: Other, say: Option<Say>, ctx: &mut Ctx<'_>) {
        match say {
            Some(Say::Begin(begin)) => self.confirm(&begin, ctx),
            Some(Say::Ask) => self.announce(from),
            Some(Say::Want(after)) => {
                if let Some(begin) = self.sweep.round_after(after).cloned() {
                    self.say(from, Say::Begin(begin));
                }
            }
            Some(Say::Left(left)) => {
                let tombstones = Tombstones::read(&left);
                let tombstones = tombstones.iter().flat_map(Tombstones::iter);
                for tombstone in tombstones.take(MAX_TOMBSTONES) {
                    if !self.gathering.complete {
                        self.gathering.add(tombstone);
                    }
                }
            }
            None => {}
        }
        self.collect_if_due();
    }

    /// To be called every second.
    pub(super) fn sweep_on(&mut self, ctx: &mut Ctx<'_>) {
        let (siblings, me) = (self.siblings.len(), self.me);
        let peers = &self.peers;
        self.sweep.retain(|other| match other {
            Other::Sibling(place) => place < siblings && place != me,
            Other::Server(link) => peers.has(link),
        });
        self.begin_round(ctx);
        self.collect_if_due();
        let partners: Vec<Other> = self.partners().collect();
        let now = ctx.now().elapsed;
        let beginning = self.gathering.leads && self.gathering.complete;
        for (other, say) in self.sweep.questions(partners.into_iter(), beginning, now) {
            self.say(other, say);
        }
    }

    /// Begins a round, if this actor is the one to do it and there is something to collect. If it is
    /// another one, reports what rounds have left.
    fn begin_round(&mut self, ctx: &mut Ctx<'_>) {
        /// So many rounds should have had a tombstone before it is reported.
        const LEFT_AFTER: u32 = 4;
        let now = ctx.now();
        let Keeping { tombstones, sweep_every, .. } = self.keeping();
        let (gathering, swept) = (&mut self.gathering, self.sweep.swept());
        if swept.is_none() || now.elapsed < gathering.next {
            return;
        }
        let later = now.elapsed.saturating_add(sweep_every);
        let long = sweep_every.saturating_mul(LEFT_AFTER);
        let mut age = tombstones;
        if !gathering.leads {
            age = age.saturating_add(long);
            if std::mem::replace(&mut gathering.last, swept) != swept {
                gathering.next = later.saturating_add(long);
                return;
            }
        }
        if !gathering.complete {
            gathering.look(&self.replica, now.wall_millis.saturating_sub(millis(age)));
        }
        if !gathering.complete {
            return;
        }
        if gathering.found.entries() == 0 {
            gathering.take(later);
        } else if !gathering.leads {
            let left = gathering.take(later);
            if let Some(to) = self.reports_to() {
                self.say(to, Say::Left(left));
            }
        } else {
            let chance = ctx.random();
            let (elapsed, millis) = (now.elapsed, now.wall_millis);
            let next = self.sweep.next(self.partners(), sweep_every, elapsed, millis, chance);
            if let Some((round, after)) = next {
                let tombstones = self.gathering.take(later);
                self.confirm(&Begin { round, after, tombstones }, ctx);
            }
        }
    }

    /// Who is to be told of tombstones that are left.
    fn reports_to(&self) -> Option<Other> {
        match self.me {
            0 => self.peers.first_of_smallest_server().map(Other::Server),
            _ => Some(Other::Sibling(0)),
        }
    }

    fn keeping(&self) -> Keeping {
        self.home.as_ref().map(|home| home.keeping).unwrap_or_default()
    }

    /// Confirms a round, if it is the next one for this actor, and passes it on.
    fn confirm(&mut self, begin: &Begin, ctx: &mut Ctx<'_>) {
        if !self.sweep.may_take(begin) {
            return;
        }
        let Some(tombstones) = Tombstones::read(&begin.tombstones) else { return };
        let now = ctx.now();
        let age = millis(self.keeping().tombstones);
        let youngest = now.wall_millis.saturating_sub(tombstones.newest_millis());
        if youngest <= age {
            self.compare_ages(youngest, age, now.elapsed);
            self.sweep.too_young(now.elapsed);
            return;
        }
        // Nobody has to be told of them: all get the round.
        for tombstone in tombstones.iter() {
            self.replica.merge(tombstone.clone());
        }
        self.purge(&tombstones, false, now.elapsed);
        self.sweep.took(begin.clone(), tombstones.newest_millis());
        for other in self.partners().collect::<Vec<_>>() {
            let passes_on = match other {
                Other::Sibling(_) => self.me == 0,
                Other::Server((_, place)) => self.gathering.leads && place == 0,
            };
            if passes_on && !self.sweep.has_confirmed(other, begin.round) {
                self.say(other, Say::Begin(begin.clone()));
            }
            self.announce(other);
        }
    }

    /// A round has tombstones that are younger than they should be here. That is so for a moment where
    /// clocks differ, and always where servers were told different ages.
    fn compare_ages(&mut self, youngest: u64, age: u64, now: Duration) {
        if age.saturating_sub(youngest) <= MOST_SKEW_MILLIS {
            return;
        }
        let is_known = self.gathering.ages_differ(now);
        self.gathering.differed = Some(now);
        if self.me == 0 && !is_known {
            tracing::warn!(
                "another server is about to collect what was deleted {} s ago, this one not before {} s: \
                 all servers of a store should be given the same --tombstones, and clocks that agree",
                youngest / 1000,
                age / 1000
            );
        }
    }

    /// Sees to it that nothing is sent any more that these tombstones have made void.
    fn purge(&mut self, tombstones: &Tombstones, collected: bool, now: Duration) {
        self.outbox.purge(tombstones, collected);
        self.peers.purge(tombstones, collected, now);
        self.comparing.interrupt();
        self.giving.iter_mut().for_each(|(_, giving)| giving.restart());
    }

    /// Has the rounds collected that all partners have confirmed, after the work that came before.
    pub(super) fn collect_if_due(&mut self) {
        let partners: Vec<Other> = self.partners().collect();
        while let Some(begin) = self.sweep.collect(partners.iter().copied()) {
            self.work.push_back(Work::none(Then::Collect(begin)));
        }
    }

    /// Drops the tombstones of a round.
    pub(super) fn collect(&mut self, begin: &Begin, now: Duration) {
        let Some(tombstones) = Tombstones::read(&begin.tombstones) else { return };
        tombstones.iter().for_each(|tombstone| self.replica.collect(tombstone));
        self.purge(&tombstones, true, now);
    }

    fn say(&mut self, to: Other, say: Say) {
        match to {
            Other::Sibling(place) => self.outbox.say(place, say),
            Other::Server(link) => self.peers.say(link, say),
        }
    }

    fn announce(&mut self, to: Other) {
        match to {
            Other::Sibling(place) => self.outbox.announce(place),
            Other::Server(link) => self.peers.announce(link),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
