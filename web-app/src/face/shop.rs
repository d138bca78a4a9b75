//! The price list.

use std::rc::Rc;

use cmud::Offer;
use cmud::text::{count, number};
use page::words::kind;
use yew::prelude::*;

/// What [`Shop`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What is sold, cheapest first.
    pub offers: Rc<Vec<Offer>>,
    /// What the player can spend.
    pub coins: u64,
    /// Enters a line.
    pub enter: Callback<String>,
}

/// The shop. A click buys as many pieces as the coins allow.
#[component]
pub fn Shop(props: &Props) -> Html {
    html! {
        <section class="card shop" aria-labelledby="shop-title">
            <h2 id="shop-title">{ "Shop" }</h2>
            <ul>{ for props.offers.iter().map(|offer| html! { <li class="offer">{ row(offer, props) }</li> }) }</ul>
        </section>
    }
}

fn row(offer: &Offer, props: &Props) -> Html {
    let Offer { kind: sold, price, power, affordable } = *offer;
    let name = kind(sold);
    let why = format!("why-{}", sold.word());
    let too_dear = affordable == 0;
    let onclick = props.enter.reform(move |_: MouseEvent| format!("buy {}", sold.word()));
    html! {
        <>
            <div>
                <p>
                    <span class="offer-name">{ &name }</span>
                    <span class="small">{ format!("power {}", number(power)) }</span>
                </p>
                <p id={why.clone()} class="small">
                    { count(price, "coin") }
                    if too_dear {
                        { ", " }
                        <span class="short">{ format!("{} short", number(price.saturating_sub(props.coins))) }</span>
                    }
                </p>
            </div>
            <button {onclick} disabled={too_dear} aria-describedby={why}>
                { "Buy" }
                if affordable > 1 {
                    { format!(" {}", number(affordable)) }
                }
                <span class="unseen">{ format!(" {name}") }</span>
            </button>
        </>
    }
}
