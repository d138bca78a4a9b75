//! The page. It is built for the browser by `cargo xtask web`; what of it can be tested elsewhere is the library.

#[cfg(target_family = "wasm")]
mod face;

#[cfg(target_family = "wasm")]
fn main() {
    face::start();
}

#[cfg(not(target_family = "wasm"))]
fn main() {
    eprintln!("This program is a page: `cargo xtask web` builds it for a browser.");
}
