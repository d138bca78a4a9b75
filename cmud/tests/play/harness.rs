//! A world for tests: several sessions on one store in memory, in virtual time, with a network
//! that can be slow, cut, or lose answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write;

use cmud::{
    Effect, Input, Output, Prompt, RequestId, Session, Setup, Status, StoreError, StoreReply,
    StoreRequest, TimerId, View,
};

/// Longer than any activity takes: 1,000 tries of 4 s.
const WEDGED_MILLIS: u64 = 2 * 3_600 * 1_000;

/// How the store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It answers.
    Fine,
    /// It cannot be reached.
    Down,
    /// It is there and does not know yet what exists.
    NotReady,
    /// It does what it is asked, and the answer is lost.
    LosesAnswers,
    /// It finds fault with every query.
    Refuses,
}

/// Who plays, as an index into the world's players.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(usize);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ring(Who, TimerId),
    Ask(Who, RequestId),
    Answer(Who, RequestId),
}

struct Player {
    label: String,
    session: Session,
    requests: BTreeMap<RequestId, StoreRequest>,
    answers: BTreeMap<RequestId, Result<StoreReply, StoreError>>,
    views: Vec<View>,
    prompt: Prompt,
    status: Option<Status>,
}

pub struct World {
    pub store: BTreeMap<String, String>,
    pub weather: Weather,
    pub one_way_millis: u64,
    /// Who has written which key, in order.
    pub writes: Vec<(Who, String)>,
    now: u64,
    sequence: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    players: Vec<Player>,
    transcript: String,
}

impl World {
    pub fn new() -> Self {
        Self {
            store: BTreeMap::new(),
            weather: Weather::Fine,
            one_way_millis: 20,
            writes: Vec::new(),
            now: 0,
            sequence: 0,
            events: BinaryHeap::new(),
            players: Vec::new(),
            transcript: String::new(),
        }
    }

    /// Somebody starts a client; `label` is for the transcript.
    pub fn join(&mut self, label: &str, setup: Setup) -> Who {
        let who = Who(self.players.len());
        let (session, outputs) = Session::new(setup);
        self.players.push(Player {
            label: label.to_string(),
            session,
            requests: BTreeMap::new(),
            answers: BTreeMap::new(),
            views: Vec::new(),
            prompt: Prompt::Busy,
            status: None,
        });
        self.carry_out(who, outputs);
        who
    }

    /// A player with a name who has been through the opening.
    pub fn player(&mut self, name: &str, seed: u64) -> Who {
        let setup = Setup::plain(seed).with_name(Some(name.parse().expect("a test's name")));
        let who = self.join(name, setup);
        self.settle(who);
        who
    }

    /// Types a line and returns at once.
    pub fn send(&mut self, who: Who, line: &str) {
        let prompt = self.players[who.0].prompt;
        let prompt = if prompt.asks() { prompt.text().trim_end() } else { "(busy)" };
        let entry = format!("{prompt} {line}");
        self.note(who, &entry);
        self.give(who, Input::Line(line.to_string()));
    }

    /// Types a line and waits until the player can type again. Returns what was shown.
    pub fn type_line(&mut self, who: Who, line: &str) -> String {
        let before = self.players[who.0].views.len();
        self.send(who, line);
        self.settle(who);
        self.shown_since(who, before)
    }

    pub fn give(&mut self, who: Who, input: Input) {
        let outputs = self.players[who.0].session.handle(input);
        self.carry_out(who, outputs);
    }

    /// Runs until the player can type again.
    pub fn settle(&mut self, who: Who) {
        let start = self.now;
        while self.players[who.0].prompt == Prompt::Busy {
            assert!(self.step(), "{who:?} waits, and nothing will happen");
            assert!(self.now - start < WEDGED_MILLIS, "{who:?} waits for ever");
        }
    }

    /// Runs for a time.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while self.events.peek().is_some_and(|Reverse((at, ..))| *at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Lets the next thing happen; `false` if there is none.
    pub fn step(&mut self) -> bool {
        let Some(Reverse((at, _, event))) = self.events.pop() else { return false };
        self.now = at;
        match event {
            Event::Ring(who, id) => self.give(who, Input::Elapsed { id }),
            Event::Ask(who, id) => {
                let request = self.players[who.0].requests.remove(&id).expect("it was asked");
                let result = self.answer(who, request);
                self.players[who.0].answers.insert(id, result);
                self.at(self.now + self.one_way_millis, Event::Answer(who, id));
            }
            Event::Answer(who, id) => {
                let result = self.players[who.0].answers.remove(&id).expect("it was answered");
                self.give(who, Input::Stored { id, result });
            }
        }
        true
    }

    fn answer(&mut self, who: Who, request: StoreRequest) -> Result<StoreReply, StoreError> {
        let lost = || {
            Err(StoreError::Unreachable(
                "127.0.0.1:6001 cannot be reached: connection refused.".into(),
            ))
        };
        match self.weather {
            Weather::Fine => Ok(self.execute(who, request)),
            Weather::Down => lost(),
            Weather::NotReady => {
                Err(StoreError::NotReady("127.0.0.1:6001 is not ready yet.".into()))
            }
            Weather::Refuses => Err(StoreError::Refused("It does not like you.".into())),
            Weather::LosesAnswers => {
                self.execute(who, request);
                lost()
            }
        }
    }

    fn execute(&mut self, who: Who, request: StoreRequest) -> StoreReply {
        match request {
            StoreRequest::Get { key } => StoreReply::Value(self.store.get(key.as_str()).cloned()),
            StoreRequest::Put { key, value } => {
                self.writes.push((who, key.as_str().to_string()));
                self.store.insert(key.as_str().to_string(), value);
                StoreReply::Done
            }
            StoreRequest::List { prefix } => {
                let within = self.store.iter().filter(|(key, _)| key.starts_with(prefix.as_str()));
                let entries = within.map(|(key, value)| (key.clone(), value.clone()));
                StoreReply::Entries(entries.collect())
            }
        }
    }

    fn carry_out(&mut self, who: Who, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::View(view) => self.see(who, view),
                Output::Effect(Effect::Sleep { id, millis }) => {
                    self.at(self.now + millis, Event::Ring(who, id));
                }
                Output::Effect(Effect::Store { id, request }) => {
                    self.players[who.0].requests.insert(id, request);
                    self.at(self.now + self.one_way_millis, Event::Ask(who, id));
                }
            }
        }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((time, self.sequence, event)));
    }

    fn see(&mut self, who: Who, view: View) {
        match &view {
            View::Show(line) => self.note(who, &line.text.clone()),
            View::Prompt(prompt) => self.players[who.0].prompt = *prompt,
            View::Status(status) => {
                let line = format!(
                    "  [{}, {} coins, power {}, at {}]",
                    status.rank.title(),
                    status.coins,
                    status.power,
                    status.place.word()
                );
                self.note(who, &line);
                self.players[who.0].status = Some(status.clone());
            }
            View::Problem(Some(state)) => {
                let line = format!(
                    "  [{}, round {}: {} of {}]",
                    state.problem.title(),
                    state.round.0,
                    state.done,
                    state.total
                );
                self.note(who, &line);
            }
            View::Nobody => {
                self.note(who, "  [nobody]");
                self.players[who.0].status = None;
            }
            View::Fail { message } => self.note(who, &format!("FAILED: {message}")),
            View::Bye => self.note(who, "(gone)"),
            View::Progress(Some(bar)) if bar.done == 0 => {
                let line = format!("  [{} {}/{}, {}]", bar.label, bar.done, bar.total, bar.note);
                self.note(who, &line);
            }
            View::Progress(_)
            | View::Campus(_)
            | View::Shop(_)
            | View::Problem(None)
            | View::Taken(_)
            | View::Waiting(_) => {}
        }
        self.players[who.0].views.push(view);
    }

    /// What `player/NAME` says of a character's coins.
    pub fn stored_coins(&self, name: &str) -> u64 {
        let record: serde_json::Value =
            serde_json::from_str(&self.store[&format!("player/{name}")]).expect("JSON");
        record["coins"].as_u64().expect("a number")
    }

    /// Gives a character coins, as `kv put` can.
    pub fn enrich(&mut self, name: &str, coins: u64) {
        let stored = self.store.get_mut(&format!("player/{name}")).expect("the character exists");
        let mut record: serde_json::Value = serde_json::from_str(stored).expect("JSON");
        record["coins"] = coins.into();
        record["edit"] = (record["edit"].as_u64().expect("a count") + 1).into();
        *stored = record.to_string();
    }

    // What can be asked about it.

    pub fn prompt(&self, who: Who) -> Prompt {
        self.players[who.0].prompt
    }

    pub fn status(&self, who: Who) -> &Status {
        self.players[who.0].status.as_ref().expect("a character is open")
    }

    pub fn views(&self, who: Who) -> &[View] {
        &self.players[who.0].views
    }

    pub fn session(&self, who: Who) -> &Session {
        &self.players[who.0].session
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    /// All text that a player has seen.
    pub fn shown(&self, who: Who) -> String {
        self.shown_since(who, 0)
    }

    /// The text that a player has seen since there were so many views.
    pub fn shown_since(&self, who: Who, before: usize) -> String {
        let lines = self.players[who.0].views[before..].iter().filter_map(|view| match view {
            View::Show(line) => Some(line.text.as_str()),
            View::Fail { message } => Some(message.as_str()),
            _ => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    // The transcript.

    fn note(&mut self, who: Who, text: &str) {
        let label =
            if self.players.len() > 1 || who.0 > 0 { &self.players[who.0].label } else { "" };
        let line = format!("{:>6.1}s {label:<8} {text}", self.now as f64 / 1_000.0);
        writeln!(self.transcript, "{}", line.trim_end()).expect("a String takes everything");
    }

    /// Writes something into the transcript.
    pub fn narrate(&mut self, text: &str) {
        writeln!(self.transcript, "\n# {text}").expect("a String takes everything");
    }

    pub fn transcript(&self) -> &str {
        &self.transcript
    }
}
