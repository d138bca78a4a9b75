//! The first words of commands.

use strsim::damerau_levenshtein;

use super::Complaint;

/// Where a line is typed, since that decides what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Out on the campus.
    Campus,
    /// Inside a problem.
    Problem,
}

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Verb::about says it")]
pub enum Verb {
    Mine,
    Shop,
    Buy,
    Inventory,
    Solve,
    Resign,
    Move,
    Map,
    Stats,
    Stop,
    Help,
    Quit,
}

impl Verb {
    /// Every verb, in the order in which help explains them.
    pub const ALL: [Self; 12] = [
        Self::Mine,
        Self::Shop,
        Self::Buy,
        Self::Inventory,
        Self::Solve,
        Self::Resign,
        Self::Move,
        Self::Map,
        Self::Stats,
        Self::Stop,
        Self::Help,
        Self::Quit,
    ];

    /// The word itself.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Shop => "shop",
            Self::Buy => "buy",
            Self::Inventory => "inv",
            Self::Solve => "solve",
            Self::Resign => "resign",
            Self::Move => "move",
            Self::Map => "map",
            Self::Stats => "stats",
            Self::Stop => "stop",
            Self::Help => "help",
            Self::Quit => "quit",
        }
    }

    /// Other words that mean the same.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Inventory => &["i", "inventory"],
            Self::Move => &["go"],
            Self::Help => &["?", "h"],
            Self::Quit => &["exit", "bye"],
            _ => &[],
        }
    }

    /// The word with what may follow it.
    #[must_use]
    pub fn usage(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Mine, _) => "mine [N]",
            (Self::Buy, _) => "buy KIND",
            (Self::Move, _) => "move PLACE",
            (Self::Solve, Mode::Problem) => "solve [N]",
            (Self::Help, _) => "help [COMMAND]",
            (verb, _) => verb.word(),
        }
    }

    /// What it does, in one line.
    #[must_use]
    pub fn about(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Mine, _) => "try to mine coins, once or N times (at most 1,000)",
            (Self::Shop, _) => "see what the shop sells to people of your rank",
            (Self::Buy, _) => "buy as much of a kind as your coins allow",
            (Self::Inventory, _) => "count your coins and your hardware",
            (Self::Solve, Mode::Campus) => "enter the problem that stands between you and a title",
            (Self::Solve, Mode::Problem) => "throw your hardware at it, once or N times",
            (Self::Resign, _) => "leave the problem; your work on it stays",
            (Self::Move, _) => "walk to the fence, the bridge, or a floor of Gates (1 to 9)",
            (Self::Map, _) => "see who is where",
            (Self::Stats, _) => "recall who you are",
            (Self::Stop, _) => "stop mining or solving and keep what it brought",
            (Self::Help, _) => "read this, or all about one command",
            (Self::Quit, _) => "leave (also: exit, bye)",
        }
    }

    /// Whether the verb means something in a mode.
    #[must_use]
    pub fn belongs(self, mode: Mode) -> bool {
        match self {
            Self::Mine | Self::Shop | Self::Buy | Self::Move => mode == Mode::Campus,
            Self::Resign => mode == Mode::Problem,
            _ => true,
        }
    }

    /// The verbs that mean something in a mode.
    pub fn of(mode: Mode) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |verb| verb.belongs(mode))
    }

    /// The verb that a word stands for and that means something in a mode, if there is one.
    #[must_use]
    pub fn named(word: &str, mode: Mode) -> Option<Self> {
        Self::find(word, mode).ok()
    }

    /// As [`named`](Self::named), with what is wrong if there is none.
    pub(super) fn find(word: &str, mode: Mode) -> Result<Self, Complaint> {
        let verb = Self::find_anywhere(word, mode)?;
        if verb.belongs(mode) { Ok(verb) } else { Err(Complaint::Elsewhere(verb)) }
    }

    /// The verb that a word stands for, whether it means something in the mode or not.
    pub(super) fn find_anywhere(word: &str, mode: Mode) -> Result<Self, Complaint> {
        let lower = word.to_lowercase();
        let exact = |verb: &Self| verb.word() == lower || verb.aliases().contains(&lower.as_str());
        if let Some(verb) = Self::ALL.into_iter().find(exact) {
            return Ok(verb);
        }
        let begins: Vec<_> =
            Self::of(mode).filter(|verb| verb.word().starts_with(&lower)).collect();
        match begins[..] {
            [verb] if lower.len() >= 2 => Ok(verb),
            [] | [_] => {
                let nearest = begins.first().copied().or_else(|| near(&lower, mode));
                Err(Complaint::Unknown { word: word.to_string(), nearest })
            }
            _ => Err(Complaint::Ambiguous { word: word.to_string(), verbs: begins }),
        }
    }
}

/// The verb of which a word may be a slip of the finger: one letter in three is wrong at most. Of several,
/// one with the same first letter.
fn near(word: &str, mode: Mode) -> Option<Verb> {
    /// Comparing takes time, and a longer word is like no verb.
    const LONGEST: usize = 16;
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let slips = (length / 3).max(1);
    let likeness = |verb: Verb| {
        // A word of one or two letters is like everything that is as short.
        let aliases = verb.aliases().iter().copied().filter(|alias| alias.len() > 2);
        let names = aliases.chain([verb.word()]);
        let distance = names.map(|name| damerau_levenshtein(word, name)).min()?;
        let other_letter = word.chars().next() != verb.word().chars().next();
        (distance <= slips).then_some((distance, other_letter))
    };
    let like = Verb::of(mode).filter_map(|verb| Some((likeness(verb)?, verb)));
    like.min_by_key(|(likeness, _)| *likeness).map(|(_, verb)| verb)
}
