//! Beginning anew: after a panic, and when the server has missed what others have deleted for good.

use std::collections::BTreeSet;

use super::comparing::{self, Comparing, Other};
use super::pace::PACE;
use super::{Ctx, Message, Outbox, QueryActor, Refill, Renewal, Siblings, Store, Sweep};
use crate::entry::Entry;
use crate::members;
use crate::stamp::Writer;

/// What an actor wrote so long ago its siblings have heard, or they refuse to: longer than it takes to
/// find that out, and far shorter than a deleted key is remembered.
const UNHEARD_MILLIS: u64 = 10_000;

impl QueryActor {
    /// Begins anew after a panic.
    pub(super) fn resume(&mut self, siblings: Siblings, ctx: &mut Ctx<'_>) {
        self.meet_siblings(siblings, false);
        self.store = if self.home.is_none() { Store::Here } else { Store::Unknown };
        // The pace is that of the actor: the lost state may have sent a moment ago.
        self.outbox.sent_all(ctx.now().elapsed);
        self.last_report = Some(ctx.now().elapsed);
        ctx.tell_after(comparing::TICK, Message::Compare);
        ctx.tell_after(PACE, Message::Report);
        self.introduce_writer();
        self.refill = Some(Refill::new(self.me, self.siblings.len()));
        self.check_refill(ctx);
        // After the refill: if there is nobody to ask, the others have to be asked before all else.
        self.report(members::Message::Resumed { place: self.place() });
        self.send_when_due(ctx);
    }

    /// Lets go of the whole store. What the server's own clients wrote, and others have not heard, is
    /// set aside: each actor looks for its own writes, the first one also for those of states that
    /// were lost.
    pub(super) fn renew(&mut self, renewal: Renewal, ctx: &mut Ctx<'_>) {
        let Renewal { generation, since_millis, writers } = renewal;
        if generation <= self.generation {
            return;
        }
        let missing: Vec<Entry> = self.peers.missing().cloned().collect();
        let mut wanted = BTreeSet::from([self.state]);
        if self.me == 0 {
            wanted.extend(writers);
        }
        let old = std::mem::take(&mut self.replica);
        self.aside.begin(old, missing, wanted, since_millis);
        self.generation = generation;
        self.store = Store::Wanted;
        self.refill = None;
        self.begin_anew(ctx);
        for sync in std::mem::take(&mut self.early) {
            self.take_in(sync, ctx);
        }
    }

    /// A new state, which holds nothing, in the place of the old one, whose replica was taken already.
    fn begin_anew(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now().elapsed;
        self.state = ctx.random();
        self.writer = Writer::new(self.state);
        self.introduce_writer();
        self.outbox = Outbox::new(self.siblings.len());
        self.outbox.sent_all(now);
        self.peers.begin_anew(self.state, &self.replica, now);
        self.comparing = Comparing::default();
        (self.fetching, self.fetched) = (None, Vec::new());
        self.work.clear();
        self.refused.clear();
        self.giving.clear();
        self.sweep = Sweep::after(std::mem::take(&mut self.sweep));
    }

    /// Sees to it that this actor does not stay behind the others' rounds of collecting.
    pub(super) fn check_stale(&mut self, ctx: &mut Ctx<'_>) {
        let refills = self.refill.is_some();
        match self.sweep.stale(ctx.now().elapsed) {
            Some(Other::Server((server, _))) if !refills => self.report_stale(Some(server)),
            Some(_) => {
                // A sibling has it all, but for what this actor's clients wrote of late.
                let old = std::mem::take(&mut self.replica);
                let since_millis = ctx.now().wall_millis.saturating_sub(UNHEARD_MILLIS);
                self.aside.begin(old, Vec::new(), BTreeSet::from([self.state]), since_millis);
                self.begin_anew(ctx);
                self.refill = Some(Refill::new(self.me, self.siblings.len()));
                self.check_refill(ctx);
            }
            None => {}
        }
    }

    /// Tells the members actor that this server has to begin anew.
    pub(super) fn report_stale(&mut self, server: Option<u64>) {
        let (place, generation) = (self.place(), self.generation);
        let said = |report: &members::Message| matches!(report, members::Message::Stale { .. });
        if !self.reports.iter().any(said) {
            self.report(members::Message::Stale { place, server, generation });
        }
    }
}

#[cfg(test)]
mod tests;
