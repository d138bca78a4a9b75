//! `mine`: luck, patience, and coins that are stored before they are shown.

use futures::future::Either;
use rand::seq::IndexedRandom;

use super::api::{Progress, Tone};
use super::books::Stop;
use super::game::Game;
use super::io::race;
use crate::rules;
use crate::text::{self, count};
use crate::world::Character;

/// In a run, how many tries lie between two remarks.
const TRIES_PER_JOKE: u32 = 25;

/// What a run of tries has brought so far.
#[derive(Default)]
struct Haul {
    tries: u32,
    coins: u64,
}

impl Game<'_> {
    /// Tries that often. Ends early when it is interrupted; what was found until then is kept.
    pub(super) async fn mine(&mut self, tries: u32) -> Result<(), Stop> {
        let mut haul = Haul::default();
        let result = self.dig(tries, &mut haul).await;
        self.books.io.progress(None);
        let interrupted = result == Err(Stop::Interrupted);
        if tries > 1 || interrupted {
            self.sum_up(tries, &haul, interrupted);
        }
        if interrupted { Ok(()) } else { result }
    }

    fn sum_up(&self, tries: u32, haul: &Haul, interrupted: bool) {
        let stopped = if interrupted { "Stopped. " } else { "" };
        let times = match (haul.tries, tries) {
            (some, all) if some < all => {
                format!("{} of {} tries", text::number(some.into()), text::number(all.into()))
            }
            (_, 1) => "1 try".to_string(),
            (_, all) => format!("{} tries", text::number(all.into())),
        };
        let (coins, total) = (count(haul.coins, "coin"), text::number(self.held.me.coins));
        let tone = if haul.coins > 0 { Tone::Success } else { Tone::Say };
        self.say(tone, &format!("{stopped}{times} brought {coins}. You have {total}."));
    }

    async fn dig(&mut self, tries: u32, haul: &mut Haul) -> Result<(), Stop> {
        let io = self.books.io.clone();
        for turn in 1..=tries {
            io.progress(Some(Progress {
                label: "Mining".to_string(),
                done: haul.tries.into(),
                total: tries.into(),
                note: count(haul.coins, "coin"),
            }));
            let pause = rules::thinking_millis(&mut self.books.rng);
            if let Either::Left(()) = race(io.interrupted(), io.sleep(pause)).await {
                return Err(Stop::Interrupted);
            }
            let found = rules::mine(&mut self.books.rng, self.held.me.hardware.power());
            if let Some(coins) = found {
                let earn = |c: &mut Character| c.coins = c.coins.saturating_add(coins);
                self.held.step(self.books, earn, &[]).await?;
                haul.coins = haul.coins.saturating_add(coins);
                self.show_changes();
            }
            haul.tries = turn;
            if tries == 1 {
                self.remark(found);
            } else if turn % TRIES_PER_JOKE == 0 && turn < tries {
                let joke = text::jokes().choose(&mut self.books.rng).copied().unwrap_or_default();
                self.say(Tone::Story, joke);
            }
        }
        Ok(())
    }

    /// What one says to a single try.
    fn remark(&mut self, found: Option<u64>) {
        let remarks = if found.is_some() { text::lucky() } else { text::unlucky() };
        let remark = remarks.choose(&mut self.books.rng).copied().unwrap_or_default();
        match found {
            Some(coins) => {
                let total = text::number(self.held.me.coins);
                let found = count(coins, "coin");
                self.say(Tone::Success, &format!("You mine {found}. {remark} You have {total}."));
            }
            None => self.say(Tone::Say, remark),
        }
    }
}
