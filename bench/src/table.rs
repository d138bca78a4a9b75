//! Runs what is compared in turns, so that a noisy moment hits all, and prints the medians.

use std::time::Duration;

/// A measurement: how many of something in how long.
pub type Measurement = fn() -> (u64, Duration);

const ROUNDS: usize = 5;

/// Measures every row in turn, [`ROUNDS`] times, and prints median and spread in millions a second.
pub fn print(title: &str, rows: &[(&str, Measurement)]) {
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for ((_, measure), rates) in rows.iter().zip(&mut rates) {
            let (count, time) = measure();
            rates.push(count as f64 / time.as_secs_f64() / 1e6);
        }
    }
    println!("\n{title} (millions, median of {ROUNDS}, least to most)");
    for ((name, _), rates) in rows.iter().zip(&mut rates) {
        rates.sort_by(f64::total_cmp);
        let (least, median, most) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
        println!("  {name:<44} {median:>7.2}   {least:.2} to {most:.2}");
    }
}
