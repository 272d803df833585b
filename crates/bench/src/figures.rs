//! What is made of many measurements: medians, percentiles, and how they are written.

use std::time::Duration;

/// The value below which `part` (0 to 1) of the sorted values lie, the nearest one that was measured; 0 of none.
#[must_use]
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0.0)
}

/// Measurements of one thing.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a measurement.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Adds a time, in milliseconds.
    pub fn add_time(&mut self, time: Duration) {
        self.add(time.as_secs_f64() * 1000.0);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Each measurement as a ratio to the one of the same round.
    #[must_use]
    pub fn over(&self, ceiling: &Samples) -> Samples {
        Samples(self.0.iter().zip(&ceiling.0).map(|(value, whole)| value / whole).collect())
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The value below which `part` (0 to 1) of them lie.
    #[must_use]
    pub fn at(&self, part: f64) -> f64 {
        percentile(&self.sorted(), part)
    }

    /// Median, least and most of the rates of several rounds.
    #[must_use]
    pub fn rates(&self) -> String {
        format!("{} ({} to {})", count(self.at(0.5)), count(self.at(0.0)), count(self.at(1.0)))
    }

    /// Median, least and most of the ratios of several rounds.
    #[must_use]
    pub fn ratios(&self) -> String {
        format!("{:.2} ({:.2} to {:.2})", self.at(0.5), self.at(0.0), self.at(1.0))
    }

    /// A percentile of times, in milliseconds.
    #[must_use]
    pub fn time(&self, part: f64) -> String {
        format!("{:.2} ms", self.at(part))
    }
}

/// A whole number with its thousands apart.
#[must_use]
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|part| percentile(&hundred, part)), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let (mut part, mut whole) = (Samples::default(), Samples::default());
        for (a, b) in [(50.0, 100.0), (90.0, 100.0), (10.0, 40.0)] {
            part.add(a);
            whole.add(b);
        }
        assert_eq!(part.over(&whole).ratios(), "0.50 (0.25 to 0.90)");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([5.0, 999.6, 116_000.0, 1_234_567.0].map(count), ["5", "1,000", "116,000", "1,234,567"]);
    }
}
