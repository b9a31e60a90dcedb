//! The period at which a piece of speech repeats itself.
//!
//! In: mono PCM. Out: the lag, between 2.5 and 15 ms (400 to 67 Hz), at which
//! the signal resembles its own past most, and how much. It looks first on a
//! copy decimated to about 4 kHz, then around the best lag at the full rate, so
//! that the cost hardly grows with the rate. What to do with the period is for
//! others: [`conceal`](crate::conceal), [`stretch`](crate::stretch).

use std::ops::Range;
use std::time::Duration;

use crate::rate::SampleRate;

/// A lag and how alike the signal is across it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pitch {
    /// Samples.
    pub(crate) lag: usize,
    /// Normalised cross-correlation, -1 to 1.
    pub(crate) correlation: f32,
}

/// Looks for the pitch in a signal that it holds a copy of.
#[derive(Clone, Debug)]
pub(crate) struct PitchSearch {
    /// The signal; at most `longest` samples of it.
    fine: Vec<f32>,
    /// The same, each sample the mean of `decimation` of them.
    coarse: Vec<f32>,
    longest: usize,
    decimation: usize,
    lags: Range<usize>,
}

impl PitchSearch {
    /// Allocates for signals of at most `longest`.
    pub(crate) fn new(rate: SampleRate, longest: Duration) -> Self {
        let decimation = (rate.hz() / COARSE_HZ).max(1) as usize;
        let samples = rate.samples_in(longest);
        Self {
            fine: Vec::with_capacity(samples),
            coarse: Vec::with_capacity(samples / decimation),
            longest: samples,
            decimation,
            lags: rate.samples_in(SHORTEST)..rate.samples_in(LONGEST) + 1,
        }
    }

    /// Takes a signal, as much of it as was allocated for.
    pub(crate) fn load(&mut self, pcm: &[i16]) {
        self.load_from(pcm.iter().copied());
    }

    /// Takes a signal sample by sample, as much of it as was allocated for.
    pub(crate) fn load_from(&mut self, pcm: impl Iterator<Item = i16>) {
        self.fine.clear();
        self.fine.extend(pcm.take(self.longest).map(f32::from));
        self.coarse.clear();
        let scale = 1.0 / self.decimation as f32;
        let groups = self.fine.chunks_exact(self.decimation);
        self.coarse
            .extend(groups.map(|group| group.iter().sum::<f32>() * scale));
    }

    /// The signal.
    pub(crate) fn signal(&self) -> &[f32] {
        &self.fine
    }

    /// The lags that are looked at, in samples.
    pub(crate) fn lags(&self) -> Range<usize> {
        self.lags.clone()
    }

    /// The lag of at most `longest` at which `window` samples from `at` on best
    /// resemble what came before them; `None` where there is no room for any,
    /// or no signal.
    pub(crate) fn best(&self, at: usize, window: usize, longest: usize) -> Option<Pitch> {
        let end = at.checked_add(window)?;
        if end > self.fine.len() || window < self.decimation {
            return None;
        }
        let step = self.decimation;
        let longest = longest.min(at).min(self.lags.end - 1);
        let lags = self.lags.start.div_ceil(step)..longest / step + 1;
        let coarse = best_lag(&self.coarse, at / step, window / step, lags)?;
        let around = coarse.lag * step;
        let lags =
            around.saturating_sub(step).max(self.lags.start)..(around + step).min(longest) + 1;
        best_lag(&self.fine, at, window, lags)
    }

    /// How alike `window` samples from `at` on are to those `lag` before them.
    pub(crate) fn correlation(&self, at: usize, window: usize, lag: usize) -> f32 {
        let here = at
            .checked_add(window)
            .and_then(|end| self.fine.get(at..end));
        let before = at.checked_sub(lag).map(|start| &self.fine[start..]);
        match (here, before) {
            (Some(here), Some(before)) => alike(here, before),
            _ => 0.0,
        }
    }
}

/// The sum of products over the shorter of two signals.
///
/// In eight sums, which the compiler can keep in vector registers.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let len = a.len().min(b.len());
    let (a, b) = (a[..len].chunks_exact(8), b[..len].chunks_exact(8));
    let rest: f32 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    let mut sums = [0.0; 8];
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f32>()
}

/// Normalised cross-correlation over the length of `a`.
pub(crate) fn alike(a: &[f32], b: &[f32]) -> f32 {
    let b = &b[..a.len().min(b.len())];
    let energy = dot(a, a) * dot(b, b);
    if energy > 0.0 {
        dot(a, b) / energy.sqrt()
    } else {
        0.0
    }
}

fn best_lag(signal: &[f32], at: usize, window: usize, lags: Range<usize>) -> Option<Pitch> {
    let here = signal.get(at..at + window)?;
    let own = dot(here, here);
    let first = at.checked_sub(lags.start)?;
    let mut energy = dot(&signal[first..], &signal[first..][..window]);
    let mut best: Option<Pitch> = None;
    for lag in lags {
        let start = at - lag;
        if lag > at - first {
            // One sample earlier: one comes in, one goes out.
            energy +=
                signal[start] * signal[start] - signal[start + window] * signal[start + window];
        }
        let norm = own * energy;
        if norm <= f32::MIN_POSITIVE {
            continue;
        }
        let correlation = dot(here, &signal[start..]) / norm.sqrt();
        if best.is_none_or(|best| correlation > best.correlation) {
            best = Some(Pitch { lag, correlation });
        }
    }
    best
}

/// Below this the formants of speech are gone and its pitch is left.
const COARSE_HZ: u32 = 4_000;
/// 400 Hz: a child's voice.
const SHORTEST: Duration = Duration::from_micros(2_500);
/// 67 Hz: a deep man's.
const LONGEST: Duration = Duration::from_millis(15);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A train of pulses, each ringing out: what a voice does.
    fn voice(period: usize, len: usize) -> Vec<i16> {
        (0..len)
            .map(|n| {
                let phase = (n % period) as f32 / period as f32;
                (9_000.0 * (-4.0 * phase).exp() * (phase * 19.0).cos()) as i16
            })
            .collect()
    }

    #[test]
    fn it_finds_the_period_at_each_rate() {
        for hz in [8_000, 16_000, 24_000, 44_100, 48_000] {
            let rate = SampleRate::new(hz).unwrap();
            for micros in [3_125, 5_250, 8_000, 12_500] {
                let period = rate.samples_in(Duration::from_micros(micros));
                let pcm = voice(period, rate.samples_in(Duration::from_millis(48)));
                let mut search = PitchSearch::new(rate, Duration::from_millis(48));
                search.load(&pcm);
                let window = rate.frame_len();
                let pitch = search.best(pcm.len() - window, window, usize::MAX).unwrap();
                assert_eq!(pitch.lag % period, 0, "{hz} Hz, {micros} us: {pitch:?}");
                assert!(pitch.correlation > 0.999, "{pitch:?}");
            }
        }
    }

    #[test]
    fn silence_has_no_pitch() {
        let mut search = PitchSearch::new(SampleRate::HZ_8000, Duration::from_millis(48));
        search.load(&[0; 384]);
        assert_eq!(search.best(200, 160, usize::MAX), None);
    }

    proptest! {
        #[test]
        fn a_lag_is_always_in_range_and_has_room(
            pcm in proptest::collection::vec(any::<i16>(), 0..800),
            hz in 4_000u32..50_000,
            at in 0usize..900,
            window in 0usize..900,
            longest in 0usize..900,
        ) {
            let rate = SampleRate::new(hz).unwrap();
            let mut search = PitchSearch::new(rate, Duration::from_millis(48));
            search.load(&pcm);
            if let Some(pitch) = search.best(at, window, longest) {
                prop_assert!(pitch.lag <= at.min(longest) && at + window <= pcm.len());
                prop_assert!(rate.duration_of(pitch.lag as u64) <= LONGEST);
                prop_assert!((-1.01..=1.01).contains(&pitch.correlation));
            }
        }
    }
}
