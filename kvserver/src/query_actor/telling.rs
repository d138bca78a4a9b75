//! When what there is for others goes to them.

use std::time::Duration;

use super::outbox::Sender;
use super::pace::{PACE, wait};
use super::{Ctx, Message, QueryActor};
use crate::members;

impl QueryActor {
    /// Sends what there is for the others, or sees to it that it is sent when the pace allows.
    pub(super) fn send_when_due(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now().elapsed;
        let mark = self.sweep.mark();
        for (to, frame) in self.peers.take(mark, now) {
            ctx.tell(&to, Message::Frame(Box::new(frame)));
        }
        if self.outbox.wait(now).is_some_and(|wait| wait.is_zero()) {
            let (me, generation) = (self.me, self.generation);
            let sender = Sender { me, generation, mark };
            for (to, sync) in self.outbox.take(sender, &self.replica, now) {
                ctx.tell(&self.siblings[to], Message::Sync(sync));
            }
        }
        if !self.aside.holds_some()
            && self.leaving.take_if(|live| self.peers.have_all(live)).is_some()
        {
            self.report(members::Message::Told { place: self.place() });
        }
        let report_wait = self.send_report(ctx);
        let waits =
            self.peers.wait(now).into_iter().chain(self.outbox.wait(now)).chain(report_wait);
        let Some(at) = waits.min().map(|wait| now + wait) else { return };
        if self.send_at.is_none_or(|set| set <= now || at < set) {
            self.send_at = Some(at);
            ctx.tell_after(at - now, Message::Send);
        }
    }

    /// Tells the members actor with what number this actor writes.
    pub(super) fn introduce_writer(&mut self) {
        self.report(members::Message::Writes { writer: self.state });
    }

    /// Has something for the members actor.
    pub(super) fn report(&mut self, report: members::Message) {
        if self.home.is_some() {
            self.reports.push_back(report);
        }
    }

    /// Tells the members actor the next thing, if the pace allows. Returns how long the one after it has
    /// to wait.
    pub(super) fn send_report(&mut self, ctx: &mut Ctx<'_>) -> Option<Duration> {
        let now = ctx.now().elapsed;
        if let Some(home) = &self.home
            && wait(self.last_report, PACE, now).is_zero()
            && let Some(report) = self.reports.pop_front()
        {
            self.last_report = Some(now);
            ctx.tell(&home.members, report);
        }
        (!self.reports.is_empty()).then(|| wait(self.last_report, PACE, now))
    }
}
