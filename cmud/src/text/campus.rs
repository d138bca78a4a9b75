//! The campus: what its places look like, what the shop says, what miners mutter.

use crate::rules::{Kind, Place};

/// What somebody sees who walks in.
#[must_use]
pub fn arrival(place: Place) -> &'static str {
    match place {
        Place::Fence => "The fence. More paint than fence by now; tonight it says RAFT.",
        Place::Bridge => "The bridge glows in colours that a penguin chose. Dream a little.",
        Place::Floor1 => "Floor 1. A robot holds the door for you, then asks for a citation.",
        Place::Floor2 => "Floor 2. A vending machine takes coins. Not that kind, yet.",
        Place::Floor3 => "Floor 3. Coffee, and a queue for it with a published bound.",
        Place::Floor4 => "Floor 4. Theory. It is very quiet; some of the doors are open problems.",
        Place::Floor5 => "Floor 5. Your old spot by the socket. The carpet remembers you.",
        Place::Floor6 => "Floor 6. Somebody argues with a compiler, and is losing.",
        Place::Floor7 => {
            "Floor 7. Systems. A cable runs across the floor; nobody dares to move it."
        }
        Place::Floor8 => "Floor 8. A deadline has passed through here. There is cold pizza.",
        Place::Floor9 => "Floor 9. The view is splendid. The professors face the other way.",
    }
}

/// What the shop says of its goods.
#[must_use]
pub fn pitch(kind: Kind) -> &'static str {
    match kind {
        Kind::Cpu => "honest work, one step after another",
        Kind::Gpu => "made for dragons, good at sums",
        Kind::Asic => "does one thing, all day, gladly",
        Kind::Quantum => "right and wrong at the same time",
        Kind::DarkMatter => "do not open near the cat",
    }
}

/// What one says after a try that found nothing.
#[must_use]
pub fn unlucky() -> &'static [&'static str] {
    &[
        "Nothing. Somebody in Finland was faster.",
        "Nothing, but the laptop is now warm enough for tea.",
        "Nothing. The nonce was so close that it hurts.",
        "Nothing. The fan sounds disappointed.",
    ]
}

/// What one says after a try that found something.
#[must_use]
pub fn lucky() -> &'static [&'static str] {
    &[
        "The fan hums a little tune.",
        "Arithmetic pays.",
        "A block! A small one, but it is yours.",
        "Somewhere, a pizza gets closer.",
    ]
}

/// What one hears during a long run.
#[must_use]
pub fn jokes() -> &'static [&'static str] {
    &[
        "Somebody has labelled the cat GARBAGE COLLECTOR. It mostly sleeps, too.",
        "A freshman asks where the cloud is. Everyone points somewhere else.",
        "The TA says the deadline is eventually consistent.",
        "A sign on the door: back at 0x0A. Nobody knows in which base.",
        "Somebody asks who the leader is. Three people raise a hand.",
        "The clock on the wall is right, give or take a partition.",
        "The printer is out of paper. It has voted to elect a new printer.",
        "Down the hall a deadlock ends: one of them got thirsty first.",
        "The whiteboard reads DO NOT ERASE, and, below it, WHY NOT.",
        "Your advisor drops by, looks at the fan, nods, and leaves. A good sign?",
    ]
}
