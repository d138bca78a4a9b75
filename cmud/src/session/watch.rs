//! The background: looks every few seconds at what others do.
//!
//! It only reads. What it cannot read just now it reads the next time: a lost connection is the
//! foreground's to report, and the faces show the state of the link anyway. What the foreground has to
//! look into (the round is over, the character is nowhere) it is told.

use std::collections::BTreeMap;

use super::api::{PlayerSeen, ProblemState, StoreReply, Tone, View};
use super::books::list;
use super::io::{Io, News};
use crate::rules::{Place, Problem, Rank};
use crate::world::{Key, Ledger, Name, Prefix, Round, RoundState, Whereabouts};

/// How often to look. Two small queries, so a thousand players ask a server 700 times a second.
const PERIOD_MILLIS: u64 = 3_000;

/// The most lines of gossip at one look; a campus can be busy.
const MAX_GOSSIP: usize = 3;

/// What the background looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watching {
    pub(super) name: Name,
    pub(super) place: Place,
    pub(super) problem: Option<(Problem, Round)>,
}

/// What is known of everyone, by name.
pub(super) type Everyone = BTreeMap<Name, (Name, Whereabouts)>;

/// Looks for ever, if at all.
pub(super) async fn watch(io: Io, enabled: bool) {
    if !enabled {
        return std::future::pending().await;
    }
    let mut known: Option<(Name, Everyone)> = None;
    loop {
        let watching = io.something_to_watch().await;
        if let Ok(StoreReply::Entries(entries)) = io.request(list(&Prefix::places())).await {
            let everyone = read_everyone(&entries);
            if let Some((name, before)) = &known
                && *name == watching.name
            {
                gossip(&io, &watching, before, &everyone);
            }
            // A character that has been put down meanwhile is no news.
            if io.watching().is_some_and(|now| now.name == watching.name) {
                io.stand(View::Campus(campus(&watching.name, &everyone)));
                if !everyone.contains_key(&watching.name) {
                    io.tell(News::Missing);
                }
            }
            known = Some((watching.name.clone(), everyone));
        }
        if let Some((problem, round)) = watching.problem
            && let Ok(StoreReply::Entries(entries)) =
                io.request(list(&Prefix::round(problem, round))).await
        {
            let state = Ledger::read(problem, &entries).round(round);
            let nobody = Everyone::new();
            let everyone = known.as_ref().map_or(&nobody, |(_, everyone)| everyone);
            let view = problem_state(problem, round, &state, everyone);
            // What the foreground has moved on from meanwhile is no news.
            let current = io.watching().is_some_and(|now| now.problem == watching.problem);
            if current {
                io.stand(View::Problem(Some(view)));
                if state.solved(problem) {
                    io.tell(News::Solved);
                }
            }
        }
        io.sleep(PERIOD_MILLIS).await;
    }
}

/// Reads the entries of a List of everybody's whereabouts; what is none is skipped.
pub(super) fn read_everyone(entries: &[(String, String)]) -> Everyone {
    entries
        .iter()
        .filter_map(|(key, json)| {
            let name = Key::read_place(key)?;
            let seen = Whereabouts::from_json(&name, json)?;
            Some((name, seen))
        })
        .collect()
}

/// Everyone, by place: oneself first, then by name.
pub(super) fn campus(me: &Name, everyone: &Everyone) -> Vec<(Place, Vec<PlayerSeen>)> {
    let at = |place| {
        let here = everyone.values().filter(|(_, seen)| seen.place == place);
        let seen = |(name, seen): &(Name, Whereabouts)| PlayerSeen {
            name: name.clone(),
            rank: seen.rank,
            me: name == me,
        };
        let mut here: Vec<_> = here.map(seen).collect();
        here.sort_by_key(|player| !player.me);
        here
    };
    Place::ALL.into_iter().map(|place| (place, at(place))).collect()
}

/// A name as its owner typed it, where that is known; keys have it in lower case.
pub(super) fn as_typed(name: &Name, everyone: &Everyone) -> Name {
    everyone.get(name).map_or(name, |(shown, _)| shown).clone()
}

/// A round, as it is shown.
pub(super) fn problem_state(
    problem: Problem,
    round: Round,
    state: &RoundState,
    everyone: &Everyone,
) -> ProblemState {
    let mut shares: Vec<_> =
        state.shares.iter().map(|(name, work)| (as_typed(name, everyone), *work)).collect();
    shares.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let (done, total) = (state.sum().min(problem.work()), problem.work());
    ProblemState { problem, round, done, total, shares }
}

/// Says who came, went and rose since the last look.
fn gossip(io: &Io, watching: &Watching, before: &Everyone, now: &Everyone) {
    let others = now.iter().filter(|(name, _)| **name != watching.name);
    let news: Vec<String> = others
        .filter_map(|(name, (shown, seen))| {
            let was = before.get(name).map(|(_, was)| was);
            let was_here = was.is_some_and(|was| was.place == watching.place);
            let is_here = seen.place == watching.place;
            if was.is_some_and(|was| seen.rank > was.rank) {
                Some(risen(shown, seen.rank))
            } else if is_here && !was_here {
                Some(format!("{shown} comes in."))
            } else if was_here && !is_here {
                Some(format!("{shown} leaves for {}.", seen.place.title()))
            } else {
                None
            }
        })
        .collect();
    for line in news.iter().take(MAX_GOSSIP) {
        io.say(Tone::Gossip, line);
    }
    if news.len() > MAX_GOSSIP {
        io.say(Tone::Gossip, "It is getting lively here.");
    }
}

fn risen(name: &Name, rank: Rank) -> String {
    match rank {
        Rank::Retired => format!("{name} has retired. There is cake."),
        rank => format!("Word is that {name} made {}.", rank.title()),
    }
}
