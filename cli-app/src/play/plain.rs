//! The plain face: lines in, lines out, for pipes, scripts and terminals that can do no more.

mod page;

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use cmud::drive::{Ending, UserInput, drive};
use cmud::{Session, Setup, View};
use futures::{Stream, stream};
use kvclient::{Client, Link};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver};
use tokio::time::{Instant, sleep_until, timeout};

use self::page::Page;
use super::cut_short;
use crate::lines::{InputLine, next_line};
use crate::signals::{Signal, Signals};

/// The longest line that is read, in bytes; no command is near it.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Lines that have been read and not yet handed over.
const LINES_AHEAD: usize = 16;

/// How long the goodbye may take after a signal; a store that has gone cannot keep a player.
const GOODBYE: Duration = Duration::from_secs(2);

/// Plays until the input ends or the player leaves; `greeting` is the first line.
///
/// # Errors
/// When the system has no threads or signals for us.
pub async fn play(setup: Setup, client: Client, greeting: Option<String>) -> io::Result<Ending> {
    let mut signals = Signals::listen()?;
    let (interrupt, interrupts) = mpsc::unbounded_channel();
    let page = RefCell::new(Page::new());
    let written = Notify::new();
    let broken = Cell::new(false);
    let write = |write: &dyn Fn(&mut Page) -> io::Result<()>| {
        if write(&mut page.borrow_mut()).is_err() {
            broken.set(true);
        }
        written.notify_one();
    };
    if let Some(greeting) = greeting {
        write(&|page| page.line(&greeting));
    }

    // How many lines have been handed over: a Ctrl-C after another line is a first one again.
    let handed_over = Cell::new(0_u64);
    let (session, outputs) = Session::new(setup);
    let inputs = inputs(read_lines()?, interrupts, |line| {
        handed_over.set(handed_over.get() + 1);
        let refusal = match line {
            InputLine::Text(text) => return Some(UserInput::Line(text)),
            InputLine::NotUtf8 => "That line is not UTF-8 text, so it was skipped.",
            InputLine::TooLong => "That line is far too long for a command, so it was skipped.",
        };
        write(&|page| page.line(refusal));
        None
    });
    let show = |view: View| write(&|page| page.show(&view));
    let mut link = client.link();
    let online = Cell::new(false);
    let mut game = pin!(drive(session, outputs, client, inputs, show));
    let mut stopped_at = None;
    loop {
        let prompt_at = page.borrow().prompt_at();
        tokio::select! {
            ending = &mut game => return Ok(ending),
            // Whoever read the answers has seen enough, or the terminal has been closed.
            () = written.notified() => if broken.get() { return Ok(Ending::Goodbye) },
            signal = signals.next() => {
                // When the input has ended, nobody hears an interrupt.
                let heard = interrupt.send(UserInput::Interrupt).is_ok();
                let again = stopped_at.replace(handed_over.get()) == Some(handed_over.get());
                if signal != Signal::Interrupt || !heard || again {
                    break;
                }
                write(&|page| page.line("Ctrl-C once more leaves."));
            }
            Ok(()) = link.changed() => {
                online.set(online.get() || matches!(*link.borrow_and_update(), Link::Live { .. }));
            }
            () = sleep_until(prompt_at.unwrap_or_else(Instant::now)), if prompt_at.is_some() => {
                write(&Page::ask);
            }
        }
    }
    drop(interrupt);
    if let Ok(ending) = timeout(GOODBYE, game).await {
        return Ok(ending);
    }
    let (ending, lines) = cut_short(online.get());
    write(&|page| lines.iter().try_for_each(|line| page.line(line)));
    Ok(ending)
}

/// Lines of standard input, read on a thread of their own: a read that waits for a person cannot
/// be called off, and the program does not wait for it when it ends.
fn read_lines() -> io::Result<Receiver<InputLine>> {
    let (sender, lines) = mpsc::channel(LINES_AHEAD);
    let read = move || {
        let mut input = io::stdin().lock();
        // An input that cannot be read has ended.
        while let Ok(Some(line)) = next_line(&mut input, MAX_LINE_BYTES) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("stdin".to_owned()).spawn(read)?;
    Ok(lines)
}

/// Lines and interrupts in one stream, interrupts first. It ends with the lines, or when nobody
/// can interrupt any more.
fn inputs(
    lines: Receiver<InputLine>,
    interrupts: UnboundedReceiver<UserInput>,
    accept: impl Fn(InputLine) -> Option<UserInput>,
) -> impl Stream<Item = UserInput> {
    stream::unfold((lines, interrupts, accept), async |(mut lines, mut interrupts, accept)| {
        loop {
            let input = tokio::select! {
                biased;
                interrupt = interrupts.recv() => Some(interrupt?),
                line = lines.recv() => accept(line?),
            };
            if let Some(input) = input {
                return Some((input, (lines, interrupts, accept)));
            }
        }
    })
}
