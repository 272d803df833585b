//! Numbers that are drawn, and the same for the same seed on every machine.

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, without 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `count`, which is at least 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count - 1)
    }

    /// Whether something happens that has this probability.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A time between two events of a kind that come so often, in microseconds, 1 at least.
    pub(super) fn gap(&mut self, a_second: f64) -> u64 {
        let seconds = -(1.0 - self.unit()).ln() / a_second.max(1e-9);
        (seconds * 1e6).clamp(1.0, 1e15) as u64
    }

    /// A time around `typical`: half of it at least, and with a long tail.
    pub(super) fn about(&mut self, typical: u64) -> u64 {
        let tail = -(1.0 - self.unit()).ln() * typical as f64 / 2.0;
        typical / 2 + tail as u64
    }
}
