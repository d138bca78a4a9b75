//! Where the player types.

use std::rc::Rc;

use cmud::{Completion, History, Prompt, Status, complete};
use page::completer::{accept, bytes_before, is_whole, useful};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::browser;

/// What [`CommandLine`] needs to know.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What the line will be.
    pub prompt: Prompt,
    /// Who types, for suggestions that make sense.
    pub status: Option<Rc<Status>>,
    /// A name to offer where one is asked for.
    pub suggested: Option<AttrValue>,
    /// Enters a line.
    pub enter: Callback<String>,
}

/// What happens to a [`CommandLine`].
pub enum Msg {
    /// The line or the cursor has changed.
    Edited,
    /// The line is entered.
    Submitted,
    /// A key that means something else here than in other inputs.
    Pressed(KeyboardEvent),
    /// A suggestion is clicked: it goes into the line, and the line on its way if that makes it whole.
    Taken(AttrValue),
}

/// The input with its suggestions. Tab and, at the end of the line, → take the first one. Where there is none to take,
/// and always with Shift, Tab moves on as everywhere.
pub struct CommandLine {
    input: NodeRef,
    line: String,
    /// In UTF-16 units, as the browser counts.
    cursor: u32,
    history: History,
    /// Escape puts the suggestions away until the next edit.
    hushed: bool,
}

impl Component for CommandLine {
    type Message = Msg;
    type Properties = Props;

    fn create(_: &Context<Self>) -> Self {
        Self {
            input: NodeRef::default(),
            line: String::new(),
            cursor: 0,
            history: History::default(),
            hushed: false,
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Edited => {
                self.history.settle();
                self.read();
            }
            Msg::Submitted => {
                self.read();
                self.submit(ctx);
            }
            Msg::Pressed(event) => return self.press(ctx, &event),
            Msg::Taken(candidate) => {
                let start = self.candidates(ctx).start;
                self.take(start, &candidate);
                if is_whole(ctx.props().prompt, &self.line) {
                    self.submit(ctx);
                } else {
                    self.focus();
                }
            }
        }
        true
    }

    fn rendered(&mut self, _: &Context<Self>, first: bool) {
        if first && browser::has_mouse() {
            self.focus();
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let prompt = ctx.props().prompt;
        let edited = ctx.link().callback(|_: InputEvent| Msg::Edited);
        let moved = ctx.link().callback(|_: MouseEvent| Msg::Edited);
        let pressed = ctx.link().callback(Msg::Pressed);
        let submitted = ctx.link().callback(|event: SubmitEvent| {
            event.prevent_default();
            Msg::Submitted
        });
        html! {
            <>
                <form class="command" onsubmit={submitted}>
                    <label for="command">{ prompt.text().trim_end() }</label>
                    <input
                        id="command"
                        ref={self.input.clone()}
                        value={self.line.clone()}
                        oninput={edited}
                        onclick={moved}
                        onkeydown={pressed}
                        aria-label="Command"
                        aria-describedby="suggestions"
                        placeholder={placeholder(prompt)}
                        maxlength="500"
                        autocapitalize="none"
                        autocomplete="off"
                        autocorrect="off"
                        enterkeyhint="send"
                        spellcheck="false"
                    />
                    <button>{ "Enter" }</button>
                </form>
                { self.suggestions(ctx) }
            </>
        }
    }
}

impl CommandLine {
    fn suggestions(&self, ctx: &Context<Self>) -> Html {
        let Completion { start, candidates } = self.candidates(ctx);
        let tab = !self.line.trim().is_empty() && !candidates.is_empty();
        let suggestion = |(at, candidate): (usize, String)| {
            let (line, _) = accept(&self.line, self.cursor_bytes(), start, &candidate);
            let more = if is_whole(ctx.props().prompt, &line) { "" } else { "…" };
            let class = (tab && at == 0).then_some("next");
            let candidate = AttrValue::from(candidate);
            let taken = candidate.clone();
            let onclick = ctx.link().callback(move |_| Msg::Taken(taken.clone()));
            // Tab takes the first one, so none of them has to be a stop on the way to the rest of the page.
            html! { <button type="button" tabindex="-1" {class} {onclick}>{ candidate }{ more }</button> }
        };
        html! {
            <div id="suggestions" class="suggestions" aria-label="Suggestions">
                if tab {
                    <kbd>{ "Tab" }</kbd>
                }
                { for candidates.into_iter().enumerate().map(suggestion) }
            </div>
        }
    }

    /// What could be typed here.
    fn candidates(&self, ctx: &Context<Self>) -> Completion {
        if self.hushed {
            return Completion::default();
        }
        let Props { prompt, status, suggested, .. } = ctx.props();
        let cursor = self.cursor_bytes();
        match suggested {
            Some(name) if name.starts_with(&self.line) => {
                let name = Completion { start: 0, candidates: vec![name.to_string()] };
                useful(name, &self.line, cursor)
            }
            _ => {
                useful(complete(*prompt, status.as_deref(), &self.line, cursor), &self.line, cursor)
            }
        }
    }

    fn cursor_bytes(&self) -> usize {
        bytes_before(&self.line, self.cursor)
    }

    fn press(&mut self, ctx: &Context<Self>, event: &KeyboardEvent) -> bool {
        if event.is_composing() || event.ctrl_key() || event.alt_key() || event.meta_key() {
            return false;
        }
        self.read_cursor();
        let at_end = self.cursor_bytes() == self.line.len();
        match event.key().as_str() {
            "ArrowUp" => {
                let older = self.history.older(&self.line);
                self.walk(event, older)
            }
            "ArrowDown" => {
                let newer = self.history.newer(&self.line);
                self.walk(event, newer)
            }
            "Tab" if !event.shift_key() => self.take_first(ctx, event),
            "ArrowRight" if at_end => self.take_first(ctx, event),
            "Escape" => {
                self.hushed = true;
                true
            }
            _ => false,
        }
    }

    fn walk(&mut self, event: &KeyboardEvent, line: Option<String>) -> bool {
        event.prevent_default();
        match line {
            Some(line) => {
                let end = line.encode_utf16().count();
                self.set(line, u32::try_from(end).unwrap_or(u32::MAX));
                true
            }
            None => false,
        }
    }

    fn take_first(&mut self, ctx: &Context<Self>, event: &KeyboardEvent) -> bool {
        let Completion { start, candidates } = self.candidates(ctx);
        match candidates.first().filter(|_| !self.line.trim().is_empty()) {
            Some(first) => {
                event.prevent_default();
                self.take(start, first);
                true
            }
            None => false,
        }
    }

    fn take(&mut self, start: usize, candidate: &str) {
        let (line, cursor) = accept(&self.line, self.cursor_bytes(), start, candidate);
        self.history.settle();
        self.set(line, cursor);
    }

    fn submit(&mut self, ctx: &Context<Self>) {
        let line = self.line.trim().to_owned();
        self.set(String::new(), 0);
        self.history.add(ctx.props().prompt, &line);
        ctx.props().enter.emit(line);
    }

    /// Takes over what the browser has in its input.
    fn read(&mut self) {
        if let Some(input) = self.element() {
            self.line = input.value();
        }
        self.hushed = false;
        self.read_cursor();
    }

    fn read_cursor(&mut self) {
        let cursor = self.element().and_then(|input| input.selection_end().ok().flatten());
        self.cursor = cursor.unwrap_or(u32::MAX);
    }

    /// Puts a line and a cursor into the browser's input at once: it would move the cursor to the end by itself.
    fn set(&mut self, line: String, cursor: u32) {
        if let Some(input) = self.element() {
            input.set_value(&line);
            let _ = input.set_selection_range(cursor, cursor);
        }
        self.line = line;
        self.cursor = cursor;
        self.hushed = false;
    }

    fn focus(&self) {
        if let Some(input) = self.element() {
            let _ = input.focus();
        }
    }

    fn element(&self) -> Option<HtmlInputElement> {
        self.input.cast()
    }
}

fn placeholder(prompt: Prompt) -> &'static str {
    match prompt {
        Prompt::Name => "your character's name",
        Prompt::Command => "a command, or help",
        Prompt::Problem => "solve, inv or resign",
        Prompt::Confirm => "yes or no",
        Prompt::Busy => "queue a command",
        Prompt::Closed => "",
    }
}
