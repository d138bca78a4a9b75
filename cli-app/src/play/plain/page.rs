//! What the plain face prints.

use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use cmud::{Progress, Prompt, View};
use tokio::time::Instant;

use crate::text::wrap;

/// How often an activity that says nothing else says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// A prompt appears when nothing has been printed for so long: the answer is complete.
const QUIET: Duration = Duration::from_millis(30);

/// Where lines end on a terminal of the classic 80 columns; a pipe gets each in one piece.
const COLUMNS: usize = 78;

/// Standard output, line by line, each flushed at once.
pub struct Page<W = Stdout> {
    out: W,
    /// Whether a person types below what is printed, and so needs a prompt.
    prompts: bool,
    /// Whether lines are broken for a terminal.
    wraps: bool,
    prompt: Prompt,
    /// Whether the prompt is the last thing that was printed.
    asked: bool,
    spoken: Instant,
}

impl Page {
    /// Nothing printed yet.
    pub fn new() -> Self {
        let out = io::stdout();
        let wraps = out.is_terminal();
        let prompts = wraps && io::stdin().is_terminal();
        Self::on(out, prompts, wraps)
    }
}

impl<W: Write> Page<W> {
    fn on(out: W, prompts: bool, wraps: bool) -> Self {
        Self { out, prompts, wraps, prompt: Prompt::Busy, asked: false, spoken: Instant::now() }
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When nobody can read it any more.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.spoken = Instant::now();
        self.asked = false;
        let text = if self.wraps { wrap(text, COLUMNS).join("\n") } else { text.to_owned() };
        self.out.write_all(format!("{text}\n").as_bytes())?;
        self.out.flush()
    }

    /// Prints what a view says.
    ///
    /// # Errors
    /// As [`Page::line`].
    pub fn show(&mut self, view: &View) -> io::Result<()> {
        match view {
            View::Show(line) => return self.line(&line.text),
            View::Progress(Some(progress)) if self.spoken.elapsed() >= PROGRESS_EVERY => {
                return self.line(&progress_line(progress));
            }
            View::Prompt(prompt) => {
                self.prompt = *prompt;
                self.asked = false;
            }
            // A terminal shows by itself what is typed. `map`, `shop`, `stats` and `solve` say the
            // rest in words; the end says itself.
            View::Taken(_)
            | View::Waiting(_)
            | View::Progress(_)
            | View::Status(_)
            | View::Campus(_)
            | View::Shop(_)
            | View::Problem(_)
            | View::Nobody
            | View::Fail { .. }
            | View::Bye => {}
        }
        Ok(())
    }

    /// When to print a prompt, if one is missing.
    pub fn prompt_at(&self) -> Option<Instant> {
        let missing = self.prompts && !self.asked && self.prompt.asks();
        missing.then(|| self.spoken + QUIET)
    }

    /// Prints the prompt.
    ///
    /// # Errors
    /// As [`Page::line`].
    pub fn ask(&mut self) -> io::Result<()> {
        self.asked = true;
        self.out.write_all(self.prompt.text().as_bytes())?;
        self.out.flush()
    }
}

fn progress_line(progress: &Progress) -> String {
    let Progress { label, done, total, note } = progress;
    let note = if note.is_empty() { String::new() } else { format!(", {note}") };
    format!("{label}: {done} of {total}{note}")
}

#[cfg(test)]
mod tests {
    use cmud::{Line, Tone};

    use super::*;

    fn progress(done: u64) -> View {
        let note = "3 coins".to_owned();
        View::Progress(Some(Progress { label: "Mining".to_owned(), done, total: 9, note }))
    }

    fn printed(page: &mut Page<Vec<u8>>) -> String {
        String::from_utf8(std::mem::take(&mut page.out)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_an_occasional_line() {
        let mut page = Page::on(Vec::new(), false, false);
        for step in 1..=4 {
            tokio::time::advance(Duration::from_secs(2)).await;
            page.show(&progress(step)).unwrap();
        }
        page.show(&View::Progress(None)).unwrap();
        assert_eq!(printed(&mut page), "Mining: 3 of 9, 3 coins\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_prompt_appears_when_an_answer_is_complete_and_only_for_a_person() {
        let show = |page: &mut Page<Vec<u8>>| {
            page.show(&View::Prompt(Prompt::Command)).unwrap();
            let line = Line { tone: Tone::Say, text: "hello".to_owned() };
            page.show(&View::Show(line)).unwrap();
        };
        let mut page = Page::on(Vec::new(), true, true);
        assert_eq!(page.prompt_at(), None, "nothing can be typed yet");
        show(&mut page);
        assert_eq!(page.prompt_at(), Some(Instant::now() + QUIET));
        page.ask().unwrap();
        assert_eq!(page.prompt_at(), None);
        assert_eq!(printed(&mut page), format!("hello\n{}", Prompt::Command.text()));

        let mut page = Page::on(Vec::new(), false, false);
        show(&mut page);
        assert_eq!(page.prompt_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_broken_for_a_terminal_and_whole_in_a_pipe() {
        let long = format!("5        {}", "Grace-Hopper1, ".repeat(6).trim_end());
        let mut page = Page::on(Vec::new(), false, false);
        page.line(&long).unwrap();
        assert_eq!(printed(&mut page), format!("{long}\n"));

        let mut page = Page::on(Vec::new(), true, true);
        page.line(&long).unwrap();
        page.line("").unwrap();
        let (four, two) = ("Grace-Hopper1, ".repeat(4), "Grace-Hopper1, ".repeat(2));
        let expected = format!("5        {}\n{:9}{}\n\n", four.trim_end(), "", two.trim_end());
        assert_eq!(printed(&mut page), expected);
    }
}
