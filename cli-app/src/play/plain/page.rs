//! What the plain face prints.

use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use cmud::{Progress, Prompt, View};
use tokio::time::Instant;

/// How often an activity that says nothing else says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// A prompt appears when nothing has been printed for so long: the answer is complete.
const QUIET: Duration = Duration::from_millis(30);

/// Standard output, line by line, each flushed at once.
pub struct Page<W = Stdout> {
    out: W,
    /// Whether a person types below what is printed, and so needs a prompt.
    prompts: bool,
    prompt: Prompt,
    /// Whether the prompt is the last thing that was printed.
    asked: bool,
    spoken: Instant,
}

impl Page {
    /// Nothing printed yet.
    pub fn new() -> Self {
        let out = io::stdout();
        let prompts = io::stdin().is_terminal() && out.is_terminal();
        Self::on(out, prompts)
    }
}

impl<W: Write> Page<W> {
    fn on(out: W, prompts: bool) -> Self {
        Self { out, prompts, prompt: Prompt::Busy, asked: false, spoken: Instant::now() }
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When nobody can read it any more.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.spoken = Instant::now();
        self.asked = false;
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
            // `map`, `shop`, `stats` and `solve` say the rest in words; the end says itself.
            View::Progress(_)
            | View::Status(_)
            | View::Campus(_)
            | View::Shop(_)
            | View::Problem(_)
            | View::Fail { .. }
            | View::Bye => {}
        }
        Ok(())
    }

    /// When to print a prompt, if one is missing.
    pub fn prompt_at(&self) -> Option<Instant> {
        let missing = self.prompts && !self.asked && !self.prompt.text().is_empty();
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
        let mut page = Page::on(Vec::new(), false);
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
        let mut page = Page::on(Vec::new(), true);
        assert_eq!(page.prompt_at(), None, "nothing can be typed yet");
        show(&mut page);
        assert_eq!(page.prompt_at(), Some(Instant::now() + QUIET));
        page.ask().unwrap();
        assert_eq!(page.prompt_at(), None);
        assert_eq!(printed(&mut page), format!("hello\n{}", Prompt::Command.text()));

        let mut page = Page::on(Vec::new(), false);
        show(&mut page);
        assert_eq!(page.prompt_at(), None);
    }
}
