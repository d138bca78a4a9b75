//! The whole page.

use cmud::drive::Ending;
use cmud::{Prompt, View};
use kvclient::Link;
use page::state::Page;
use yew::prelude::*;

use super::activity::{Activity, Queue};
use super::board::{Board, Card};
use super::browser;
use super::command_line::CommandLine;
use super::connection::Connection;
use super::game::{Game, News};
use super::log::Log;
use super::status::Brief;

/// What happens to the page.
pub enum Msg {
    /// The game has news.
    News(News),
    /// The player enters a line, by typing or by clicking.
    Enter(String),
    /// The player wants the activity to end.
    Interrupt,
    /// On a narrow screen: opens one card of the noticeboard, or closes it.
    Toggle(Card),
}

/// The page.
pub struct App {
    page: Page,
    link: Link,
    /// `None` when the page's address names no usable server; the reason is in the page's ending.
    game: Option<Game>,
    open: Option<Card>,
    /// How many lines the player has entered.
    entered: u64,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        browser::on_key(ctx.link().batch_callback(|event: KeyboardEvent| {
            let ctrl_c = event.ctrl_key() && event.key() == "c" && !browser::has_selection();
            (event.key() == "Escape" || ctrl_c).then_some(Msg::Interrupt)
        }));
        let mut page = Page::default();
        let tell = {
            let link = ctx.link().clone();
            move |news| link.send_message(Msg::News(news))
        };
        let game = match browser::servers() {
            Ok(servers) => Some(Game::start(servers, browser::tab_name(), tell)),
            Err(error) => {
                page.end(Ending::Failed(format!("No server to play on: {error}.")));
                None
            }
        };
        Self { page, link: Link::Idle, game, open: None, entered: 0 }
    }

    fn update(&mut self, _: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::News(News::View(view)) => {
                let before = self.page.status.clone();
                let asks_name = view == View::Prompt(Prompt::Name);
                self.page.show(view);
                match &self.page.status {
                    Some(status) if before.is_none_or(|before| before.name != status.name) => {
                        browser::remember_name(&status.name);
                    }
                    None if asks_name => browser::forget_name(),
                    _ => {}
                }
            }
            Msg::News(News::Link(link)) => self.link = link,
            Msg::News(News::Over(ending)) => {
                if ending == Ending::Goodbye {
                    browser::forget_name();
                }
                self.page.end(ending);
            }
            Msg::Enter(line) => {
                if let Some(game) = self.game.as_ref().filter(|_| self.page.over.is_none()) {
                    game.enter(line);
                    self.entered += 1;
                }
            }
            Msg::Interrupt => {
                if let Some(game) = self.game.as_ref().filter(|_| self.page.is_busy()) {
                    game.interrupt();
                }
            }
            Msg::Toggle(card) => self.open = Some(card).filter(|card| self.open != Some(*card)),
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let page = &self.page;
        let busy = page.is_busy();
        let interrupt = ctx.link().callback(|()| Msg::Interrupt);
        let enter = ctx.link().callback(Msg::Enter);
        let toggle = ctx.link().callback(Msg::Toggle);
        html! {
            <div class="page">
                <header class="masthead">
                    <h1>{ "CMUD" }</h1>
                    <p class="motto">{ "Coins, Machines and University Degrees" }</p>
                    <Connection link={self.link.clone()} />
                    if let Some(status) = &page.status {
                        <Brief status={status.clone()} />
                    }
                </header>
                <main class="desk">
                    <section class="terminal" aria-label="Terminal">
                        <Log entries={page.log.clone()} entered={self.entered} />
                        <div class="console">
                            <Activity progress={page.progress.clone()} {busy} stop={interrupt} />
                            <Queue waiting={page.waiting.clone()} />
                            { self.ending() }
                            if page.over.is_none() {
                                <CommandLine
                                    prompt={page.prompt}
                                    status={page.status.clone()}
                                    suggested={self.suggested_name()}
                                    enter={enter.clone()}
                                />
                            }
                        </div>
                    </section>
                    <Board
                        status={page.status.clone()}
                        campus={page.campus.clone()}
                        shop={page.shop.clone()}
                        problem={page.problem.clone()}
                        prompt={page.prompt}
                        open={self.open}
                        {toggle}
                        {enter}
                    />
                </main>
            </div>
        }
    }
}

impl App {
    fn suggested_name(&self) -> Option<AttrValue> {
        let wanted = self.page.prompt == Prompt::Name;
        wanted.then(browser::last_name).flatten().map(|name| name.as_str().to_owned().into())
    }

    fn ending(&self) -> Html {
        let sentence = match &self.page.over {
            None => return Html::default(),
            Some(Ending::Goodbye) => "This terminal is free for the next student.",
            Some(Ending::Failed(reason)) => reason,
        };
        html! {
            <div class="ending" role="alert">
                <p>{ sentence }</p>
                <button onclick={|_| browser::reload()}>{ "Start again" }</button>
            </div>
        }
    }
}
