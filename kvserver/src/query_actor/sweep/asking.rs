//! Whom an actor asks about rounds, and when it finds that it has missed one.

use std::time::Duration;

use super::super::comparing::Other;
use super::{ASK_AGAIN, Round, STALE_AFTER, Say, Sweep};

impl Sweep {
    /// What is to be said to partners now, perhaps with a view to beginning a round.
    pub fn questions(
        &mut self,
        partners: impl Iterator<Item = Other>,
        beginning: bool,
        now: Duration,
    ) -> Vec<(Other, Say)> {
        let Some(swept) = self.swept() else { return self.ask_those_ahead(now) };
        let waiting = self.pending.front().map(|pending| pending.begin.round);
        let mut questions = Vec::new();
        for other in partners {
            let clear = match waiting {
                Some(round) => self.has_confirmed(other, round),
                None => !beginning || self.is_equal(other),
            };
            let may_want = self.wants_from <= now;
            let partner = self.partners.entry(other).or_default();
            let say = match (may_want && partner.mark.claim > self.claim, clear) {
                (true, _) => Say::Want(swept),
                (false, false) => Say::Ask,
                (false, true) => continue,
            };
            if partner.asked.is_none_or(|at| at + ASK_AGAIN <= now) {
                partner.asked = Some(now);
                questions.push((other, say));
            }
        }
        questions
    }

    /// An actor that has yet to get the store wants to know whether those who have it still answer.
    fn ask_those_ahead(&mut self, now: Duration) -> Vec<(Other, Say)> {
        let mut questions = Vec::new();
        for (other, partner) in &mut self.partners {
            let last = partner.asked.map_or(partner.heard, |asked| asked.max(partner.heard));
            if partner.collected().is_some_and(|round| round > Round::NONE)
                && last + ASK_AGAIN <= now
            {
                partner.asked = Some(now);
                questions.push((*other, Say::Ask));
            }
        }
        questions
    }

    /// The partner that has collected a round which this actor has missed, if there is one.
    pub fn stale(&mut self, now: Duration) -> Option<Other> {
        let own = self.claim.round()?;
        let behind = self.ahead(now).filter(|(round, _)| *round > own).map(|(_, other)| other);
        let since = *self.behind_since.get_or_insert(now);
        if behind.is_none() {
            self.behind_since = None;
        }
        // Whoever has the store may yet be given the rounds that it lacks.
        let patience = self.swept().map_or(Duration::ZERO, |_| STALE_AFTER);
        behind.filter(|_| since + patience <= now)
    }
}
