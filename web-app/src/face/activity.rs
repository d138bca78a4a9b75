//! What is going on, and what waits for it to end.

use cmud::Progress;
use cmud::text::number;
use yew::prelude::*;

use super::meter::Meter;

/// What [`Activity`] shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// How far it has come, if that can be said.
    pub progress: Option<Progress>,
    /// Whether the game is at work at all.
    pub busy: bool,
    /// Ends it.
    pub stop: Callback<()>,
}

/// The running activity with its bar and a button that ends it; nothing while the game waits for the player.
#[component]
pub fn Activity(props: &Props) -> Html {
    let stop = props.stop.reform(|_: MouseEvent| ());
    let Some(progress) = &props.progress else {
        return html! {
            if props.busy {
                <div class="activity quiet">
                    <span class="task">{ "One moment…" }</span>
                    <button class="stop" onclick={stop}>{ "Skip " }<kbd>{ "Esc" }</kbd></button>
                </div>
            }
        };
    };
    let Progress { label, done, total, note } = progress;
    html! {
        <div class="activity">
            <div class="task">
                <p class="task-words">
                    <span>{ format!("{label}: {note}") }</span>
                    <span>{ format!("{} / {}", number(*done), number(*total)) }</span>
                </p>
                <Meter label={label.clone()} done={*done} total={*total} />
            </div>
            <button class="stop" onclick={stop}>{ "Stop " }<kbd>{ "Esc" }</kbd></button>
        </div>
    }
}

/// What [`Queue`] shows.
#[derive(PartialEq, Properties)]
pub struct QueueProps {
    /// The waiting lines, the next one first.
    pub waiting: Vec<String>,
}

/// The lines that wait their turn.
#[component]
pub fn Queue(props: &QueueProps) -> Html {
    html! {
        if !props.waiting.is_empty() {
            <p class="queue">
                <span>{ "Next:" }</span>
                { for props.waiting.iter().map(|line| html! { <code>{ line }</code> }) }
            </p>
        }
    }
}
