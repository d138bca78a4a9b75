//! What comes from siblings, and a refill from one of them.

use std::cmp::Ordering;

use super::comparing::Other;
use super::refill::Step;
use super::tombstones::brings_entries;
use super::work::{Source, Then, Work};
use super::{Ctx, Given, Message, PATIENCE, QueryActor, Store, Sync};
use crate::replica::Walk;

impl QueryActor {
    pub(super) fn take_in(&mut self, mut sync: Sync, ctx: &mut Ctx<'_>) {
        match sync.generation.cmp(&self.generation) {
            // It will begin anew as well. What it asks for it may have all the same.
            Ordering::Less => sync = Sync { from: sync.from, ask: sync.ask, ..Sync::default() },
            Ordering::Equal => {}
            Ordering::Greater if self.refill.is_some() => self.generation = sync.generation,
            Ordering::Greater => return self.early.push(sync),
        }
        let Sync {
            from, mut entries, mut fetched, ask, mut given, mut digest, mark, sweep, ..
        } = sync;
        if from >= self.siblings.len() || from == self.me {
            return;
        }
        let now = ctx.now().elapsed;
        self.sweep.heard(Other::Sibling(from), mark, true, now);
        let has_fetched = !fetched.is_empty();
        let claims = has_fetched || given != Given::Nothing;
        let brings = claims || !entries.is_empty() || digest.iter().any(brings_entries);
        if brings && !self.admits(&mark, now) {
            // Comparing finds what is lost with it.
            (entries, given) = (Vec::new(), Given::Nothing);
            digest.retain(|message| !brings_entries(message));
            // A ready actor has yet to be told to fetch. Then it is to be fetched again.
            fetched.iter_mut().for_each(|slice| slice.ready = false);
            if !self.is_ready() {
                self.refused.insert(from);
            }
        }
        if self.refused.contains(&from) {
            // What it has given or fetched is not all here, whatever it says later.
            if let Given::All { ready } = &mut given {
                *ready = false;
            }
            fetched.clear();
            if has_fetched {
                // Nobody says it again.
                self.refused.remove(&from);
                self.report_stale(None);
            }
        }
        if let Some(refill) = &mut self.refill
            && given != Given::Nothing
        {
            refill.heard(from, now);
        }
        let then = Then::Heard { from, given, fetched };
        self.work.push_back(Work { entries: Source::Sibling(entries.into_iter()), then });
        if ask {
            let entries = Source::Own { to: from, walk: Walk::default() };
            let then = Then::Gave { ready: self.is_ready(), fetched: self.fetched.clone() };
            self.work.push_back(Work { entries, then });
        }
        for message in digest {
            self.take_in_digest(Other::Sibling(from), message, ctx);
        }
        self.take_in_say(Other::Sibling(from), sweep, ctx);
        self.begin_work(ctx);
    }

    pub(super) fn merged(&mut self, from: usize, given: Given, ctx: &mut Ctx<'_>) {
        let Given::All { ready } = given else { return };
        if let Some(refill) = &mut self.refill {
            let step = refill.given_all(from, ready, ctx.now().elapsed);
            self.refill_step(step);
            self.complete_if_ready(ctx);
        }
    }

    pub(super) fn check_refill(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(refill) = &mut self.refill {
            let step = refill.check(ctx.now().elapsed);
            self.refill_step(step);
            self.complete_if_ready(ctx);
            ctx.tell_after(PATIENCE, Message::CheckRefill);
            self.send_when_due(ctx);
        }
    }

    pub(super) fn refill_step(&mut self, step: Step) {
        match step {
            Step::Ask(sibling) => self.outbox.ask(sibling),
            Step::Wait => {}
            Step::Done => self.refill = None,
            Step::Alone => {
                self.refill = None;
                if self.home.is_some() {
                    self.store = Store::Wanted;
                    self.report_stale(None);
                }
            }
        }
    }
}
