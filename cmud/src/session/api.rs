//! What goes into a session and what comes out of it.

use std::fmt;

use crate::rules::{Hardware, Kind, Place, Problem, Rank};
use crate::world::{Key, Name, Prefix, Round};

/// How a session is to behave. Begin with [`Setup::interactive`] or [`Setup::plain`].
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where all chance comes from. Must be unpredictable in earnest: the token that holds a
    /// character is drawn from it.
    pub seed: u64,
    /// The character to open at once; without it the first line is the name.
    pub name: Option<Name>,
    /// Whether the story takes a breath between its paragraphs (any line or interrupt skips it).
    pub pauses: bool,
    /// Whether to look every few seconds at what others do: [`View::Campus`], [`View::Problem`],
    /// a line when somebody comes, goes or rises, and one's own promotion when somebody else
    /// finishes the round.
    pub refresh: bool,
    /// Whether a store that cannot be reached at the start ends the session ([`View::Fail`] after
    /// 4 s). Otherwise it keeps trying. Later losses of the connection never end it, unless there
    /// is no more input either.
    pub give_up: bool,
    /// Whether [`drive`](crate::drive::drive) stops reading lines while too many wait. Otherwise
    /// lines beyond the bound are refused with a message.
    pub hold_input: bool,
    /// What to advise whoever has not met a server yet: a sentence that fits the face.
    pub advice: Option<&'static str>,
    /// Whether the world ends with the session, which is no place to keep anything.
    pub passing: bool,
}

impl Setup {
    /// For a person at a terminal or a page.
    #[must_use]
    pub fn interactive(seed: u64) -> Self {
        Self {
            seed,
            name: None,
            pauses: true,
            refresh: true,
            give_up: false,
            hold_input: false,
            advice: None,
            passing: false,
        }
    }

    /// For lines from a pipe: no pauses, nothing that was not asked for, an end if there is no
    /// server, and no line refused.
    #[must_use]
    pub fn plain(seed: u64) -> Self {
        Self {
            pauses: false,
            refresh: false,
            give_up: true,
            hold_input: true,
            ..Self::interactive(seed)
        }
    }

    /// The same for a character that is known from the start.
    #[must_use]
    pub fn with_name(self, name: Option<Name>) -> Self {
        Self { name, ..self }
    }

    /// The same with an advice for whoever meets no server.
    #[must_use]
    pub fn with_advice(self, advice: Option<&'static str>) -> Self {
        Self { advice, ..self }
    }

    /// The same in a world that ends with the session, if `passing`.
    #[must_use]
    pub fn in_passing(self, passing: bool) -> Self {
        Self { passing, ..self }
    }
}

/// Names a [`StoreRequest`] until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a timer until it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// What goes into a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line was typed. During an activity it waits its turn, except `stop`.
    Line(String),
    /// Ctrl-C, or a stop button: ends the activity and keeps what it has brought so far.
    Interrupt,
    /// The store has answered an [`Effect::Store`], or failed to.
    Stored {
        /// Which request this answers.
        id: RequestId,
        /// The answer.
        result: Result<StoreReply, StoreError>,
    },
    /// An [`Effect::Sleep`] is over.
    Elapsed {
        /// Which timer rang.
        id: TimerId,
    },
    /// There is a connection now, be it the first, the same again or another one.
    Connected {
        /// To which server, in words for the player.
        to: String,
    },
    /// There will be no more lines. The waiting ones are still done, then the session says
    /// goodbye.
    EndOfInput,
}

/// What comes out of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Something for the face to show.
    View(View),
    /// Something that somebody has to carry out.
    Effect(Effect),
}

/// What a session cannot do itself. Several may be out at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A query for the store; answer with [`Input::Stored`].
    Store {
        /// To be given back with the answer.
        id: RequestId,
        /// What to ask.
        request: StoreRequest,
    },
    /// A timer to set; answer with [`Input::Elapsed`].
    Sleep {
        /// To be given back when the time has come.
        id: TimerId,
        /// How long from now.
        millis: u64,
    },
}

/// What a face shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// A line of text for the log.
    Show(Line),
    /// How far an activity has come; `None` when it is over and the bar goes.
    Progress(Option<Progress>),
    /// The character, whenever it has changed.
    Status(Status),
    /// Who is where, all eleven places in order: after `map`, and at every refresh that finds a
    /// change.
    Campus(Vec<(Place, Vec<PlayerSeen>)>),
    /// What the shop sells to this character, whenever that or what it can afford has changed.
    Shop(Vec<Offer>),
    /// The problem of the character's rank; `None` for the retired.
    Problem(Option<ProblemState>),
    /// No character is open any more: what was shown of one, of its campus, shop and problem goes.
    Nobody,
    /// The turn of a line has come: it goes to the log, and what it does follows. Trimmed; a blank
    /// line has no turn.
    Taken(String),
    /// The lines that wait for their turn, the next one first, whenever that has changed; trimmed,
    /// without blank ones. Only where a person types them, and none once the session is over.
    Waiting(Vec<String>),
    /// What a line that is typed now will be. Comes before the first line and at every change.
    Prompt(Prompt),
    /// The session could not begin, or cannot go on, and is over: a sentence that says why (exit code 1).
    Fail {
        /// The sentence.
        message: String,
    },
    /// The session is over and has said goodbye.
    Bye,
}

/// How a line of text is meant, so that a face can choose a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// A heading.
    Title,
    /// Narration.
    Story,
    /// An answer to a command.
    Say,
    /// Something went well.
    Success,
    /// Something went badly, within the game.
    Warning,
    /// Something is wrong: bad input, no connection.
    Error,
    /// What one could type next.
    Hint,
    /// What somebody else does.
    Gossip,
}

/// A paragraph, a line of a story, or a row of a table with two spaces or more before its last
/// column. Of any length: the face breaks it where its width ends. May be empty, for a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it is meant.
    pub tone: Tone,
    /// The text: no line breaks, no control characters.
    pub text: String,
}

/// How far an activity has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is going on: "Mining".
    pub label: String,
    /// How much is done, at most `total`.
    pub done: u64,
    /// How much there is.
    pub total: u64,
    /// What it has brought so far: "12 coins".
    pub note: String,
}

/// A character, as its player sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name, as first typed.
    pub name: Name,
    /// How far it has come.
    pub rank: Rank,
    /// What it can spend.
    pub coins: u64,
    /// What its hardware computes.
    pub power: u64,
    /// What it owns.
    pub hardware: Hardware,
    /// Where it stands.
    pub place: Place,
}

/// A character, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerSeen {
    /// Its name, as first typed.
    pub name: Name,
    /// How far it has come.
    pub rank: Rank,
    /// Whether it is the player's own.
    pub me: bool,
}

/// Something that the shop sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub kind: Kind,
    /// What one piece costs.
    pub price: u64,
    /// What one piece computes.
    pub power: u64,
    /// How many pieces the coins allow.
    pub affordable: u64,
}

/// How far the world has come with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemState {
    /// Which problem.
    pub problem: Problem,
    /// Which round of it.
    pub round: Round,
    /// Work done in this round by everyone, at most `total`.
    pub done: u64,
    /// Work to do in this round.
    pub total: u64,
    /// Who has done how much, most first.
    pub shares: Vec<(Name, u64)>,
}

/// What a line that is typed now will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// A character's name.
    Name,
    /// A command.
    Command,
    /// A command inside a problem.
    Problem,
    /// Yes or no. Where a person types, lines typed ahead do not answer; they go on waiting.
    Confirm,
    /// Something is going on; a line waits its turn.
    Busy,
    /// Nothing: the session is over.
    Closed,
}

impl Prompt {
    /// The text before the cursor; empty where nothing can be typed any more.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Name => "name> ",
            Self::Command | Self::Busy => "> ",
            Self::Problem => "solve> ",
            Self::Confirm => "yes/no> ",
            Self::Closed => "",
        }
    }

    /// Whether the session waits for a line.
    #[must_use]
    pub fn asks(self) -> bool {
        !matches!(self, Self::Busy | Self::Closed)
    }
}

/// A query for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// Answered by [`StoreReply::Value`].
    Get {
        /// What to read.
        key: Key,
    },
    /// Answered by [`StoreReply::Done`].
    Put {
        /// What to write.
        key: Key,
        /// What to write there.
        value: String,
    },
    /// Answered by [`StoreReply::Entries`].
    List {
        /// How the keys begin.
        prefix: Prefix,
    },
}

/// The store's answer to a [`StoreRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreReply {
    /// What a Get has found.
    Value(Option<String>),
    /// A Put is done.
    Done,
    /// Keys and values, in the order of the keys.
    Entries(Vec<(String, String)>),
}

/// Why the store did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No server could be asked, or none answered in time; the cause as a sentence.
    Unreachable(String),
    /// A server is there, and does not know yet what exists.
    NotReady(String),
    /// The query itself was refused; asking again would change nothing.
    Refused(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) | Self::NotReady(cause) | Self::Refused(cause) => {
                f.write_str(cause)
            }
        }
    }
}
