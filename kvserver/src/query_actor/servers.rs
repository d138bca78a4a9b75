//! What comes from other servers, and what this server's members actor says of them.

use std::time::Duration;

use actor::Now;

use super::comparing::{self, Other, Turn};
use super::fetch::{Brought, Giving};
use super::status::Snapshot;
use super::sweep::Sweep;
use super::tombstones::brings_entries;
use super::work::{Source, Then, Work};
use super::{Ctx, Fetched, Frame, Message, Note, QueryActor, Store};
use crate::{digest, members};

impl QueryActor {
    pub(super) fn take_in_frame(&mut self, mut frame: Frame, ctx: &mut Ctx<'_>) {
        let Now { elapsed: now, wall_millis } = ctx.now();
        if !Sweep::is_credible(&frame.mark, wall_millis) {
            return self.complain_of(&frame, now);
        }
        let (mark, say) = (frame.mark, frame.sweep.take());
        let knows_me = frame.to_state == Some(self.state);
        let brings = frame.data.is_some()
            || frame.chunk.is_some()
            || frame.digest.as_ref().is_some_and(brings_entries);
        if brings && !self.admits(&mark, now) {
            // As if it had not come, and without an answer: it may be welcome later.
            (frame.data, frame.chunk) = (None, None);
            frame.digest = frame.digest.filter(|message| !brings_entries(message));
        }
        let introduced = self.peers.introduced(&frame).cloned();
        let Some((link, arrived)) = self.peers.take_in(frame, &self.replica, now) else { return };
        if let Some(member) = introduced {
            self.report(members::Message::Introduced(vec![member]));
        }
        self.sweep.heard(Other::Server(link), mark, knows_me, now);
        if arrived.not_whole && self.is_ready() {
            self.peers.catch_up(link);
        }
        if let Some((pack, place)) = arrived.news {
            let entries = Source::Server { entries: pack.into(), link, asked: false };
            self.work.push_back(Work { entries, then: Then::Came { link, place } });
        }
        if let Some(Brought { parts, last }) = arrived.brought {
            for part in parts {
                let entries = Source::Server { entries: part.into(), link, asked: true };
                self.work.push_back(Work { entries, then: Then::Nothing });
            }
            self.work.push_back(Work::none(Then::Brought { link, last }));
        }
        if let Some(request) = arrived.request {
            // Whoever asks for something else does not want it any more. To begin anew for one who asks
            // again would be never to end, where it takes longer than that.
            self.giving.retain(|(of, giving)| *of != link || giving.is_for(&request));
            if !self.giving.iter().any(|(of, _)| *of == link) {
                self.giving.push_back((link, Giving::new(request, self.is_ready())));
            }
        }
        if let Some(message) = arrived.digest {
            self.take_in_digest(Other::Server(link), message, ctx);
        }
        self.take_in_say(Other::Server(link), say, ctx);
        self.begin_work(ctx);
    }

    /// A frame is ignored, as if it had not come.
    fn complain_of(&mut self, frame: &Frame, now: Duration) {
        /// What goes on for ever is said so often.
        const AGAIN: Duration = Duration::from_secs(60);
        if self.last_complaint.is_none_or(|at| at + AGAIN <= now) {
            self.last_complaint = Some(now);
            tracing::error!(
                server = frame.server,
                "it has collected what is an hour ahead of this server's clock, or says so; what it sends \
                 is ignored"
            );
        }
    }

    pub(super) fn take_note(&mut self, note: Note, ctx: &mut Ctx<'_>) {
        match note {
            Note::Meet(member) => {
                self.peers.meet(member, &self.replica, ctx.now().elapsed);
                self.comparing.hasten();
            }
            Note::Introduce => {
                self.report(members::Message::Store { place: self.place(), store: self.store });
                let known = self.peers.members().cloned().collect();
                self.report(members::Message::Introduced(known));
                self.introduce_writer();
            }
            Note::Forget(address) => {
                self.peers.forget(&address);
                let peers = &self.peers;
                self.giving.retain(|(link, _)| peers.has(*link));
            }
            Note::Generation(generation) => self.generation = self.generation.max(generation),
            Note::Renew(renewal) => self.renew(renewal, ctx),
            Note::Fetch { server, attempt } => {
                self.store = Store::Wanted;
                self.sweep.incomplete();
                self.refused.clear();
                self.fetching = Some((server, attempt));
                self.peers.fetch(server);
                self.report_fetched();
            }
            Note::Open => {
                self.store = Store::Here;
                self.fetching = None;
                self.fetched.clear();
                self.complete_if_ready(ctx);
            }
            Note::Leave { live } => self.leaving = Some(live),
            Note::Relay(relays) => self.peers.relay_between(relays),
            Note::Lead(leads) => self.gathering.leads = leads,
            Note::Status { at, json, members } => {
                self.status = Some(Snapshot { at, json, members });
            }
        }
    }

    /// Begins the comparisons that are due. A replica that is not ready has better ways to get what
    /// it lacks.
    pub(super) fn compare(&mut self, ctx: &mut Ctx<'_>) {
        ctx.tell_after(comparing::TICK, Message::Compare);
        self.sweep_on(ctx);
        self.check_stale(ctx);
        if self.has_aside() || !self.work.is_empty() {
            self.begin_work(ctx);
        }
        if !self.is_ready() {
            self.send_when_due(ctx);
            return;
        }
        let ring = (self.me, self.siblings.len());
        let now = ctx.now().elapsed;
        for (other, message) in self.comparing.begin(ring, &self.peers, &mut self.replica, now) {
            self.tell_digest(other, message);
        }
        if self.comparing.has_work() {
            self.begin_work(ctx);
        } else {
            self.send_when_due(ctx);
        }
    }

    pub(super) fn take_in_digest(
        &mut self,
        other: Other,
        message: digest::Message,
        ctx: &mut Ctx<'_>,
    ) {
        let now = ctx.now().elapsed;
        let turn = self.comparing.take_in(other, message, &mut self.replica, now);
        self.compared(turn);
    }

    /// Sees to what came of a comparison. What comes from another server comes to this actor alone.
    pub(super) fn compared(&mut self, (other, outcome): Turn) {
        for message in outcome.send {
            self.tell_digest(other, message);
        }
        if matches!(other, Other::Server(_)) {
            outcome.learned.into_iter().for_each(|entry| self.outbox.tell_all(entry));
        }
    }

    pub(super) fn tell_digest(&mut self, other: Other, message: digest::Message) {
        match other {
            Other::Sibling(to) => self.outbox.compare(to, message),
            Other::Server(link) => self.peers.compare(link, message),
        }
    }

    /// Says so when all slices that were wanted are merged here.
    pub(super) fn report_fetched(&mut self) {
        let Some((server, attempt)) = self.fetching else { return };
        let of_task = |fetched: &&Fetched| (fetched.server, fetched.attempt) == (server, attempt);
        let count = self.fetched.iter().filter(of_task).count();
        if self.peers.actors_of(server).is_some_and(|of| count == usize::from(of)) {
            let ready = self.fetched.iter().all(|fetched| fetched.ready);
            let place = self.place();
            self.report(members::Message::Fetched { place, server, attempt, ready });
        }
    }
}
