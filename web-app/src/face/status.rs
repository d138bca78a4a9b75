//! The student card.

use std::rc::Rc;

use cmud::Status;
use cmud::text::{count, number};
use page::portrait::{Portrait, SIDE};
use page::words::kind;
use yew::prelude::*;

/// What [`Identity`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The player's character.
    pub status: Rc<Status>,
}

/// Who the player is and what the player has.
#[component]
pub fn Identity(props: &Props) -> Html {
    let Status { name, rank, coins, power, hardware, place } = &*props.status;
    let portrait = Portrait::of(name.as_str());
    html! {
        <section class="card identity" aria-labelledby="identity-title">
            <h2 id="identity-title">{ "Student card" }</h2>
            <div class="identity-head">
                <svg
                    class="portrait"
                    viewBox={format!("0 0 {SIDE} {SIDE}")}
                    style={format!("--hue:{}", portrait.hue)}
                    shape-rendering="crispEdges"
                    aria-hidden="true"
                >
                    <path d={portrait.path} />
                </svg>
                <div>
                    <p class="identity-name">{ name.as_str() }</p>
                    <p class="identity-rank">{ rank.title() }</p>
                </div>
            </div>
            <dl class="facts">
                <dt>{ "Coins" }</dt>
                <dd>{ number(*coins) }</dd>
                <dt>{ "Power" }</dt>
                <dd>{ number(*power) }</dd>
                <dt>{ "Place" }</dt>
                <dd>{ place.title() }</dd>
                <dt>{ "Hardware" }</dt>
                <dd>
                    <ul>
                        { for hardware.owned().map(|(owned, count)| {
                            html! { <li>{ format!("{} {}", number(count), kind(owned)) }</li> }
                        }) }
                    </ul>
                </dd>
            </dl>
        </section>
    }
}

/// The card in one line, for a narrow screen where it is behind a tab.
#[component]
pub fn Brief(props: &Props) -> Html {
    let Status { name, rank, coins, power, .. } = &*props.status;
    html! {
        <p class="brief">
            <strong>{ name.as_str() }</strong>
            <span>{ rank.title() }</span>
            <span>{ count(*coins, "coin") }</span>
            <span>{ format!("power {}", number(*power)) }</span>
        </p>
    }
}

/// The notice in the place of the card, before there is a character.
#[component]
pub fn Welcome() -> Html {
    html! {
        <section class="card notice" aria-labelledby="welcome-title">
            <h2 id="welcome-title">{ "New here?" }</h2>
            <p>{ "It is 2010. You have a laptop, no money, and a seat in a distributed-systems course." }</p>
            <p>{ "Sign in with a name, then mine coins, buy hardware, and help the whole campus solve its problems." }</p>
            <p>{ "A name you have used before brings its character back, from any browser or terminal." }</p>
            <p class="small">
                { "Type into the line below the log. " }
                <kbd>{ "Tab" }</kbd>{ " completes, " }
                <kbd>{ "↑" }</kbd>{ " brings lines back, " }
                <kbd>{ "Esc" }</kbd>{ " stops what is going on." }
            </p>
        </section>
    }
}
