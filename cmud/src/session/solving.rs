//! `solve`: a problem that the whole world works on, and what it makes of those who do.

use futures::future::Either;

use super::api::{Progress, Prompt, Tone, View};
use super::books::Stop;
use super::game::Game;
use super::io::race;
use super::play::tell;
use super::watch::{as_typed, problem_state};
use crate::parser::{Command, Mode, parse};
use crate::rules::{self, Blow, Problem, Rank};
use crate::text::{self, count, number};
use crate::world::{Character, Key, Ledger, Prefix, Round, RoundState, Whereabouts};

/// In a run of more blows than this, those that make progress are only seen in the bar.
const BLOWS_IN_WORDS: u32 = 10;

/// What has become of a fight with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fight {
    GoesOn,
    Over,
}

impl Game<'_> {
    /// `solve` on the campus: enters the problem and stays until it is over.
    pub(super) async fn enter_problem(&mut self) -> Result<(), Stop> {
        let rank = self.held.me.rank;
        self.look_up_problem().await?;
        let Some((problem, round)) = self.round else {
            self.say(Tone::Story, "You lift your hands to the keyboard, and lower them again.");
            self.say(
                Tone::Say,
                "Problems are for the young now. You are Retired; mine, and stroll.",
            );
            return Ok(());
        };
        if self.held.me.rank != rank {
            // Others have finished what the character had begun: enough for one command.
            return Ok(());
        }
        self.books.io.say(Tone::Title, problem.title());
        for text in text::brief(problem) {
            self.books.io.say(Tone::Story, text);
        }
        let state = self.read_round(problem, round).await?;
        self.say(Tone::Say, &how_far(problem, &state));
        self.books.io.say(
            Tone::Hint,
            "`solve` or `solve N` to go at it, `resign` to leave, `inv` to count.",
        );
        loop {
            let result = match self.books.io.next_line_or_news(Prompt::Problem).await {
                Ok(Some(line)) => self.obey_inside(&line).await,
                Ok(None) => Err(Stop::Leave),
                Err(news) => self.hear(news).await.map(|()| Fight::GoesOn),
            };
            let fight = match result {
                Ok(fight) => fight,
                Err(stop) => self.survive(Err(stop)).map(|()| Fight::GoesOn)?,
            };
            if fight == Fight::Over || self.held.me.rank != rank {
                return Ok(());
            }
        }
    }

    async fn obey_inside(&mut self, line: &str) -> Result<Fight, Stop> {
        let command = match parse(line, Mode::Problem) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(Fight::GoesOn),
            Err(complaint) => {
                self.say(Tone::Error, &complaint.to_string());
                return Ok(Fight::GoesOn);
            }
        };
        let rank = self.held.me.rank;
        if !matches!(command, Command::Help(_) | Command::Stop | Command::Quit) {
            self.sync().await?;
        }
        if self.held.me.rank != rank {
            return Ok(Fight::Over);
        }
        match command {
            Command::Solve(blows) => {
                let result = self.fight(blows).await;
                self.books.io.progress(None);
                result
            }
            Command::Resign => {
                self.say(
                    Tone::Say,
                    "You walk away with your head high. Your work stays where it is.",
                );
                Ok(Fight::Over)
            }
            other => self.simple(other, Mode::Problem).await.map(|()| Fight::GoesOn),
        }
    }

    async fn fight(&mut self, blows: u32) -> Result<Fight, Stop> {
        let io = self.books.io.clone();
        let mut state = None;
        for _ in 0..blows {
            let Some((problem, round)) = self.round else { return Ok(Fight::Over) };
            if state.is_none() {
                state = Some(self.read_round(problem, round).await?);
            }
            self.show_fight(problem, state.as_ref());
            let pause = rules::thinking_millis(&mut self.books.rng);
            if let Either::Left(()) = race(io.interrupted(), io.sleep(pause)).await {
                self.say(Tone::Say, "You lower your arms. What is done is done.");
                return Ok(Fight::GoesOn);
            }
            // Others have not slept meanwhile.
            let mut now = self.read_round(problem, round).await?;
            if now.solved(problem) {
                self.settle_with(problem, &now).await?;
                if self.round.map(|(problem, _)| problem) != Some(problem) {
                    return Ok(Fight::Over);
                }
                state = None;
                continue;
            }
            match rules::blow(&mut self.books.rng) {
                Blow::Progress => {
                    self.progress(problem, round, &mut now, blows <= BLOWS_IN_WORDS).await?;
                    if now.solved(problem) {
                        self.settle_with(problem, &now).await?;
                        return Ok(Fight::Over);
                    }
                }
                Blow::Break => {
                    if self.break_something().await? == Fight::Over {
                        return Ok(Fight::Over);
                    }
                }
                Blow::Stuck => {
                    self.say(Tone::Story, "You stare at the screen. It stares back. No progress.");
                }
            }
            state = Some(now);
        }
        Ok(Fight::GoesOn)
    }

    fn show_fight(&self, problem: Problem, state: Option<&RoundState>) {
        self.books.io.progress(Some(Progress {
            label: "Solving".to_string(),
            done: state.map_or(0, RoundState::sum).min(problem.work()),
            total: problem.work(),
            note: format!("power {}", number(self.held.me.hardware.power())),
        }));
    }

    /// A blow that lands: the character's own share of the round grows.
    async fn progress(
        &mut self,
        problem: Problem,
        round: Round,
        now: &mut RoundState,
        in_words: bool,
    ) -> Result<(), Stop> {
        let name = self.held.me.name.clone();
        let power = self.held.me.hardware.power();
        let share = self.share.saturating_add(power).min(problem.work());
        let work = (Key::work(problem, round, &name), share.to_string());
        self.held.step(self.books, |_| {}, &[work]).await?;
        self.share = share;
        let before = now.sum();
        now.shares.insert(name, share);
        self.show_round(problem, round, now);
        if in_words {
            let sum = now.sum().min(problem.work());
            let (done, left) = (number(sum - before), number(problem.work() - sum));
            self.say(Tone::Success, &format!("It gives way: {done} done, {left} to go."));
        }
        Ok(())
    }

    async fn break_something(&mut self) -> Result<Fight, Stop> {
        let Some((kind, lost, left)) = rules::shatter(&mut self.books.rng, self.held.me.hardware)
        else {
            return Ok(Fight::GoesOn);
        };
        let beaten = left.is_empty();
        let shatter = |c: &mut Character| c.hardware = c.hardware.broken(kind).or_spare();
        self.held.step(self.books, shatter, &[]).await?;
        self.show_changes();
        self.say(
            Tone::Warning,
            &format!(
                "Smoke! You lose {} {}. Power is {} now.",
                number(lost),
                kind.word(),
                if beaten { "0".to_string() } else { number(self.held.me.hardware.power()) }
            ),
        );
        if !beaten {
            return Ok(Fight::GoesOn);
        }
        self.say(Tone::Warning, "That was your last machine. The problem has won this battle.");
        self.say(Tone::Story, "A kind soul slips you one CPU. Back to mining.");
        Ok(Fight::Over)
    }

    /// Finds the current round of the character's problem, and promotes it for rounds that it had
    /// a part in.
    pub(super) async fn look_up_problem(&mut self) -> Result<(), Stop> {
        loop {
            let Some(problem) = self.held.me.rank.problem() else {
                (self.round, self.share) = (None, 0);
                self.books.io.stand(View::Problem(None));
                self.show_changes();
                return Ok(());
            };
            let entries = self.books.list(Prefix::rounds(problem)).await?;
            let ledger = Ledger::read(problem, &entries);
            if ledger.rewards(&self.held.me.name) {
                self.rise(problem).await?;
                continue;
            }
            let round = ledger.current();
            let state = ledger.round(round);
            let seen = state.share(&self.held.me.name);
            // In the same round a replica that lags must not make this client forget its work.
            let same = self.round == Some((problem, round));
            self.share = if same { self.share.max(seen) } else { seen };
            self.round = Some((problem, round));
            self.show_round(problem, round, &state);
            self.show_changes();
            return Ok(());
        }
    }

    /// Looks whether the current round is over, and draws the consequences.
    pub(super) async fn settle(&mut self) -> Result<(), Stop> {
        let Some((problem, round)) = self.round else { return Ok(()) };
        let state = self.read_round(problem, round).await?;
        if state.solved(problem) { self.settle_with(problem, &state).await } else { Ok(()) }
    }

    /// Draws the consequences of a round that is over.
    async fn settle_with(&mut self, problem: Problem, state: &RoundState) -> Result<(), Stop> {
        if state.share(&self.held.me.name) > 0 {
            self.rise(problem).await?;
        } else {
            let solvers: Vec<_> = state
                .shares
                .keys()
                .map(|name| as_typed(name, &self.everyone).to_string())
                .collect();
            self.say(
                Tone::Gossip,
                &format!("{} is solved, by {}.", problem.title(), text::listed(&solvers)),
            );
            self.say(Tone::Say, "The next round begins.");
        }
        self.look_up_problem().await
    }

    /// Raises the character to the rank above a problem's, unless it is there already.
    async fn rise(&mut self, problem: Problem) -> Result<(), Stop> {
        let promote = |c: &mut Character| c.rank = c.rank.max(problem.reward());
        let (me, place) = (&self.held.me, self.place);
        let rank = me.rank.max(problem.reward());
        let seen = Whereabouts::new(&me.name, place, rank).to_json();
        let key = Key::place(&me.name);
        self.held.step(self.books, promote, &[(key, seen)]).await?;
        self.books.io.progress(None);
        self.show_changes();
        self.say(Tone::Title, &format!("{} is solved!", problem.title()));
        self.say(Tone::Story, text::solved(problem));
        self.say(
            Tone::Success,
            &format!("From {} to {}: you rise!", problem.rank().title(), rank.title()),
        );
        tell(&self.books.io, self.pauses, text::chapter(rank)).await;
        if rank == Rank::Retired {
            self.say(Tone::Hint, "You may mine, buy and stroll for as long as you like.");
        } else if let Some(kind) =
            rank.shop().last().filter(|_| rank.shop() != problem.rank().shop())
        {
            self.say(Tone::Hint, &format!("The shop sells {} now. Type `shop`.", kind.word()));
        }
        Ok(())
    }

    /// Reads a round. The character's own share is never less than what this client has written,
    /// even where a replica lags.
    async fn read_round(&mut self, problem: Problem, round: Round) -> Result<RoundState, Stop> {
        let entries = self.books.list(Prefix::round(problem, round)).await?;
        let mut state = Ledger::read(problem, &entries).round(round);
        if self.round == Some((problem, round)) {
            self.share = self.share.max(state.share(&self.held.me.name));
            if self.share > 0 {
                state.shares.insert(self.held.me.name.clone(), self.share);
            }
        }
        Ok(state)
    }

    fn show_round(&self, problem: Problem, round: Round, state: &RoundState) {
        let state = problem_state(problem, round, state, &self.everyone);
        self.books.io.stand(View::Problem(Some(state)));
    }
}

/// How far the world has come, in a sentence.
fn how_far(problem: Problem, state: &RoundState) -> String {
    let left = problem.work().saturating_sub(state.sum());
    let done = match state.shares.len() as u64 {
        0 => "Nobody has begun".to_string(),
        people => format!("{} at it so far", count(people, "head")),
    };
    format!("{done}; {} of {} units of work to go.", number(left), number(problem.work()))
}
