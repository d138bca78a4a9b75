//! The seam between the state machine outside and the coroutines inside: futures that wait for
//! inputs, and a place where outputs gather. Polled by hand, so wakers have nothing to do.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::mem::discriminant;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures::future::{Either, select};

use super::api::{
    Effect, Input, Line, Output, Progress, Prompt, RequestId, StoreError, StoreReply, StoreRequest,
    TimerId, Tone, View,
};
use super::watch::Watching;
use crate::parser::{Command, Mode, parse};
use crate::text;

/// How many lines may wait for their turn where a person types them: more than anyone means to.
const MAX_WAITING: usize = 32;

/// How many wait before a pipe is no longer read. Larger, to keep the pipe flowing.
const FULL: usize = 256;

/// What the coroutines of a session share. Cheap to clone; never borrowed across a wait.
#[derive(Clone)]
pub(super) struct Io(Rc<RefCell<State>>);

struct State {
    outputs: Vec<Output>,
    lines: VecDeque<String>,
    /// Lines that were typed before an unforeseen question, while that is open.
    aside: VecDeque<String>,
    refuse_lines: bool,
    ended: bool,
    interrupted: bool,
    /// The server that there is a connection to, and the one that has answered last.
    connected: Option<String>,
    answering: Option<String>,
    prompt: Prompt,
    next_id: u64,
    asked: BTreeSet<RequestId>,
    answered: BTreeMap<RequestId, Result<StoreReply, StoreError>>,
    timers: BTreeSet<TimerId>,
    rung: BTreeSet<TimerId>,
    watching: Option<Watching>,
    news: Option<News>,
    /// What the face has been shown of what lasts, one of each variant.
    standing: Vec<View>,
    /// Something happened that another coroutine may be waiting for.
    stirred: bool,
}

impl Io {
    pub(super) fn new(refuse_lines: bool) -> Self {
        Self(Rc::new(RefCell::new(State {
            outputs: Vec::new(),
            lines: VecDeque::new(),
            aside: VecDeque::new(),
            refuse_lines,
            ended: false,
            interrupted: false,
            connected: None,
            answering: None,
            prompt: Prompt::Busy,
            next_id: 0,
            asked: BTreeSet::new(),
            answered: BTreeMap::new(),
            timers: BTreeSet::new(),
            rung: BTreeSet::new(),
            watching: None,
            news: None,
            standing: vec![View::Waiting(Vec::new())],
            stirred: false,
        })))
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }

    // From outside: inputs, and what came of them.

    pub(super) fn accept(&self, input: Input) {
        match input {
            Input::Line(line) => self.accept_line(line),
            Input::Interrupt => self.with(|s| s.interrupted = s.prompt == Prompt::Busy),
            Input::Stored { id, result } => self.with(|s| {
                if s.asked.remove(&id) {
                    s.answered.insert(id, result);
                }
            }),
            Input::Elapsed { id } => self.with(|s| {
                if s.timers.remove(&id) {
                    s.rung.insert(id);
                }
            }),
            Input::Connected { to } => self.with(|s| s.connected = Some(to)),
            Input::EndOfInput => self.with(|s| s.ended = true),
        }
    }

    fn accept_line(&self, line: String) {
        let busy = self.with(|s| s.prompt == Prompt::Busy);
        if busy && matches!(parse(&line, Mode::Campus), Ok(Some(Command::Stop))) {
            self.taken(&line);
            self.with(|s| s.interrupted = true);
        } else if self.with(|s| s.refuse_lines && s.waiting() >= MAX_WAITING) {
            self.say(Tone::Error, "Too many lines wait for their turn; that one was dropped.");
        } else {
            self.with(|s| s.lines.push_back(line));
        }
    }

    /// Shows which lines wait, where a person types them.
    pub(super) fn show_waiting(&self) {
        if self.with(|s| s.refuse_lines) {
            let waiting = self.with(|s| {
                let lines = s.aside.iter().chain(&s.lines).map(|line| text::plain(line.trim()));
                lines.filter(|line| !line.is_empty()).collect()
            });
            self.stand(View::Waiting(waiting));
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.with(|s| s.waiting() >= FULL)
    }

    pub(super) fn take_outputs(&self) -> Vec<Output> {
        self.with(|s| std::mem::take(&mut s.outputs))
    }

    /// Whether a coroutine has done something since the last call that another may wait for.
    pub(super) fn take_stirred(&self) -> bool {
        self.with(|s| std::mem::take(&mut s.stirred))
    }

    // To the face.

    pub(super) fn view(&self, view: View) {
        self.with(|s| s.outputs.push(Output::View(view)));
    }

    /// Shows something that stays on the screen, unless it stands there already.
    pub(super) fn stand(&self, view: View) {
        self.with(|s| {
            let same_kind = |shown: &&mut View| discriminant(*shown) == discriminant(&view);
            match s.standing.iter_mut().find(same_kind) {
                Some(shown) if *shown == view => return,
                Some(shown) => shown.clone_from(&view),
                None => s.standing.push(view.clone()),
            }
            s.outputs.push(Output::View(view));
        });
    }

    /// Takes away what stands there of a character, if anything does.
    pub(super) fn nobody(&self) {
        self.with(|s| {
            let before = s.standing.len();
            s.standing.retain(|shown| matches!(shown, View::Waiting(_)));
            if s.standing.len() < before {
                s.outputs.push(Output::View(View::Nobody));
            }
        });
    }

    /// Shows a line: a paragraph, or a row of a table.
    pub(super) fn say(&self, tone: Tone, text: &str) {
        self.view(View::Show(Line { tone, text: text::plain(text) }));
    }

    /// Says that a line's turn has come. A blank one is a wish to go on, and not worth a word.
    fn taken(&self, line: &str) {
        let line = text::plain(line.trim());
        if !line.is_empty() {
            self.view(View::Taken(line));
        }
    }

    pub(super) fn progress(&self, progress: Option<Progress>) {
        self.view(View::Progress(progress));
    }

    pub(super) fn prompt(&self, prompt: Prompt) {
        self.with(|s| s.prompt = prompt);
        self.view(View::Prompt(prompt));
    }

    // Waiting.

    /// The next line typed; `None` after the last one.
    ///
    /// A question that a person could not foresee is not answered by what was typed before it:
    /// those lines go on waiting. A pipe has no eyes, so its lines are taken as they come.
    pub(super) async fn next_line(&self, prompt: Prompt) -> Option<String> {
        if prompt == Prompt::Confirm {
            self.with(|s| {
                if s.refuse_lines {
                    s.aside = std::mem::take(&mut s.lines);
                }
            });
        }
        self.prompt(prompt);
        let line = self.wait(|s| s.lines.pop_front().map(Some).or(s.ended.then_some(None))).await;
        self.with(|s| {
            s.lines = s.aside.drain(..).chain(std::mem::take(&mut s.lines)).collect();
            s.interrupted = false;
        });
        if let Some(line) = &line {
            self.taken(line);
        }
        self.prompt(Prompt::Busy);
        line
    }

    /// As [`next_line`](Self::next_line), but `Err` as soon as the background has news.
    pub(super) async fn next_line_or_news(&self, prompt: Prompt) -> Result<Option<String>, News> {
        if let Some(news) = self.with(|s| s.news.take()) {
            return Err(news);
        }
        match race(self.next_line(prompt), self.wait(|s| s.news.take())).await {
            Either::Left(line) => Ok(line),
            Either::Right(news) => {
                self.prompt(Prompt::Busy);
                Err(news)
            }
        }
    }

    /// Asks the store once.
    pub(super) async fn request(&self, request: StoreRequest) -> Result<StoreReply, StoreError> {
        let id = self.with(|s| {
            let id = RequestId(s.next());
            s.asked.insert(id);
            s.outputs.push(Output::Effect(Effect::Store { id, request }));
            id
        });
        let _forget = OnDrop(|| {
            self.with(|s| {
                s.asked.remove(&id);
                s.answered.remove(&id);
            });
        });
        let result = self.wait(|s| s.answered.remove(&id)).await;
        if result.is_ok() {
            self.answered();
        }
        result
    }

    /// Says so when it is another server that answers now. That there is a connection to it is not
    /// enough: while none is ready, one after the other is tried.
    fn answered(&self) {
        let (before, now) = self.with(|s| {
            let before = std::mem::replace(&mut s.answering, s.connected.clone());
            (before, s.connected.clone())
        });
        if let (Some(before), Some(now)) = (before, now)
            && before != now
        {
            self.say(Tone::Success, &format!("The game goes on at {now}, no longer at {before}."));
        }
    }

    pub(super) async fn sleep(&self, millis: u64) {
        let id = self.with(|s| {
            let id = TimerId(s.next());
            s.timers.insert(id);
            s.outputs.push(Output::Effect(Effect::Sleep { id, millis }));
            id
        });
        let _forget = OnDrop(|| {
            self.with(|s| {
                s.timers.remove(&id);
                s.rung.remove(&id);
            });
        });
        self.wait(|s| s.rung.remove(&id).then_some(())).await;
    }

    /// Waits until the activity is interrupted.
    pub(super) async fn interrupted(&self) {
        self.wait(|s| s.interrupted.then_some(())).await;
    }

    /// Waits for a pause in the story to end. Ends it early at a sign of impatience, and says so;
    /// an interrupt has then done what it was for, and ends nothing else.
    pub(super) async fn breathe(&self, millis: u64) -> Breath {
        let impatient = self.wait(|s| {
            let skipped = std::mem::take(&mut s.interrupted);
            (skipped || s.ended || !s.lines.is_empty()).then_some(())
        });
        match race(impatient, self.sleep(millis)).await {
            Either::Left(()) => Breath::Skipped,
            Either::Right(()) => Breath::Taken,
        }
    }

    /// Waits until somebody types a line that leaves the game; takes that line and those before
    /// it, which will not be done.
    pub(super) async fn quit_typed(&self) {
        let is_quit = |line: &String| matches!(parse(line, Mode::Campus), Ok(Some(Command::Quit)));
        let quit = self.wait(|s| {
            let at = s.lines.iter().position(is_quit)?;
            s.lines.drain(..=at).next_back()
        });
        self.taken(&quit.await);
    }

    /// Waits until there is no more input and nothing left to do.
    pub(super) async fn ended(&self) {
        self.wait(|s| s.ended.then_some(())).await;
    }

    /// Waits until `ready` finds in the state what it looks for.
    async fn wait<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        poll_fn(|_| match self.with(&mut ready) {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
        .await
    }

    // Between the coroutines.

    /// Tells the background what to look at.
    pub(super) fn watch(&self, watching: Option<Watching>) {
        self.with(|s| {
            s.stirred |= s.watching != watching;
            if watching.is_none() {
                s.news = None;
            }
            s.watching = watching;
        });
    }

    pub(super) fn watching(&self) -> Option<Watching> {
        self.with(|s| s.watching.clone())
    }

    pub(super) async fn something_to_watch(&self) -> Watching {
        self.wait(|s| s.watching.clone()).await
    }

    /// Tells the foreground what the background has found; worse news replaces better.
    pub(super) fn tell(&self, news: News) {
        self.with(|s| {
            s.news = s.news.max(Some(news));
            s.stirred = true;
        });
    }
}

impl State {
    /// How many lines wait for their turn.
    fn waiting(&self) -> usize {
        self.aside.len() + self.lines.len()
    }

    fn next(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// How a pause in the story has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breath {
    Taken,
    Skipped,
}

/// What the background has found, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    /// The round is over.
    Solved,
    /// The character is nowhere.
    Missing,
}

/// Waits for whichever comes first, and drops the other.
pub(super) async fn race<A, B>(
    a: impl Future<Output = A>,
    b: impl Future<Output = B>,
) -> Either<A, B> {
    match select(pin!(a), pin!(b)).await {
        Either::Left((a, _)) => Either::Left(a),
        Either::Right((b, _)) => Either::Right(b),
    }
}

/// Runs its closure when a future is dropped, finished or not.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
