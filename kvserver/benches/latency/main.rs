//! How soon a Put is visible everywhere, and what that costs.
//!
//! `cargo bench -p kvserver --bench latency [-- PART...]`, where a part is one of `one`, `far`, `heal`,
//! `economy` and `ceiling`; without any, all of them run, which takes about four minutes. Servers, the
//! network between them and those who measure share the machine, so it should have nothing else to do.
//!
//! A Put is visible everywhere when every replica has answered a Get with it; the time counts from before
//! the Put is sent. Replicas are asked again a millisecond after their last answer, so a figure is too
//! large by up to 2 ms, but for the idle single server, where they are asked without a pause.

mod economy;
mod visibility;
mod world;

use std::time::Duration;

/// A figure beside its target.
pub struct Row {
    figure: String,
    target: String,
    measured: String,
    met: bool,
}

impl Row {
    /// A time that is to be at most `target`.
    pub fn time(figure: &str, target: Duration, measured: Duration) -> Self {
        Self {
            figure: figure.to_owned(),
            target: format!("{target:?}"),
            measured: format!("{:.1} ms", measured.as_secs_f64() * 1000.0),
            met: measured <= target,
        }
    }

    /// A number that is to be at most `target`.
    pub fn at_most(figure: &str, target: f64, measured: f64) -> Self {
        Self {
            figure: figure.to_owned(),
            target: format!("{target}"),
            measured: format!("{measured:.2}"),
            met: measured <= target,
        }
    }

    /// A number that a formula says; met within a tenth.
    pub fn formula(figure: &str, formula: f64, measured: f64) -> Self {
        Self {
            figure: figure.to_owned(),
            target: format!("{formula:.0}"),
            measured: format!("{measured:.0}"),
            met: (measured / formula - 1.0).abs() < 0.1,
        }
    }
}

#[tokio::main]
async fn main() {
    // Cargo passes flags of its own.
    let parts: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let mut rows = Vec::new();
    if wanted("one") {
        rows.extend(visibility::one_server().await);
    }
    if wanted("far") {
        rows.extend(visibility::far_servers().await);
    }
    if wanted("heal") {
        rows.extend(visibility::healed_cut().await);
    }
    if wanted("economy") {
        rows.extend(economy::bytes_and_repeats().await);
    }
    if wanted("ceiling") {
        rows.extend(economy::ceiling().await);
    }
    println!();
    println!("| {:62} | {:>8} | {:>10} | met |", "figure", "target", "measured");
    println!("|-{0:-<62}-|-{0:-<7}:|-{0:-<9}:|-----|", "");
    for Row { figure, target, measured, met } in rows {
        let met = if met { "yes" } else { "NO" };
        println!("| {figure:62} | {target:>8} | {measured:>10} | {met:3} |");
    }
}
