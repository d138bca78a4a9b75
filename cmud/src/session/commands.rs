//! What each command does; mining and solving have files of their own.

use super::api::{PlayerSeen, Tone, View};
use super::books::Stop;
use super::game::{Game, offers};
use super::watch::{campus, read_everyone};
use crate::parser::{Mode, Verb};
use crate::rules::{Hardware, Kind, Place, Rank, afford};
use crate::text::{self, count, number};
use crate::world::{Character, Key, Prefix, Whereabouts};

impl Game<'_> {
    pub(super) async fn walk(&mut self, place: Place) -> Result<(), Stop> {
        if place == self.place {
            self.say(Tone::Say, &format!("You are at {} already. It is nice here.", place.title()));
            return Ok(());
        }
        let me = &self.held.me;
        let seen = Whereabouts::new(&me.name, place, me.rank).to_json();
        let key = Key::place(&me.name);
        self.held.step(self.books, |_| {}, &[(key, seen)]).await?;
        self.place = place;
        self.books.io.say(Tone::Story, text::arrival(place));
        self.show_changes();
        self.look_around().await?;
        let here = self
            .everyone
            .values()
            .filter(|(name, seen)| seen.place == place && *name != self.held.me.name);
        let names: Vec<_> = here.map(|(name, _)| name.to_string()).collect();
        if !names.is_empty() {
            self.say(Tone::Gossip, &format!("Here: {}.", text::listed(&names)));
        }
        Ok(())
    }

    pub(super) async fn buy(&mut self, kind: Kind) -> Result<(), Stop> {
        let me = &self.held.me;
        if !me.rank.shop().contains(&kind) {
            let buyer = Rank::ALL.into_iter().find(|rank| rank.shop().contains(&kind));
            let buyer = buyer.unwrap_or(Rank::Retired);
            self.say(
                Tone::Warning,
                &format!(
                    "The shop does not sell {} to {}. Come back as {}.",
                    kind.word(),
                    text::one(me.rank),
                    text::one(buyer)
                ),
            );
            return Ok(());
        }
        let (pieces, _) = afford(me.coins, kind);
        if pieces == 0 {
            self.say(
                Tone::Warning,
                &format!(
                    "One {} costs {} and you have {}. Type `mine`.",
                    kind.word(),
                    count(kind.price(), "coin"),
                    number(me.coins)
                ),
            );
            return Ok(());
        }
        let purchase = |c: &mut Character| {
            let (pieces, left) = afford(c.coins, kind);
            c.coins = left;
            c.hardware.add(kind, pieces);
        };
        self.held.step(self.books, purchase, &[]).await?;
        let me = &self.held.me;
        self.say(
            Tone::Success,
            &format!(
                "You carry off {} {}. Power {}, and {} left.",
                number(pieces),
                kind.word(),
                number(me.hardware.power()),
                count(me.coins, "coin")
            ),
        );
        self.show_changes();
        Ok(())
    }

    pub(super) fn help(&self, mode: Mode) {
        for verb in Verb::of(mode) {
            self.books.io.say(Tone::Say, &format!("{:<15} {}", verb.usage(mode), verb.about(mode)));
        }
        self.books.io.say(Tone::Hint, "Two letters of a command are enough where they are clear.");
    }

    pub(super) fn help_with(&self, verb: Verb, mode: Mode) {
        let mode = match (verb.belongs(mode), mode) {
            (true, mode) => mode,
            (false, Mode::Campus) => Mode::Problem,
            (false, Mode::Problem) => Mode::Campus,
        };
        self.books.io.say(Tone::Say, &format!("{}: {}.", verb.usage(mode), verb.about(mode)));
        match verb {
            Verb::Move => {
                let places = Place::ALL.map(Place::word).join(", ");
                self.say(Tone::Hint, &format!("Places: {places}."));
            }
            Verb::Buy => self.say(Tone::Hint, &format!("For you: {}.", kinds(self.held.me.rank))),
            Verb::Mine => {
                self.say(Tone::Hint, "Each try takes up to 4 seconds; 9 in 10 bring 1 to P coins.");
                self.say(Tone::Hint, "P is the power of all your hardware.");
            }
            Verb::Solve => {
                self.say(Tone::Hint, "Of 20 blows, 16 do P units of work and 3 break hardware.");
                self.say(Tone::Hint, "The work is shared by everyone of your rank in the world.");
            }
            _ => {}
        }
    }

    pub(super) fn stats(&self) {
        let me = &self.held.me;
        let line = format!("{}, {}, at {}.", me.name, me.rank.title(), self.place.title());
        self.say(Tone::Say, &line);
        match me.rank.problem() {
            Some(problem) => self.say(
                Tone::Say,
                &format!("Between you and {}: {}.", problem.reward().title(), problem.title()),
            ),
            None => self.say(Tone::Say, "Nothing stands between you and your bench at the fence."),
        }
    }

    pub(super) fn shop(&self) {
        self.books.io.say(Tone::Title, "Campus store");
        for offer in offers(self.held.me.rank, self.held.me.coins) {
            let line = format!(
                "{:<12} {:>4} {}   power {:>6}   {}",
                offer.kind.word(),
                offer.price,
                if offer.price == 1 { "coin " } else { "coins" },
                number(offer.power),
                text::pitch(offer.kind)
            );
            self.books.io.say(Tone::Say, &line);
        }
        let hint = match self.held.me.coins {
            0 => "You have no coins. Type `mine`.".to_string(),
            coins => format!("You have {}. Type `buy KIND`.", count(coins, "coin")),
        };
        self.say(Tone::Hint, &hint);
    }

    pub(super) fn inventory(&self) {
        let me = &self.held.me;
        self.say(Tone::Say, &format!("{}.", count(me.coins, "coin")));
        for line in hardware_rows(&me.hardware) {
            self.books.io.say(Tone::Say, &line);
        }
        self.say(Tone::Say, &format!("Together they have power {}.", number(me.hardware.power())));
    }

    pub(super) async fn map(&mut self) -> Result<(), Stop> {
        self.look_around().await?;
        self.books.io.say(Tone::Title, "The campus");
        for (place, here) in campus(&self.held.me.name, &self.everyone).iter().rev() {
            let names: Vec<_> = here
                .iter()
                .map(|PlayerSeen { name, rank, me }| {
                    format!("{name} ({}{})", if *me { "you, " } else { "" }, rank.title())
                })
                .collect();
            let line = format!("{:<8} {}", place.word(), names.join(", "));
            self.say(Tone::Say, line.trim_end());
        }
        Ok(())
    }

    /// Reads where everyone is, and shows it to the face.
    pub(super) async fn look_around(&mut self) -> Result<(), Stop> {
        let entries = self.books.list(Prefix::places()).await?;
        self.everyone = read_everyone(&entries);
        let campus = campus(&self.held.me.name, &self.everyone);
        self.books.io.stand(View::Campus(campus));
        Ok(())
    }
}

/// What somebody owns, kind by kind: no wider than it must be, for narrow screens.
fn hardware_rows(hardware: &Hardware) -> Vec<String> {
    let row = |(kind, pieces): (Kind, u64)| {
        [number(pieces), kind.word().to_string(), number(pieces.saturating_mul(kind.power()))]
    };
    let rows: Vec<_> = hardware.owned().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let [a, b, c] = [0, 1, 2].map(width);
    rows.iter()
        .map(|[pieces, kind, power]| format!("  {pieces:>a$} {kind:<b$}  power {power:>c$}"))
        .collect()
}

fn kinds(rank: Rank) -> String {
    rank.shop().iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_fits_a_narrow_screen() {
        assert_eq!(hardware_rows(&Hardware::SPARE), ["  1 cpu  power 1"]);
        let mut rich = Hardware::SPARE;
        for kind in Kind::ALL {
            rich.add(kind, 54_321);
        }
        let rows = hardware_rows(&rich);
        assert_eq!(rows[0], "  54,322 cpu          power      54,322");
        assert_eq!(rows[4], "  54,321 dark_matter  power 543,210,000");
        assert!(rows.iter().all(|row| row.len() < 40), "{rows:?}");
    }
}
