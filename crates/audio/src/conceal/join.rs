//! A gap filled from both of its sides.
//!
//! In: how the signal before the gap would have gone on, and how the one after
//! it would have come about. Out: the first turning into the second. Each is
//! bent in time, by less than half a period, so that it meets the other side in
//! phase: two voices half a period apart would cancel out.

use crate::pitch::alike;

/// Writes the samples of a gap.
///
/// `before` goes forwards from the start of the gap, `after` backwards from its
/// end; both reach beyond its other end. `past` and `future` are what is heard
/// there: `past` read backwards, `future` forwards.
pub(super) fn join(gap: &mut [i16], before: Side<'_>, after: Side<'_>) {
    let len = gap.len();
    let (from, to) = (before.bend(len), after.bend(len));
    for (n, sample) in gap.iter_mut().enumerate() {
        let there = (n + 1) as f32 / (len + 1) as f32;
        let old = at(before.signal, n as f32 * from);
        let new = at(after.signal, (len - 1 - n) as f32 * to);
        *sample = (old * (1.0 - there) + new * there).round() as i16;
    }
}

/// A signal that enters the gap at one end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    /// Its continuation through the gap and beyond.
    pub(super) signal: &'a [f32],
    /// What is heard beyond the other end.
    pub(super) target: &'a [f32],
    /// One period.
    pub(super) period: usize,
}

impl Side<'_> {
    /// How much faster it has to run to meet the target in phase.
    fn bend(&self, len: usize) -> f32 {
        let reach = (self.period / 2).min(len / 3);
        let mut best = (0.0, len);
        for start in len - reach..=len + reach {
            let Some(there) = self.signal.get(start..) else {
                break;
            };
            let target = &self.target[..self.target.len().min(there.len())];
            let score = alike(target, there);
            if score > best.0 {
                best = (score, start);
            }
        }
        best.1 as f32 / len as f32
    }
}

/// A signal between its samples, by a cubic through four of them.
fn at(signal: &[f32], place: f32) -> f32 {
    let n = place as usize;
    let t = place - n as f32;
    let sample = |n: usize| signal.get(n).or(signal.last()).copied().unwrap_or(0.0);
    let (a, b, c, d) = (
        sample(n.saturating_sub(1)),
        sample(n),
        sample(n + 1),
        sample(n + 2),
    );
    let slope = c - a;
    let bend = 2.0 * a - 5.0 * b + 4.0 * c - d;
    let twist = 3.0 * (b - c) + d - a;
    b + 0.5 * t * (slope + t * (bend + t * twist))
}
