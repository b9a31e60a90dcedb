//! How often packets came how late, the old forgotten little by little.
//!
//! In: delays in microseconds. Out: the delay that only a given share
//! exceeds. Steps of 2 ms up to half a second; what is beyond counts as that.
//! Each new delay weighs a little more than the one before, which is the same
//! as forgetting, and costs one addition.

/// Weights of delays by steps of [`STEP_US`].
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bins: Box<[f32]>,
    /// The highest step that any weight is in.
    highest: usize,
    /// The weight of packets that are taken to have come in time, before the
    /// first: a few prove nothing yet.
    prior: f32,
    total: f32,
    /// What the next delay weighs.
    weight: f32,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Histogram {
            bins: vec![0.0; BINS].into(),
            highest: 0,
            prior: PRIOR,
            total: PRIOR,
            weight: 1.0,
        }
    }

    pub(super) fn add(&mut self, delay_us: i64) {
        let bin = usize::try_from(delay_us / STEP_US).unwrap_or(0);
        let bin = bin.min(BINS - 1);
        self.highest = self.highest.max(bin);
        self.bins[bin] += self.weight;
        self.total += self.weight;
        self.weight *= GROWTH;
        if self.weight > HEAVIEST {
            let scale = 1.0 / self.weight;
            let weighty = |weight: &f32| *weight * scale > LIGHTEST;
            self.highest = self.bins.iter().rposition(weighty).unwrap_or(0);
            for (bin, weight) in self.bins.iter_mut().enumerate() {
                *weight *= if bin > self.highest { 0.0 } else { scale };
            }
            self.prior *= scale;
            self.total = self.prior + self.bins.iter().sum::<f32>();
            self.weight = 1.0;
        }
    }

    /// The delay in microseconds, at the upper edge of its step, that no more
    /// than `share` of the packets exceed; 0 in the first step.
    pub(super) fn exceeded_by(&self, share: f32) -> i64 {
        let mut left = self.total * share;
        for bin in (1..=self.highest).rev() {
            left -= self.bins[bin];
            if left < 0.0 {
                return (bin as i64 + 1) * STEP_US;
            }
        }
        0
    }

    /// Every delay becomes shorter by so many microseconds.
    pub(super) fn lower(&mut self, by_us: i64) {
        let by = usize::try_from(by_us / STEP_US).unwrap_or(0).min(BINS - 1);
        let below: f32 = self.bins[..by].iter().sum();
        self.bins.copy_within(by.., 0);
        self.bins[BINS - by..].fill(0.0);
        self.bins[0] += below;
        self.highest = self.highest.saturating_sub(by);
    }
}

/// Width of a step.
const STEP_US: i64 = 2_000;
const BINS: usize = 256;
const PRIOR: f32 = 60.0;
/// A delay counts half after 350 others: 7 s of 20 ms packets.
const GROWTH: f32 = 1.002;
/// From here on all weights are made lighter; those below this are none then.
const HEAVIEST: f32 = 1e6;
const LIGHTEST: f32 = 1e-4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_is_the_upper_edge_of_its_step() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.exceeded_by(0.03), 0);
        (0..10_000).for_each(|n| histogram.add(n % 100 * 1_000));
        let quantile = histogram.exceeded_by(0.03);
        assert!((95_000..=99_000).contains(&quantile), "{quantile}");
    }

    #[test]
    fn one_delay_in_a_hundred_is_not_followed_and_what_was_is_forgotten() {
        let mut histogram = Histogram::new();
        (0..500).for_each(|n| histogram.add(if n % 100 == 0 { 400_000 } else { 0 }));
        assert_eq!(histogram.exceeded_by(0.03), 0);
        (0..500).for_each(|_| histogram.add(60_000));
        assert_eq!(histogram.exceeded_by(0.03), 62_000);
        (0..2_000).for_each(|_| histogram.add(0));
        assert_eq!(histogram.exceeded_by(0.03), 0);
    }

    #[test]
    fn lowering_keeps_the_weight() {
        let mut histogram = Histogram::new();
        (0..1_000).for_each(|n| histogram.add(40_000 + n % 40 * 1_000));
        let before = histogram.exceeded_by(0.03);
        histogram.lower(40_000);
        assert_eq!(histogram.exceeded_by(0.03), before - 40_000);
        histogram.lower(i64::MAX);
        assert_eq!(histogram.exceeded_by(0.03), 0);
        let sum = histogram.bins.iter().sum::<f32>() + histogram.prior;
        assert!((sum / histogram.total - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_million_delays_leave_it_finite() {
        let mut histogram = Histogram::new();
        (0..1_000_000).for_each(|n| histogram.add(n % 30 * 1_000));
        assert!(histogram.total.is_finite() && histogram.total > 0.0);
        assert_eq!(histogram.exceeded_by(0.03), 30_000);
    }
}
