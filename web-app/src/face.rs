//! The page in a browser: components, and what connects them to the game.

mod activity;
mod app;
mod board;
mod browser;
mod campus;
mod command_line;
mod connection;
mod game;
mod log;
mod meter;
mod problem;
mod shop;
mod status;

/// Puts the page where `index.html` has left room for it.
pub fn start() {
    yew::set_custom_panic_hook(Box::new(|panic| browser::give_up(&panic.to_string())));
    match browser::element("app") {
        Some(root) => drop(yew::Renderer::<app::App>::with_root(root).render()),
        None => browser::give_up("index.html has no element with the id \"app\""),
    }
}
