//! Rounds: two pieces of work that take turns, and how their times spread.
//!
//! Each round runs both for about a millisecond, the one that begins changing
//! from round to round, and gives one ratio. What is reported is the median and
//! the quartiles over all rounds, never the best.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The middle half of many measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A quarter is below.
    pub low: f64,
    /// Half is below.
    pub median: f64,
    /// A quarter is above.
    pub high: f64,
}

impl Spread {
    /// The spread of `values`, which are at least one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |share: usize| values[(values.len() - 1) * share / 4];
        Spread {
            low: at(1),
            median: at(2),
            high: at(3),
        }
    }

    /// The width of the middle half, as a share of the median.
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.median
    }
}

/// Nanoseconds per operation of both, and the ratio of baseline to ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Nanoseconds of the baseline.
    pub baseline: Spread,
    /// Nanoseconds of ours.
    pub ours: Spread,
    /// How many times faster ours was, round by round.
    pub ratio: Spread,
}

impl Compared {
    /// The same per one of `many` equal parts of the operation.
    #[must_use]
    pub fn per(self, many: f64) -> Self {
        let part = |spread: Spread| Spread {
            low: spread.low / many,
            median: spread.median / many,
            high: spread.high / many,
        };
        Compared {
            baseline: part(self.baseline),
            ours: part(self.ours),
            ratio: self.ratio,
        }
    }
}

/// Lets `baseline` and `ours` take turns.
pub fn compare<B, O>(mut baseline: impl FnMut() -> B, mut ours: impl FnMut() -> O) -> Compared {
    let (many, more) = (fit(&mut baseline), fit(&mut ours));
    let rounds = (0..ROUNDS).map(|round| {
        if round % 2 == 0 {
            let theirs = time(many, &mut baseline);
            (theirs, time(more, &mut ours))
        } else {
            let ours = time(more, &mut ours);
            (time(many, &mut baseline), ours)
        }
    });
    let rounds: Vec<(f64, f64)> = rounds.collect();
    Compared {
        baseline: Spread::of(rounds.iter().map(|round| round.0)),
        ours: Spread::of(rounds.iter().map(|round| round.1)),
        ratio: Spread::of(rounds.iter().map(|(baseline, ours)| baseline / ours)),
    }
}

/// Nanoseconds per operation of `work` alone.
pub fn measure<R>(mut work: impl FnMut() -> R) -> Spread {
    let many = fit(&mut work);
    Spread::of((0..ROUNDS).map(|_| time(many, &mut work)))
}

/// How long `work` took.
#[allow(
    clippy::disallowed_methods,
    reason = "a benchmark is what clocks are for"
)]
pub fn clock(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// Nanoseconds per call of `work`, over `many` calls.
fn time<R>(many: u32, work: &mut impl FnMut() -> R) -> f64 {
    let took = clock(|| (0..many).for_each(|_| drop(black_box(work()))));
    took.as_nanos() as f64 / f64::from(many)
}

/// How many calls of `work` fill a turn; warms up on the way.
fn fit<R>(work: &mut impl FnMut() -> R) -> u32 {
    let mut many = 1;
    while many < 1 << 24 {
        if time(many, work) * f64::from(many) >= TURN.as_nanos() as f64 {
            // Once more, now that caches and branches know the way.
            let each = time(many, work).max(1.0);
            return (TURN.as_nanos() as f64 / each).ceil() as u32;
        }
        many *= 2;
    }
    many
}

/// Rounds of a comparison: two seconds at two turns each.
const ROUNDS: u32 = 1_000;
/// How long one of both works at a time.
const TURN: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_of_the_sorted_values() {
        let spread = Spread::of([5.0, 1.0, 3.0, 2.0, 4.0]);
        let expected = Spread {
            low: 2.0,
            median: 3.0,
            high: 4.0,
        };
        assert_eq!(spread, expected);
        assert!((spread.width() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(Spread::of([7.0]).median, 7.0);
    }
}
