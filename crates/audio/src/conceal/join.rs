//! A gap filled from both of its sides.
//!
//! In: how the signal before the gap goes on, and what is heard before and
//! after it. Out: the samples between, the old signal turning into the new one.
//! Each of them is bent in time so that it meets the other side in phase, for
//! two voices half a period apart would cancel out. It is bent as a voice whose
//! pitch glides: not at all where it leaves its own side, most at the other.

use std::time::Duration;

use crate::pitch::dot;
use crate::rate::SampleRate;

use super::extrapolation::{Extrapolation, Gap};

/// Fills what lies between two signals.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// The signal after the gap, continued into it.
    backward: Extrapolation,
    /// Samples of the two continuations.
    before: Vec<f32>,
    after: Vec<f32>,
    /// What is heard nearest to the gap: before it newest first, after it
    /// oldest first.
    past: Vec<f32>,
    future: Vec<f32>,
    /// What the signals are compared over.
    compared: usize,
    longest: usize,
    /// What places are compared first; those between only around the best.
    stride: usize,
}

/// What a gap lies between.
pub(super) struct Between<'a> {
    /// Oldest first; its end is where the gap begins.
    pub(super) past: &'a [i16],
    /// Its start is where the gap ends.
    pub(super) after: &'a [i16],
    /// How loud the continuation of the past still is.
    pub(super) gain: f32,
}

impl Join {
    /// Allocates for one side of at most `history`.
    pub(super) fn new(rate: SampleRate, history: Duration) -> Self {
        let (compared, longest) = (rate.samples_in(COMPARED), rate.samples_in(LONGEST));
        // A continuation is bent by a third of the gap at most.
        let reach = longest + longest / 3 + compared + 2;
        Self {
            backward: Extrapolation::new(rate, history),
            before: vec![0.0; reach],
            after: vec![0.0; reach],
            past: Vec::with_capacity(compared),
            future: Vec::with_capacity(compared),
            compared,
            longest,
            stride: (rate.hz() / 8_000).max(1) as usize,
        }
    }

    /// The most samples that are filled: what both sides can have a part in.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Fills at most [`Join::longest`] samples of a gap.
    pub(super) fn fill(
        &mut self,
        gap: &mut [i16],
        forward: &mut Extrapolation,
        between: &Between<'_>,
    ) {
        let len = gap.len();
        self.load(len, forward, between);
        self.fade_to_the_lower(len);
        let reach = (forward.period() / 2).min(len / 3);
        let bend = |signal: &[f32], target: &[f32]| Bend {
            len: len as f32,
            meets: meeting(signal, target, len, reach, self.stride),
        };
        let old = bend(&self.before, &self.future);
        let new = bend(&self.after, &self.past);
        for (n, sample) in gap.iter_mut().enumerate() {
            let turned = (n + 1) as f32 / (len + 1) as f32;
            let before = at(&self.before, old.place(n));
            let after = at(&self.after, new.place(len - 1 - n));
            *sample = (before * (1.0 - turned) + after * turned).round() as i16;
        }
    }

    /// Makes the continuations, each through the gap and beyond.
    fn load(&mut self, len: usize, forward: &mut Extrapolation, between: &Between<'_>) {
        let reach = (len + len / 3 + self.compared + 2).min(self.before.len());
        self.before.resize(reach, 0.0);
        self.after.resize(reach, 0.0);
        forward.next(&mut self.before);
        for sample in &mut self.before {
            *sample *= between.gain;
        }
        let near = between.after.iter().take(between.past.len());
        self.backward.start(near.rev().copied(), Gap::Closed);
        self.backward.next(&mut self.after);

        let past = between.past.iter().rev().take(self.compared);
        self.past.clear();
        self.past.extend(past.map(|&sample| f32::from(sample)));
        let future = between.after.iter().take(self.compared);
        self.future.clear();
        self.future.extend(future.map(|&sample| f32::from(sample)));
    }

    /// Lets the louder side fade to the level of the other on its way there.
    fn fade_to_the_lower(&mut self, len: usize) {
        let level = |signal: &[f32]| {
            let power = dot(signal, signal) / signal.len().max(1) as f32;
            power.sqrt() + 1.0
        };
        let ratio = (level(&self.future) / level(&self.past)).clamp(0.1, 10.0);
        let (louder, ratio) = if ratio < 1.0 {
            (&mut self.before, ratio)
        } else {
            (&mut self.after, 1.0 / ratio)
        };
        let factor = ratio.powf(1.0 / len as f32);
        let mut gain = 1.0;
        for (n, sample) in louder.iter_mut().enumerate() {
            *sample *= gain;
            if n < len {
                gain *= factor;
            }
        }
    }
}

/// A time axis that is bent more the farther it goes.
#[derive(Clone, Copy, Debug)]
struct Bend {
    /// Samples of the gap.
    len: f32,
    /// The place of the signal that is heard at its far end.
    meets: f32,
}

impl Bend {
    /// The place of the signal that is heard at sample `n` of the gap.
    fn place(self, n: usize) -> f32 {
        let there = n as f32;
        there + (self.meets - self.len) * (there / self.len).powi(2)
    }
}

/// The place near `len` from which on `signal` is in phase with `target`.
fn meeting(signal: &[f32], target: &[f32], len: usize, reach: usize, stride: usize) -> f32 {
    let own = dot(target, target);
    let score = |place: usize| {
        let there = signal.get(place..).unwrap_or_default();
        let there = &there[..there.len().min(target.len())];
        let norm = own * dot(there, there);
        if norm <= f32::MIN_POSITIVE {
            return 0.0;
        }
        // The less it has to bend the likelier.
        let bent = place.abs_diff(len) as f32 / (reach + 1) as f32;
        dot(target, there) / norm.sqrt() - RELUCTANCE * bent
    };
    let best_of = |places: &mut dyn Iterator<Item = usize>| {
        let start = (0.0, len);
        let better = |best: (f32, usize), place| {
            let score = score(place);
            if score > best.0 { (score, place) } else { best }
        };
        places.fold(start, better).1
    };
    let coarse = best_of(&mut (len - reach..=len + reach).step_by(stride));
    let around = coarse.saturating_sub(stride - 1)..coarse + stride;
    let best = if stride > 1 {
        best_of(&mut around.clone())
    } else {
        coarse
    };
    if best == 0 {
        return 0.0;
    }
    // The top of the parabola through three scores lies between samples.
    let (left, mid, right) = (score(best - 1), score(best), score(best + 1));
    let bow = left - 2.0 * mid + right;
    let off = if bow < 0.0 {
        (0.5 * (left - right) / bow).clamp(-0.5, 0.5)
    } else {
        0.0
    };
    best as f32 + off
}

/// A signal between its samples, by a cubic through four of them.
fn at(signal: &[f32], place: f32) -> f32 {
    let n = place as usize;
    let part = place - n as f32;
    let sample = |n: usize| signal.get(n).or(signal.last()).copied().unwrap_or(0.0);
    let (before, here) = (sample(n.saturating_sub(1)), sample(n));
    let (next, last) = (sample(n + 1), sample(n + 2));
    let slope = next - before;
    let bow = 2.0 * before - 5.0 * here + 4.0 * next - last;
    let twist = 3.0 * (here - next) + last - before;
    here + 0.5 * part * (slope + part * (bow + part * twist))
}

/// Long enough to tell phases apart, short enough not to mix two sounds.
const COMPARED: Duration = Duration::from_millis(7);
/// What lies farther from a packet than this tells nothing of it.
const LONGEST: Duration = Duration::from_millis(60);
/// What a bend by the most that is allowed costs in correlation.
const RELUCTANCE: f32 = 0.4;
