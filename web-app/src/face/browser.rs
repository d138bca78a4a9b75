//! What the page asks of the browser.

use cmud::Name;
use kvclient::{Addresses, ParseAddressError};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, Element, KeyboardEvent, Storage, UrlSearchParams, Window};
use yew::Callback;

/// Where a tab remembers its character.
const NAME: &str = "cmud.name";

/// The element with this id.
pub fn element(id: &str) -> Option<Element> {
    document()?.get_element_by_id(id)
}

/// The page cannot go on: says so to the player, and why to whoever opens the console.
pub fn give_up(why: &str) {
    web_sys::console::error_1(&why.into());
    if let Some(notice) = element("broken") {
        // A page that cannot even do that has nobody left to tell.
        let _ = notice.remove_attribute("hidden");
    }
}

/// The servers to play on.
pub fn servers() -> Result<Addresses, ParseAddressError> {
    let location = window().map(|window| window.location());
    let of = |part: Option<Result<String, _>>| part.and_then(Result::ok).unwrap_or_default();
    let protocol = of(location.as_ref().map(|location| location.protocol()));
    let host = of(location.as_ref().map(|location| location.host()));
    let query = of(location.as_ref().map(|location| location.search()));
    let named = UrlSearchParams::new_with_str(&query).ok().and_then(|query| query.get("server"));
    page::location::servers(&protocol, &host, named.as_deref())
}

/// Tells of every key, wherever the focus is, for as long as the page lives.
pub fn on_key(tell: Callback<KeyboardEvent>) {
    let listener = Closure::<dyn Fn(KeyboardEvent)>::new(move |event| tell.emit(event));
    if let Some(document) = document() {
        let _ =
            document.add_event_listener_with_callback("keydown", listener.as_ref().unchecked_ref());
    }
    listener.forget();
}

/// Whether some text is marked, so that Ctrl-C means to copy it.
pub fn has_selection() -> bool {
    let selection = window().and_then(|window| window.get_selection().ok().flatten());
    selection.is_some_and(|selection| !selection.is_collapsed())
}

/// Whether the player points with a mouse. On a touch screen, focus would bring up a keyboard that nobody asked for.
pub fn has_mouse() -> bool {
    let query = window().and_then(|window| window.match_media("(hover: hover)").ok().flatten());
    query.is_some_and(|query| query.matches())
}

/// The character of this tab: it survives a reload, and another tab may have another.
pub fn tab_name() -> Option<Name> {
    read(&tab_storage()?)
}

/// The last character of any tab.
pub fn last_name() -> Option<Name> {
    read(&window()?.local_storage().ok()??)
}

/// Remembers the character of this tab.
pub fn remember_name(name: &Name) {
    let everywhere = window().and_then(|window| window.local_storage().ok().flatten());
    for storage in [tab_storage(), everywhere].into_iter().flatten() {
        // Full or forbidden storage costs a convenience, nothing else.
        let _ = storage.set_item(NAME, name.as_str());
    }
}

/// Lets the next reload of this tab ask for a name.
pub fn forget_name() {
    if let Some(storage) = tab_storage() {
        let _ = storage.remove_item(NAME);
    }
}

/// Starts the page anew.
pub fn reload() {
    if let Some(window) = window() {
        let _ = window.location().reload();
    }
}

fn read(storage: &Storage) -> Option<Name> {
    storage.get_item(NAME).ok()??.parse().ok()
}

fn tab_storage() -> Option<Storage> {
    window()?.session_storage().ok()?
}

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}
