//! What has happened, newest at the bottom.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use cmud::Tone;
use page::state::{Entry, Said};
use page::words::{parts, unbroken};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver};
use yew::prelude::*;

/// How far from the end, in pixels, a reader still counts as being there.
const CLOSE: i32 = 24;

/// What [`Log`] shows.
#[derive(Properties)]
pub struct Props {
    /// The lines, oldest first.
    pub entries: Rc<VecDeque<Rc<Entry>>>,
    /// How many lines the player has entered: whoever enters one wants to see its answer.
    pub entered: u64,
}

impl PartialEq for Props {
    /// The page makes a new list for every line, so there is nothing to compare.
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries) && self.entered == other.entered
    }
}

/// The log. It follows the newest line, unless its reader has scrolled up; then a button leads back.
#[component]
pub fn Log(props: &Props) -> Html {
    let node = use_node_ref();
    let following = use_mut_ref(|| true);
    let last_top = use_mut_ref(|| 0);
    let behind = use_state(|| false);

    let onscroll = {
        let (node, following, behind) = (node.clone(), following.clone(), behind.clone());
        move |_| {
            let Some(log) = node.cast::<HtmlElement>() else { return };
            // Lines may have come since the scroll that this event tells of, so being short of the end means nothing:
            // only a reader moves up.
            let before = last_top.replace(log.scroll_top());
            if is_at_end(&log) {
                following.replace(true);
            } else if log.scroll_top() < before {
                following.replace(false);
            }
            behind.set(!*following.borrow());
        }
    };
    let newest = {
        let node = node.clone();
        move |_| {
            if let Some(log) = node.cast::<HtmlElement>() {
                to_end(&log);
                let _ = log.focus();
            }
        }
    };
    // Before the next effect, which scrolls: effects run in the order in which they are written.
    use_effect_with(props.entered, {
        let following = following.clone();
        move |_| *following.borrow_mut() = true
    });
    let newest_id = props.entries.back().map(|entry| entry.id);
    use_effect_with((newest_id, props.entered), {
        let (node, following) = (node.clone(), following.clone());
        move |_| {
            if let Some(log) = node.cast::<HtmlElement>().filter(|_| *following.borrow()) {
                to_end(&log);
            }
        }
    });
    use_effect_with((), {
        let node = node.clone();
        move |()| follow_when_resized(&node, following)
    });

    html! {
        <div class="log-frame">
            <div class="log" role="log" aria-label="What happens" tabindex="0" ref={node} {onscroll}>
                { for props.entries.iter().map(|entry| line(entry)) }
            </div>
            if *behind {
                <button class="newest" onclick={newest}>{ "↓ newest" }</button>
            }
        </div>
    }
}

fn line(entry: &Entry) -> Html {
    let (class, text) = match &entry.said {
        Said::Typed(line) => ("typed", html! { line }),
        Said::Told(line) => (tone(line.tone), parts(&line.text).into_iter().map(part).collect()),
    };
    html! { <p key={entry.id} class={classes!("said", class)}>{ text }</p> }
}

fn part((typeable, text): (bool, &str)) -> Html {
    let text = AttrValue::from(unbroken(text));
    if typeable {
        html! { <code>{ text }</code> }
    } else {
        html! { text }
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Title => "title",
        Tone::Story => "story",
        Tone::Say => "say",
        Tone::Success => "success",
        Tone::Warning => "warning",
        Tone::Error => "error",
        Tone::Hint => "hint",
        Tone::Gossip => "gossip",
    }
}

fn is_at_end(log: &HtmlElement) -> bool {
    log.scroll_height() - log.client_height() - log.scroll_top() <= CLOSE
}

fn to_end(log: &HtmlElement) {
    log.set_scroll_top(log.scroll_height());
}

/// Keeps the newest line in sight when a progress bar or a keyboard takes some of the log's room. The result undoes it.
fn follow_when_resized(node: &NodeRef, following: Rc<RefCell<bool>>) -> impl FnOnce() + use<> {
    let log = node.cast::<HtmlElement>();
    let watched = log.clone();
    let on_resize = Closure::<dyn FnMut()>::new(move || {
        if let Some(log) = watched.as_ref().filter(|_| *following.borrow()) {
            to_end(log);
        }
    });
    let observer = ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok();
    if let (Some(observer), Some(log)) = (&observer, &log) {
        observer.observe(log);
    }
    move || {
        if let Some(observer) = observer {
            observer.disconnect();
        }
        drop(on_resize);
    }
}
