//! A bar that shows how much of something is done.

use cmud::text::number;
use page::words::percent;
use yew::prelude::*;

/// What [`Meter`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What is being done, for those who cannot see where the bar stands.
    pub label: AttrValue,
    /// How much is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// The bar.
#[component]
pub fn Meter(props: &Props) -> Html {
    let Props { label, done, total } = props;
    let percent = percent(*done, *total);
    html! {
        <div
            class="bar"
            role="progressbar"
            aria-label={label}
            aria-valuemin="0"
            aria-valuemax={total.to_string()}
            aria-valuenow={done.to_string()}
            aria-valuetext={format!("{} of {}, {percent} percent", number(*done), number(*total))}
        >
            <div class="bar-fill" style={format!("width:{percent}%")}></div>
        </div>
    }
}
