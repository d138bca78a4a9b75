//! What was measured, as rows: our figure, the other's in the same run, their ratio, the target.

use serde::Serialize;

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Of the figures.
    pub unit: &'static str,
    /// The median of ours.
    pub ours: f64,
    /// Who or what else was measured in the same run.
    pub other: Option<&'static str>,
    /// The median of its figures.
    pub others: Option<f64>,
    /// The median of the ratios of the rounds, ours to the other's.
    pub ratio: Option<f64>,
    /// What is to be reached.
    pub target: Option<Target>,
    /// Whether it is.
    pub met: Option<bool>,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    /// Of figures measured in rounds, those of both in turn.
    pub fn compared(
        name: impl Into<String>,
        unit: &'static str,
        ours: &[f64],
        (other, others): (&'static str, &[f64]),
        target: Option<Target>,
    ) -> Self {
        let ratios: Vec<f64> = ours.iter().zip(others).map(|(our, other)| our / other).collect();
        let row = Self {
            name: name.into(),
            unit,
            ours: median(ours),
            other: Some(other),
            others: Some(median(others)),
            ratio: Some(median(&ratios)),
            target,
            met: None,
        };
        row.judged()
    }

    /// Of figures that stand for themselves.
    pub fn alone(
        name: impl Into<String>,
        unit: &'static str,
        ours: &[f64],
        target: Option<Target>,
    ) -> Self {
        let (name, ours) = (name.into(), median(ours));
        let row =
            Self { name, unit, ours, other: None, others: None, ratio: None, target, met: None };
        row.judged()
    }

    fn judged(mut self) -> Self {
        self.met = self.target.and_then(|target| {
            Some(match target {
                Target::RatioAtLeast(bound) => self.ratio? >= bound,
                Target::RatioAtMost(bound) => self.ratio? <= bound,
                Target::AtLeast(bound) => self.ours >= bound,
                Target::AtMost(bound) => self.ours <= bound,
            })
        });
        self
    }
}

/// The middle one; 0 of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// The table for people.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<52} {:>12} {:>12}  {:<10} {:>6}  {:<10}\n",
        "", "ours", "other", "", "ratio", "target"
    );
    for row in rows {
        let others = row.others.map_or(String::new(), figure);
        let ratio = row.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let name = format!("{}, {}", row.name, row.unit);
        let (other, target) = (row.other.unwrap_or_default(), judgement(row));
        let ours = figure(row.ours);
        text += &format!("{name:<52} {ours:>12} {others:>12}  {other:<10} {ratio:>6}  {target}\n");
    }
    text
}

fn judgement(row: &Row) -> String {
    let target = match row.target {
        None => return String::new(),
        Some(Target::RatioAtLeast(bound)) => format!("≥ {bound}×"),
        Some(Target::RatioAtMost(bound)) => format!("≤ {bound}×"),
        Some(Target::AtLeast(bound)) => format!("≥ {}", figure(bound)),
        Some(Target::AtMost(bound)) => format!("≤ {}", figure(bound)),
    };
    let verdict = match row.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    format!("{target:<10} {verdict}")
}

/// Three digits say enough of a small figure; a large one is grouped.
fn figure(number: f64) -> String {
    if number.abs() < 100.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_ratios_is_judged() {
        let at_least = Some(Target::RatioAtLeast(1.3));
        let row =
            Row::compared("GET", "1/s", &[20.0, 13.0, 1.0], ("it", &[10.0, 10.0, 10.0]), at_least);
        assert_eq!((row.ours, row.others, row.ratio), (13.0, Some(10.0), Some(1.3)));
        assert_eq!(row.met, Some(true));
        let row = Row::alone("memory", "bytes", &[141.0], Some(Target::AtMost(140.0)));
        assert_eq!(row.met, Some(false));
        assert!(table(&[row]).contains("MISSED"));
    }

    #[test]
    fn large_figures_are_grouped() {
        assert_eq!(figure(1_234_567.4), "1,234,567");
        assert_eq!(figure(123.0), "123");
        assert_eq!(figure(1.234), "1.23");
    }
}
