//! From values to places, with ticks at round values.

/// A linear scale from 0 to a round value at or above the most.
pub(super) struct Scale {
    most: f64,
    step: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Values 0..=`most` lie between `start` and `end`, exactly.
    pub(super) fn new(most: f64, start: f64, end: f64) -> Self {
        Scale {
            most,
            step: round_step(most, 10.0),
            start,
            end,
        }
    }

    /// Values 0..=`most` lie between `start` and `end`, which is a tick.
    pub(super) fn up_to_a_tick(most: f64, start: f64, end: f64) -> Self {
        let step = round_step(most, 4.0);
        Scale {
            most: (most / step).ceil() * step,
            step,
            start,
            end,
        }
    }

    /// The place of `value`, at most the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value / self.most).clamp(0.0, 1.0);
        self.start + (self.end - self.start) * share
    }

    /// The values of the ticks.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (step, count) = (self.step, (self.most / self.step + 1e-9).floor() as u32);
        (0..=count).map(move |n| f64::from(n) * step)
    }
}

/// 1, 2 or 5 times a power of ten: as many steps to `most` as `count`, or less.
fn round_step(most: f64, count: f64) -> f64 {
    let wanted = (most / count).max(1e-3);
    let power = 10f64.powf(wanted.log10().floor());
    let rounded = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let fits = |step: &f64| *step >= wanted * (1.0 - 1e-9);
    rounded.into_iter().find(fits).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (most, step) in [(10.0, 1.0), (12.3, 2.0), (3600.0, 500.0), (0.1, 0.01)] {
            let scale = Scale::new(most, 0.0, 100.0);
            assert!((scale.step - step).abs() < 1e-9, "{most}: {}", scale.step);
            assert!(scale.ticks().count() <= 11);
        }
        let scale = Scale::up_to_a_tick(37.0, 100.0, 0.0);
        assert_eq!(scale.ticks().last(), Some(40.0));
        assert_eq!(
            (scale.at(0.0), scale.at(20.0), scale.at(99.0)),
            (100.0, 50.0, 0.0)
        );
    }
}
