//! Everything on the page, and how each [`View`] changes it.

use std::collections::VecDeque;
use std::rc::Rc;

use cmud::drive::Ending;
use cmud::{Line, Offer, Place, PlayerSeen, ProblemState, Progress, Prompt, Status, View};

/// How many lines the log keeps: an evening's worth, and few enough for a phone.
pub const LOG_LINES: usize = 600;

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Tells the lines apart; it only grows.
    pub id: u64,
    /// What it says.
    pub said: Said,
}

/// Who speaks in the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// The player, by typing or by clicking.
    Typed(String),
    /// The game.
    Told(Line),
}

/// Who is where.
pub type Campus = Vec<(Place, Vec<PlayerSeen>)>;

/// What the page shows. Parts that have not come yet are `None` or empty.
#[derive(Debug)]
pub struct Page {
    /// The newest [`LOG_LINES`] lines, oldest first.
    pub log: Rc<VecDeque<Rc<Entry>>>,
    /// Lines whose turn has not come, the next one first.
    pub waiting: Vec<String>,
    /// The running activity.
    pub progress: Option<Progress>,
    /// The player's character.
    pub status: Option<Rc<Status>>,
    /// Who is where.
    pub campus: Option<Rc<Campus>>,
    /// What the shop sells.
    pub shop: Rc<Vec<Offer>>,
    /// The problem of the character's rank.
    pub problem: Option<Rc<ProblemState>>,
    /// What a line that is typed now will be.
    pub prompt: Prompt,
    /// How it ended; nothing changes any more.
    pub over: Option<Ending>,
    next_id: u64,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            log: Rc::default(),
            waiting: Vec::new(),
            progress: None,
            status: None,
            campus: None,
            shop: Rc::default(),
            problem: None,
            prompt: Prompt::Busy,
            over: None,
            next_id: 0,
        }
    }
}

impl Page {
    /// The game has something to show.
    pub fn show(&mut self, view: View) {
        match view {
            View::Show(line) => self.log(Said::Told(line)),
            View::Progress(progress) => self.progress = progress,
            View::Status(status) => self.status = Some(Rc::new(status)),
            View::Campus(campus) => self.campus = Some(Rc::new(campus)),
            View::Shop(offers) => self.shop = Rc::new(offers),
            View::Problem(problem) => self.problem = problem.map(Rc::new),
            View::Nobody => {
                (self.status, self.campus, self.problem) = (None, None, None);
                self.shop = Rc::default();
            }
            View::Taken(line) => self.log(Said::Typed(line)),
            View::Waiting(lines) => self.waiting = lines,
            View::Prompt(prompt) => self.prompt = prompt,
            // The end of the drive says the same, with the reason.
            View::Fail { .. } | View::Bye => {}
        }
    }

    /// The session is over.
    pub fn end(&mut self, ending: Ending) {
        self.prompt = Prompt::Closed;
        self.progress = None;
        self.waiting.clear();
        self.over = Some(ending);
    }

    /// Whether there is something to interrupt.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.prompt == Prompt::Busy
    }

    fn log(&mut self, said: Said) {
        let entry = Rc::new(Entry { id: self.next_id, said });
        self.next_id += 1;
        let log = Rc::make_mut(&mut self.log);
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(entry);
    }
}

#[cfg(test)]
mod tests {
    use cmud::Tone;

    use super::*;

    fn told(text: &str) -> View {
        View::Show(Line { tone: Tone::Say, text: text.into() })
    }

    fn page(views: impl IntoIterator<Item = View>) -> Page {
        let mut page = Page::default();
        views.into_iter().for_each(|view| page.show(view));
        page
    }

    fn log(page: &Page) -> Vec<String> {
        let text = |entry: &Rc<Entry>| match &entry.said {
            Said::Typed(line) => format!("> {line}"),
            Said::Told(line) => line.text.clone(),
        };
        page.log.iter().map(text).collect()
    }

    #[test]
    fn a_line_waits_and_is_logged_when_its_turn_comes() {
        let mut page = page([told("Hello."), View::Waiting(vec!["map".into()])]);
        assert_eq!((log(&page), page.waiting.len()), (vec!["Hello.".into()], 1));
        for view in [View::Taken("map".into()), told("Nobody."), View::Waiting(Vec::new())] {
            page.show(view);
        }
        assert_eq!(log(&page), ["Hello.", "> map", "Nobody."]);
        assert!(page.waiting.is_empty());
    }

    #[test]
    fn what_is_known_goes_with_the_character() {
        let campus = vec![(Place::Fence, Vec::new())];
        let mut page = page([View::Campus(campus), View::Prompt(Prompt::Command)]);
        assert!(page.campus.is_some());
        page.show(View::Nobody);
        assert!(page.campus.is_none());
    }

    #[test]
    fn the_log_forgets_its_oldest_lines_and_never_repeats_an_id() {
        let page = page((0..LOG_LINES + 5).map(|n| told(&n.to_string())));
        assert_eq!(page.log.len(), LOG_LINES);
        assert_eq!(log(&page)[0], "5");
        assert!(page.log.iter().zip(page.log.iter().skip(1)).all(|(a, b)| a.id < b.id));
    }

    #[test]
    fn after_the_end_nothing_waits() {
        let mut page = page([View::Prompt(Prompt::Busy), View::Waiting(vec!["shop".into()])]);
        page.end(Ending::Goodbye);
        assert!(page.waiting.is_empty() && page.over.is_some() && !page.is_busy());
    }
}
