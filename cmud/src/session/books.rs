//! How a character is kept: every word with the store goes through here.
//!
//! - A query that fails is tried again, with growing pauses, until it is answered; the loss and
//!   the return of the connection are each said once.
//! - Whatever is written for a character is written in a *step*, which first reads who holds the
//!   character. A step that fails half-way is begun again from that reading, so a client that was
//!   taken over in the meantime writes nothing more.
//! - Each write of a character counts up its `edit`. A copy in the store that has counted further
//!   than the one in memory is newer (a late write of this client's, or of the one before it) and
//!   is taken over before the step changes it; one that lags behind is ignored. So nothing is
//!   applied twice and nothing is lost.

use std::pin::{Pin, pin};

use futures::future::{Either, join, join_all};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::api::{Setup, StoreError, StoreReply, StoreRequest, Tone};
use super::io::{Io, race};
use crate::text;
use crate::world::{Character, Key, Name, Prefix, Token};

/// How long to wait before the next attempts, in milliseconds; then the last one for ever.
const PAUSES_MILLIS: [u64; 4] = [250, 500, 1_000, 2_000];

/// How long a store may be away before those who give up do so: a program that has promised to
/// say so within 5 s has to start and end, too.
const PATIENCE_MILLIS: u64 = 4_000;

/// How long a query that is out may still take after an interrupt. An answer that is on its way
/// is worth it: it says whether the last coin is stored.
const GRACE_MILLIS: u64 = 300;

/// How long to wait before bad news is believed: a server's replicas agree within this time.
pub(super) const SECOND_LOOK_MILLIS: u64 = 500;

/// Why a command, or the whole character, has to be put down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The player wants to leave, or there is no more input.
    Leave,
    /// The player has interrupted a wait for the store.
    Interrupted,
    /// Another client holds the character now.
    TakenOver,
    /// A ready store says that the character does not exist.
    Vanished,
    /// The store refuses a query; a sentence says why.
    Refused(String),
    /// The store stayed away; a sentence says why.
    GaveUp(String),
}

/// The way to the store, and what this client is to it.
pub(super) struct Books {
    pub(super) io: Io,
    pub(super) rng: StdRng,
    /// This client's hold on characters.
    pub(super) token: Token,
    /// What to advise while no server has answered yet.
    advice: Option<&'static str>,
    /// Whether an initial failure ends the session.
    give_up: bool,
    /// Whether the store has ever answered.
    reached: bool,
    /// Whether the store was away when it was last asked.
    away: bool,
    /// Whether the loss of the connection has been said and its return has not.
    lost: bool,
}

/// How it stands with the store when a game ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has all that it was told, or was never asked.
    Here,
    /// It has not answered lately.
    Away,
    /// It was asked, and has never answered.
    Unreached,
}

impl Books {
    pub(super) fn new(io: Io, setup: &Setup) -> Self {
        let mut rng = StdRng::seed_from_u64(setup.seed);
        let token = Token::draw(&mut rng);
        Self {
            io,
            rng,
            token,
            advice: setup.advice,
            give_up: setup.give_up,
            reached: false,
            away: false,
            lost: false,
        }
    }

    /// How it stands with the store.
    pub(super) fn standing(&self) -> Standing {
        match (self.away, self.reached) {
            (false, _) => Standing::Here,
            (true, true) => Standing::Away,
            (true, false) => Standing::Unreached,
        }
    }

    /// Keys and values under a prefix.
    pub(super) async fn list(&mut self, prefix: Prefix) -> Result<Vec<(String, String)>, Stop> {
        let io = self.io.clone();
        self.retry(async || entries(io.request(list(&prefix)).await?)).await
    }

    /// Repeats an attempt until it succeeds, or until somebody is out of patience.
    pub(super) async fn retry<T>(
        &mut self,
        attempt: impl AsyncFnMut() -> Result<T, Attempt>,
    ) -> Result<T, Stop> {
        let io = self.io.clone();
        if self.is_giving_up() {
            let mut cause = format!("No server has answered within {} s.", PATIENCE_MILLIS / 1_000);
            return match race(self.keep_trying(attempt, &mut cause), io.sleep(PATIENCE_MILLIS))
                .await
            {
                Either::Left(result) => result,
                Either::Right(()) => Err(Stop::GaveUp(cause)),
            };
        }
        self.keep_trying(attempt, &mut String::new()).await
    }

    async fn keep_trying<T>(
        &mut self,
        mut attempt: impl AsyncFnMut() -> Result<T, Attempt>,
        cause: &mut String,
    ) -> Result<T, Stop> {
        let io = self.io.clone();
        let mut nobody_waits = pin!(async {
            io.ended().await;
            io.sleep(PATIENCE_MILLIS).await;
        });
        let mut pauses = PAUSES_MILLIS.into_iter();
        loop {
            let lost = self.lost;
            let result = match race(attempt(), out_of_patience(&io, lost, &mut nobody_waits)).await
            {
                Either::Left(result) => result,
                Either::Right(impatience) => return Err(self.abandon(impatience, cause)),
            };
            match result {
                Ok(value) => {
                    self.found();
                    return Ok(value);
                }
                Err(Attempt::Stopped(stop)) => {
                    self.found();
                    return Err(stop);
                }
                Err(Attempt::Failed(StoreError::Refused(why))) => return Err(Stop::Refused(why)),
                Err(Attempt::Failed(error)) => {
                    *cause = error.to_string();
                    self.missed(&error);
                }
            }
            let pause = pauses.next().unwrap_or(PAUSES_MILLIS[PAUSES_MILLIS.len() - 1]);
            let impatience = out_of_patience(&io, true, &mut nobody_waits);
            if let Either::Right(impatience) = race(io.sleep(pause), impatience).await {
                return Err(self.abandon(impatience, cause));
            }
        }
    }

    /// Stops trying. Whoever asks the store next is told anew that it is away.
    fn abandon(&mut self, impatience: Impatience, cause: &str) -> Stop {
        self.lost = false;
        let why = match self.reached {
            _ if self.is_giving_up() => cause,
            true => text::STAYED_AWAY,
            false => text::NEVER_REACHED,
        };
        match impatience {
            Impatience::Interrupted => Stop::Interrupted,
            Impatience::Left => Stop::Leave,
            Impatience::NobodyWaits => Stop::GaveUp(why.to_string()),
        }
    }

    /// Whether the session ends if the store does not answer soon. The end says the cause then, and
    /// nothing else does.
    fn is_giving_up(&self) -> bool {
        self.give_up && !self.reached
    }

    fn found(&mut self) {
        self.reached = true;
        self.away = false;
        if std::mem::take(&mut self.lost) {
            self.io.say(Tone::Success, "The connection is back.");
        }
    }

    fn missed(&mut self, error: &StoreError) {
        self.away = true;
        if std::mem::replace(&mut self.lost, true) {
            return;
        }
        let (tone, what) = match (error, self.reached) {
            (StoreError::NotReady(_), _) => (Tone::Warning, "The world is still waking up."),
            (_, true) => (Tone::Error, "The connection is lost."),
            (_, false) => (Tone::Error, "No connection yet."),
        };
        self.io.say(tone, &format!("{what} Trying again; nothing that you typed is forgotten."));
        if !self.is_giving_up() {
            self.io.say(Tone::Warning, &error.to_string());
        }
        let unreachable = matches!(error, StoreError::Unreachable(_));
        if let Some(advice) = self.advice.filter(|_| unreachable && !self.reached) {
            self.io.say(Tone::Hint, advice);
        }
    }
}

/// Why somebody does not want to wait for the store any longer.
#[derive(Clone, Copy)]
enum Impatience {
    Interrupted,
    Left,
    NobodyWaits,
}

/// Waits until somebody is out of patience: at once while the store is away, with a little grace
/// while it seems to be there.
async fn out_of_patience(
    io: &Io,
    lost: bool,
    nobody_waits: &mut Pin<&mut impl Future<Output = ()>>,
) -> Impatience {
    if !lost {
        io.interrupted().await;
        io.sleep(GRACE_MILLIS).await;
        return Impatience::Interrupted;
    }
    match race(io.interrupted(), race(io.quit_typed(), nobody_waits)).await {
        Either::Left(()) => Impatience::Interrupted,
        Either::Right(Either::Left(())) => Impatience::Left,
        Either::Right(Either::Right(())) => Impatience::NobodyWaits,
    }
}

/// Why one attempt has not succeeded.
pub(super) enum Attempt {
    /// The store did not answer: try again.
    Failed(StoreError),
    /// The store did answer, and that is that.
    Stopped(Stop),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<Stop> for Attempt {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// A character in this client's hands.
pub(super) struct Held {
    pub(super) me: Character,
}

impl Held {
    /// One step: makes sure that the character is still this client's, applies the change, and
    /// writes the character if that changed it, and the other values.
    pub(super) async fn step(
        &mut self,
        books: &mut Books,
        change: impl Fn(&mut Character),
        also: &[(Key, String)],
    ) -> Result<(), Stop> {
        let (io, token) = (books.io.clone(), books.token.clone());
        // The edit that an earlier attempt has tried to write, and may have written.
        let mut tried = None;
        let me = &mut self.me;
        let attempt = async || {
            let seen = look(&io, &token, &me.name).await?;
            let mut heal = false;
            match seen {
                Seen::Character(stored) if stored.edit > me.edit => *me = stored,
                Seen::Character(_) => {}
                Seen::Rubbish => heal = true,
            }
            let landed = me.writer == token && tried == Some(me.edit);
            let mut next = me.clone();
            if !landed {
                change(&mut next);
            }
            if heal || next != *me {
                next.edit = next.edit.saturating_add(1);
                next.writer = token.clone();
                tried = Some(next.edit);
                done(&io.request(put(&Key::player(&next.name), next.to_json())).await?)?;
                *me = next;
            }
            let puts = also.iter().map(|(key, value)| io.request(put(key, value.clone())));
            for reply in join_all(puts).await {
                done(&reply?)?;
            }
            Ok(())
        };
        books.retry(attempt).await
    }
}

/// What stands at `player/NAME` while a client holds it.
enum Seen {
    Character(Character),
    Rubbish,
}

/// Reads who holds the character, and the character. Bad news is read twice: a client that has
/// just been sent to another replica must not believe what that one has not heard yet.
async fn look(io: &Io, token: &Token, name: &Name) -> Result<Seen, Attempt> {
    let (mut holder, mut stored) = read_both(io, name).await?;
    let taken = |holder: &Option<String>| holder.as_deref().is_some_and(|h| h != token.as_str());
    if taken(&holder) || stored.is_none() {
        io.sleep(SECOND_LOOK_MILLIS).await;
        (holder, stored) = read_both(io, name).await?;
    }
    if taken(&holder) {
        return Err(Stop::TakenOver.into());
    }
    let json = stored.ok_or(Stop::Vanished)?;
    if holder.is_none() {
        // Somebody has wiped the hold, but nobody has taken it.
        done(&io.request(put(&Key::session(name), token.as_str().to_string())).await?)?;
    }
    Ok(Character::from_json(name, &json).map_or(Seen::Rubbish, Seen::Character))
}

/// The token that holds a character, and the character.
async fn read_both(io: &Io, name: &Name) -> Result<(Option<String>, Option<String>), Attempt> {
    let (holder, stored) =
        join(io.request(get(&Key::session(name))), io.request(get(&Key::player(name)))).await;
    Ok((value(holder?)?, value(stored?)?))
}

pub(super) fn get(key: &Key) -> StoreRequest {
    StoreRequest::Get { key: key.clone() }
}

pub(super) fn put(key: &Key, value: String) -> StoreRequest {
    StoreRequest::Put { key: key.clone(), value }
}

pub(super) fn list(prefix: &Prefix) -> StoreRequest {
    StoreRequest::List { prefix: prefix.clone() }
}

/// The answer to a Get.
pub(super) fn value(reply: StoreReply) -> Result<Option<String>, Attempt> {
    match reply {
        StoreReply::Value(value) => Ok(value),
        _ => Err(mismatch()),
    }
}

/// The answer to a Put.
pub(super) fn done(reply: &StoreReply) -> Result<(), Attempt> {
    match reply {
        StoreReply::Done => Ok(()),
        _ => Err(mismatch()),
    }
}

/// The answer to a List.
pub(super) fn entries(reply: StoreReply) -> Result<Vec<(String, String)>, Attempt> {
    match reply {
        StoreReply::Entries(entries) => Ok(entries),
        _ => Err(mismatch()),
    }
}

fn mismatch() -> Attempt {
    Attempt::Stopped(Stop::Refused("it answered another question than it was asked.".to_string()))
}
