//! The noticeboard: cards to look at and to click. On a narrow screen one at a time, behind tabs.

use std::rc::Rc;

use cmud::{Offer, ProblemState, Prompt, Status};
use page::state::Campus as Everyone;
use yew::prelude::*;

use super::campus::Campus;
use super::problem::Problem;
use super::shop::Shop;
use super::status::{Identity, Welcome};

/// A card of the noticeboard, as the tabs name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// The player's character.
    You,
    /// Who is where.
    Campus,
    /// What can be bought.
    Shop,
    /// What is to be solved.
    Problem,
}

impl Card {
    const ALL: [Card; 4] = [Card::You, Card::Campus, Card::Shop, Card::Problem];

    /// Its name in the style sheet.
    fn id(self) -> &'static str {
        match self {
            Card::You => "you",
            Card::Campus => "campus",
            Card::Shop => "shop",
            Card::Problem => "problem",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Card::You => "You",
            Card::Campus => "Campus",
            Card::Shop => "Shop",
            Card::Problem => "Problem",
        }
    }
}

/// What [`Board`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The player's character, once there is one.
    pub status: Option<Rc<Status>>,
    /// Who is where, once that is known.
    pub campus: Option<Rc<Everyone>>,
    /// What the shop sells.
    pub shop: Rc<Vec<Offer>>,
    /// The problem of the character's rank.
    pub problem: Option<Rc<ProblemState>>,
    /// What a line would be: some things can only be clicked when a command is wanted.
    pub prompt: Prompt,
    /// The card that a narrow screen shows.
    pub open: Option<Card>,
    /// Opens or closes a card.
    pub toggle: Callback<Card>,
    /// Enters a line, as if it had been typed.
    pub enter: Callback<String>,
}

/// The noticeboard.
#[component]
pub fn Board(props: &Props) -> Html {
    let tab = |card: Card| {
        let onclick = props.toggle.reform(move |_: MouseEvent| card);
        let expanded = (props.open == Some(card)).to_string();
        html! { <button {onclick} aria-expanded={expanded} aria-controls="board">{ card.title() }</button> }
    };
    let enter = &props.enter;
    html! {
        <>
            <nav class="tabs" aria-label="Noticeboard">{ for Card::ALL.map(tab) }</nav>
            <aside id="board" class="board" aria-label="Noticeboard" data-open={props.open.map(Card::id)}>
                <div class="column">
                    if let Some(status) = &props.status {
                        <Identity status={status.clone()} />
                        <Problem rank={status.rank} problem={props.problem.clone()} prompt={props.prompt} {enter} />
                        <Shop offers={props.shop.clone()} coins={status.coins} {enter} />
                    } else {
                        <Welcome />
                    }
                </div>
                <div class="column">
                    <Campus
                        campus={props.campus.clone()}
                        here={props.status.as_ref().map(|status| status.place)}
                        {enter}
                    />
                </div>
            </aside>
        </>
    }
}
