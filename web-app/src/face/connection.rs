//! The connection to the store, in a word or a sentence.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use kvclient::{Link, platform};
use yew::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// What [`Connection`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The state of the connection.
    pub link: Link,
}

/// A lamp and its meaning.
#[component]
pub fn Connection(props: &Props) -> Html {
    let seconds = use_countdown(&props.link);
    let class = match &props.link {
        Link::Idle => "idle",
        Link::Connecting { .. } => "connecting",
        Link::Live { .. } => "live",
        Link::Retrying { .. } => "retrying",
    };
    let words = match &props.link {
        Link::Idle => html! { "not connected yet" },
        Link::Connecting { .. } => html! { "connecting…" },
        Link::Live { .. } => html! { "live" },
        Link::Retrying { cause, .. } => html! {
            <>
                // A screen reader should hear of the wait once, not every second of it.
                <span aria-live="off">{ format!("retrying in {seconds} s: ") }</span>
                { cause }
            </>
        },
    };
    html! {
        <p class={classes!("connection", class)} role="status">
            <span class="lamp"></span>
            <span>{ words }</span>
        </p>
    }
}

/// The whole seconds that are left until the next try, counted down from the moment the link began to wait.
#[hook]
fn use_countdown(link: &Link) -> u64 {
    let seconds = use_state(|| 0);
    let set = seconds.setter();
    use_effect_with(link.clone(), move |link| {
        let running = Rc::new(Cell::new(true));
        let stop = running.clone();
        if let Link::Retrying { next_in, .. } = link {
            let mut left = next_in.as_millis().div_ceil(SECOND.as_millis()) as u64;
            platform::spawn(async move {
                while running.get() {
                    set.set(left);
                    if left == 0 {
                        break;
                    }
                    platform::sleep(SECOND).await;
                    left -= 1;
                }
            });
        }
        move || stop.set(false)
    });
    *seconds
}
