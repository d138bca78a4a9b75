//! The campus map: a building with a lit window wherever somebody is, and two places outside.

use std::rc::Rc;

use cmud::text::one;
use cmud::{Place, PlayerSeen};
use page::portrait::Portrait;
use page::state::Campus as Everyone;
use page::words::{short_place, sign};
use yew::prelude::*;

/// How many players a place shows by name: more would push the other floors off the screen.
const NAMED: usize = 6;

/// What [`Campus`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// Who is where, once that is known.
    pub campus: Option<Rc<Everyone>>,
    /// Where the player's character is; without one there is nobody to move.
    pub here: Option<Place>,
    /// Enters a line.
    pub enter: Callback<String>,
}

/// The map. A click on a place moves there.
#[component]
pub fn Campus(props: &Props) -> Html {
    let nobody = Vec::new();
    let at = |place: Place| {
        let everyone = props.campus.iter().flat_map(|campus| campus.iter());
        everyone.into_iter().find(|(there, _)| *there == place).map_or(&nobody, |(_, who)| who)
    };
    let row = |place: Place| html! { <li>{ room(props, place, at(place)) }</li> };
    let floors = Place::ALL.into_iter().rev().filter(|place| !is_outside(*place));
    let outside = Place::ALL.into_iter().filter(|place| is_outside(*place));
    html! {
        <section class="card campus" aria-labelledby="campus-title">
            <h2 id="campus-title">{ "Campus" }</h2>
            <p class="roof" aria-hidden="true">{ "Gates" }</p>
            <ul class="places" aria-label="Gates">{ for floors.map(row) }</ul>
            <ul class="places outside" aria-label="Outside">{ for outside.map(row) }</ul>
        </section>
    }
}

fn room(props: &Props, place: Place, who: &[PlayerSeen]) -> Html {
    let here = props.here == Some(place);
    let onclick = props.enter.reform(move |_: MouseEvent| format!("move {}", place.word()));
    let class = classes!("place", here.then_some("here"), (!who.is_empty()).then_some("lit"));
    html! {
        <button
            {class}
            {onclick}
            disabled={props.here.is_none()}
            aria-current={here.then_some("location")}
            title={format!("move {}", place.word())}
        >
            <span class="place-label" aria-hidden="true">{ sign(place) }</span>
            <span class="place-room">
                <span class={if is_outside(place) { "place-name" } else { "place-name unseen" }}>
                    { short_place(place) }
                </span>
                { for who.iter().take(NAMED).map(player) }
                if who.len() > NAMED {
                    <span class="small">{ format!("+{}", who.len() - NAMED) }<span class="unseen">{ " more" }</span></span>
                }
            </span>
        </button>
    }
}

fn player(player: &PlayerSeen) -> Html {
    let name = player.name.as_str();
    let style = format!("--hue:{}", Portrait::of(name).hue);
    let rank = if player.me { "you".to_owned() } else { one(player.rank).to_owned() };
    html! {
        <span class={classes!("who", player.me.then_some("you"))} {style} title={format!("{name}, {rank}")}>
            { name }
            <span class="unseen">{ format!(", {rank}") }</span>
        </span>
    }
}

fn is_outside(place: Place) -> bool {
    matches!(place, Place::Fence | Place::Bridge)
}
