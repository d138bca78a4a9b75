//! How a character is opened: found, taken over, or made.

use super::api::Tone;
use super::books::{Attempt, Books, Held, SECOND_LOOK_MILLIS, Stop, done, get, put, value};
use super::play::confirm;
use crate::rules::{Place, Rank};
use crate::text::quote;
use crate::world::{Character, Key, Name, Token, Unreadable, Whereabouts};

/// A character that this client holds now.
pub(super) struct Opened {
    pub(super) held: Held,
    pub(super) place: Place,
    /// Whether it was made just now.
    pub(super) new: bool,
}

/// What stands at `player/NAME` and `place/NAME` before anything is written.
enum Found {
    Nothing,
    Character(Character, Option<Whereabouts>),
    Unreadable(Unreadable),
}

/// Opens a character; `None` if another name has to be chosen.
///
/// It is made only if a ready store says that it does not exist, or if what stands there is no
/// character and the player agrees to write over it.
pub(super) async fn open(books: &mut Books, name: &Name) -> Result<Option<Opened>, Stop> {
    match find(books, name).await? {
        Found::Nothing => make(books, name, false).await.map(Some),
        Found::Character(..) => take(books, name).await.map(Some),
        Found::Unreadable(Unreadable::Newer) => {
            books.io.say(
                Tone::Error,
                &format!("{name} was last played with a newer version of this game. Update, or choose another name."),
            );
            Ok(None)
        }
        Found::Unreadable(Unreadable::Rubbish) => {
            books.io.say(
                Tone::Error,
                &format!(
                    "Somebody has scribbled over the file of {}; it cannot be read.",
                    quote(name.as_str())
                ),
            );
            if confirm(&books.io, &format!("Begin anew as {name}? (No: choose another name.)"))
                .await?
            {
                make(books, name, true).await.map(Some)
            } else {
                Ok(None)
            }
        }
    }
}

async fn find(books: &mut Books, name: &Name) -> Result<Found, Stop> {
    let io = books.io.clone();
    books
        .retry(async || {
            let Some(json) = value(io.request(get(&Key::player(name))).await?)? else {
                return Ok(Found::Nothing);
            };
            let place = value(io.request(get(&Key::place(name))).await?)?;
            let whereabouts = place.and_then(|json| Whereabouts::from_json(name, &json));
            Ok(match Character::from_json(name, &json) {
                Ok(character) => Found::Character(character, whereabouts.map(|(_, seen)| seen)),
                Err(unreadable) => Found::Unreadable(unreadable),
            })
        })
        .await
}

/// Makes a new character, after a second look: the replica may not have heard of it yet. Begun
/// again after a failure it looks too, for it may have been made, by this client or by another.
async fn make(books: &mut Books, name: &Name, over_rubbish: bool) -> Result<Opened, Stop> {
    let (io, token) = (books.io.clone(), books.token.clone());
    let character = Character::new(name.clone(), token.clone());
    io.sleep(SECOND_LOOK_MILLIS).await;
    let made = books
        .retry(async || {
            if let Some(json) = value(io.request(get(&Key::player(name))).await?)? {
                match Character::from_json(name, &json) {
                    Ok(stored) if stored != character => return Ok(false),
                    Err(_) if !over_rubbish => return Ok(false),
                    _ => {}
                }
            }
            let whereabouts = Whereabouts::new(name, Place::START, Rank::Undergraduate);
            for (key, value) in [
                (Key::session(name), token.as_str().to_string()),
                (Key::player(name), character.to_json()),
                (Key::place(name), whereabouts.to_json()),
            ] {
                done(&io.request(put(&key, value)).await?)?;
            }
            Ok(true)
        })
        .await?;
    if made {
        Ok(Opened { held: Held { me: character }, place: Place::START, new: true })
    } else {
        take(books, name).await
    }
}

/// Takes a character that exists: first the hold, then the character, so that whoever held it
/// before has stopped writing when it is read.
async fn take(books: &mut Books, name: &Name) -> Result<Opened, Stop> {
    hold(books, name).await?;
    match find(books, name).await? {
        Found::Character(me, whereabouts) => {
            let place = whereabouts.as_ref().map_or(Place::START, |seen| seen.place);
            let seen = Whereabouts::new(&me.name, place, me.rank);
            let mut held = Held { me };
            if whereabouts.as_ref() != Some(&seen) {
                let key = Key::place(name);
                held.step(books, |_| {}, &[(key, seen.to_json())]).await?;
            }
            Ok(Opened { held, place, new: false })
        }
        Found::Nothing | Found::Unreadable(_) => Err(Stop::Vanished),
    }
}

async fn hold(books: &mut Books, name: &Name) -> Result<(), Stop> {
    let io = books.io.clone();
    let token: Token = books.token.clone();
    books
        .retry(async || -> Result<(), Attempt> {
            done(&io.request(put(&Key::session(name), token.as_str().to_string())).await?)
        })
        .await
}
