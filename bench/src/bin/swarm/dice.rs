//! Choices by chance.

use std::time::Duration;

use talkpath_sim::Rng;

/// What scenes draw.
pub(crate) trait Dice {
    /// One of `of`, which is not empty.
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T;

    /// A duration of whole milliseconds in `from..=to`.
    fn millis(&mut self, from: u64, to: u64) -> Duration;
}

impl Dice for Rng {
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }
}
