//! The story: how it begins, what each rank brings, what each problem asks, how it ends.
//!
//! One sentence or so per line, so that narrow screens do not tear it.

use crate::rules::{Problem, Rank};

/// The first lines of all.
pub const WELCOME: &[&str] = &[
    "C M U D",
    "Coins, Machines and University Degrees",
    "",
    "A campus in Pittsburgh. It is 2010 and it is about to rain.",
];

/// What is asked of those who have not said who they are.
pub const WHO: &str = "What should it say on your student card?";

/// What a name may be.
pub const NAME_RULE: &str = "1 to 24 letters, digits, - or _. Capitals make no difference.";

/// What cannot be a name where one is asked for.
pub const NOT_NAMES: &str = "No names here: `help`, and `quit`, `exit` or `bye`, which leave.";

/// The last lines.
pub const GOODBYE: &[&str] = &[
    "You close the lid. The fan goes on for a while, out of habit.",
    "The world keeps your things. Goodbye!",
];

/// The last lines in a world that ends with the game.
pub const GOODBYE_PASSING: &[&str] = &[
    "You close the lid. The fan goes on for a while, out of habit.",
    "This world was on your machine and ends with the game. Goodbye!",
];

/// The last lines while the store is away.
pub const GOODBYE_AWAY: &[&str] = &[
    "You close the lid. The fan goes on for a while, out of habit.",
    "The world is out of reach. It keeps what it had heard of you by then;",
    "what you did last may be lost. Goodbye!",
];

/// Why a game is over that has not begun.
pub const NEVER_REACHED: &str =
    "The world could not be reached: nothing was played, and nothing is kept.";

/// Why a game is over whose world has gone, and whose input has ended.
pub const STAYED_AWAY: &str =
    "The world stayed out of reach: not all that was typed has been done.";

/// Somebody of a rank.
#[must_use]
pub fn one(rank: Rank) -> &'static str {
    match rank {
        Rank::Undergraduate => "an Undergraduate",
        Rank::Masters => "a Masters student",
        Rank::Phd => "a PhD student",
        Rank::PostDoc => "a PostDoc",
        Rank::Professor => "a Professor",
        Rank::Retired => "one of the Retired",
    }
}

/// The chapter that opens when somebody reaches a rank, in paragraphs.
#[must_use]
pub fn chapter(rank: Rank) -> &'static [&'static [&'static str]] {
    match rank {
        Rank::Undergraduate => &[
            &[
                "You are auditing the distributed-systems course.",
                "Auditing means: all of the homework, none of the credit.",
                "The lecture is on consensus. Nobody agrees on what that is.",
            ],
            &[
                "In the row behind you someone whispers of a new digital coin.",
                "It is made of arithmetic and it is worth nothing.",
                "Ten thousand of them are rumoured to buy two pizzas.",
            ],
            &[
                "You like pizza. You own a laptop with one processor.",
                "You open the lid on the fifth floor of Gates, and the fan begins to sing.",
            ],
        ],
        Rank::Masters => &[
            &[
                "Fifty cities, one tour, and not a metre too long.",
                "The course staff are so surprised that they let you enrol.",
                "You are a Masters student now. There is a form for it.",
            ],
            &[
                "The campus store has a crate of graphics cards at the back.",
                "They were made for dragons. They will do for arithmetic.",
            ],
        ],
        Rank::Phd => &[
            &[
                "You hand in two different essays with the very same hash.",
                "Both get an A. The instructor stops using that hash.",
                "You are a PhD student now: they give you a desk and take your weekends.",
            ],
            &[
                "A parcel waits on the desk: chips that can do one thing only.",
                "You recognise a kindred spirit.",
            ],
        ],
        Rank::PostDoc => &[
            &[
                "Your model has learned to talk. Its first words are:",
                "    \"Dear reviewer 2, we thank you for your kind remarks.\"",
                "The committee weeps, and signs. You are a PostDoc, Doctor.",
            ],
            &[
                "The basement has a new fridge. It hums at four kelvin",
                "and holds no food whatsoever, at least while anyone is looking.",
            ],
        ],
        Rank::Professor => &[
            &[
                "You have settled P and NP. The proof fits on a napkin.",
                "Nobody is allowed to use the napkin.",
                "They make you a Professor and hand you the keys to the whiteboards.",
            ],
            &[
                "At night a van without a plate delivers jars of dark matter.",
                "They weigh more than they should. The receipt is blank.",
                "It is also oddly heavy.",
            ],
        ],
        Rank::Retired => &[
            &[
                "The machines fall silent, all at once, as if they had agreed.",
                "On the last screen stands the meaning of life:",
                "    42",
                "You check it twice. You always told your students to.",
            ],
            &[
                "There is cake on floor 9 and a bench at the fence with your name on it.",
                "A young person sits there with a singing laptop",
                "and asks you what this coin thing is about.",
                "You smile, and sit down. You are Retired.",
            ],
        ],
    }
}

/// What a problem is about, for those who enter it.
#[must_use]
pub fn brief(problem: Problem) -> &'static [&'static str] {
    match problem {
        Problem::Salesman => &[
            "A salesman means to visit 50 cities and be home for dinner.",
            "There are more tours than atoms, and he has already packed.",
        ],
        Problem::Midterm => &[
            "Take-home midterm, question 1 of 1: break a SHA-1 hash.",
            "Open book, open notes, open wallet. Due on Monday.",
        ],
        Problem::LanguageModel => &[
            "Train a model of language until it has something to say.",
            "It has read everything. So far it says \"the the the\".",
        ],
        Problem::PVersusNp => &[
            "P = NP? A yes or a no will do, with a proof.",
            "The margin is wide enough this time. You checked.",
        ],
        Problem::Meaning => &[
            "The meaning of life. Show your work.",
            "The whole department has an opinion, and none of it compiles.",
        ],
    }
}

/// How the end of a round looks to those who had a part in it.
#[must_use]
pub fn solved(problem: Problem) -> &'static str {
    match problem {
        Problem::Salesman => "The salesman is home. Dinner is still warm.",
        Problem::Midterm => "The hash gives in with a small, cryptographic sigh.",
        Problem::LanguageModel => "The loss goes down, and down, and then it clears its throat.",
        Problem::PVersusNp => "Q.E.D. Somebody drops the chalk.",
        Problem::Meaning => "The answer is 42. It was all along.",
    }
}
