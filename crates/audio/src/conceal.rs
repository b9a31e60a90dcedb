//! What is heard instead of a packet that did not come.
//!
//! In: every frame that was decoded, and every frame that is missing. Out: the
//! last pitch periods again and again, in the manner of ITU-T G.711 Appendix I,
//! fading the longer it lasts, joined without a step at both ends. Where the
//! packet after the gap has come already, the gap is filled from both sides.

use std::time::Duration;

use crate::rate::SampleRate;

mod extrapolation;
mod join;

use extrapolation::Extrapolation;
use join::{Side, join};

/// Fills the gaps of one stream of mono PCM.
///
/// Frames may have any length and change it. Nothing is delayed: what goes into
/// [`Concealer::good`] comes out at once. It allocates only in
/// [`Concealer::new`].
///
/// ```
/// use talkpath_audio::{Concealer, Fill, SampleRate};
/// let mut concealer = Concealer::new(SampleRate::HZ_8000);
/// concealer.good(&mut [500; 160]);
///
/// let mut missing = [0; 160];
/// assert_eq!(concealer.conceal(&mut missing), Fill::Concealed);
/// assert_eq!(missing[0], 500);
/// ```
#[derive(Clone, Debug)]
pub struct Concealer {
    /// What was heard last, oldest first; silence before the start.
    history: Vec<i16>,
    state: State,
    forward: Extrapolation,
    backward: Extrapolation,
    scratch: Scratch,
    lengths: Lengths,
}

/// Working memory of one call.
#[derive(Clone, Debug)]
struct Scratch {
    forward: Vec<f32>,
    backward: Vec<f32>,
    /// The nearest of what was heard, newest first.
    past: Vec<f32>,
    /// The nearest of what comes after the gap.
    future: Vec<f32>,
    reversed: Vec<i16>,
}

/// Durations in samples.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    /// The shortest cross-fade at the end of a gap.
    overlap: usize,
    /// What the cross-fade grows by for each 10 ms that were lost.
    overlap_per_10_ms: usize,
    longest_overlap: usize,
    ten_ms: usize,
    /// Until the fading begins, and until it is silent.
    loud: usize,
    fade: usize,
    /// The longest end of a gap that both sides have a part in.
    joined: usize,
    /// What both signals are compared over.
    compared: usize,
}

/// What a missing frame was filled with.
///
/// ```
/// use talkpath_audio::{Concealer, Fill, SampleRate};
/// let mut concealer = Concealer::new(SampleRate::HZ_8000);
/// assert_eq!(concealer.conceal(&mut [0; 160]), Fill::Silence);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// At least in part with what was made of earlier sound.
    Concealed,
    /// With silence: the gap is too long, or nothing came before it.
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was ever heard.
    Quiet,
    /// The last frame was good.
    Good,
    /// So many samples of the gap are filled.
    Gap { filled: usize },
    /// Good again, while the gap's filling still fades out.
    Recovering { filled: usize, blended: usize },
}

impl Concealer {
    /// Starts a stream in which nothing has been heard yet.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        let lengths = Lengths::new(rate);
        let reach = lengths.joined + rate.samples_in(HISTORY);
        Self {
            history: vec![0; rate.samples_in(HISTORY)],
            state: State::Quiet,
            forward: Extrapolation::new(rate, HISTORY),
            backward: Extrapolation::new(rate, HISTORY),
            scratch: Scratch {
                forward: vec![0.0; reach],
                backward: vec![0.0; reach],
                past: Vec::with_capacity(lengths.compared),
                future: Vec::with_capacity(lengths.compared),
                reversed: Vec::with_capacity(rate.samples_in(HISTORY)),
            },
            lengths,
        }
    }

    /// Takes a frame that was decoded, and smooths it where it ends a gap.
    pub fn good(&mut self, frame: &mut [i16]) {
        if frame.is_empty() {
            return;
        }
        match self.state {
            State::Quiet | State::Good => self.state = State::Good,
            State::Gap { filled } => self.recover(frame, filled, 0),
            State::Recovering { filled, blended } => self.recover(frame, filled, blended),
        }
        self.remember(frame);
    }

    /// Fills a frame that is missing.
    pub fn conceal(&mut self, frame: &mut [i16]) -> Fill {
        let Some(filled) = self.enter_gap() else {
            frame.fill(0);
            return Fill::Silence;
        };
        let mut done = 0;
        for chunk in frame.chunks_mut(self.scratch.forward.len()) {
            let made = &mut self.scratch.forward[..chunk.len()];
            self.forward.next(made);
            for (n, (sample, made)) in chunk.iter_mut().zip(made).enumerate() {
                let gain = self.lengths.gain(filled.saturating_add(done + n));
                *sample = (*made * gain).round() as i16;
            }
            done += chunk.len();
        }
        self.state = State::Gap {
            filled: filled.saturating_add(frame.len()),
        };
        self.remember(frame);
        if filled < self.lengths.fade {
            Fill::Concealed
        } else {
            Fill::Silence
        }
    }

    /// Fills all that is still missing before `after`, which has come already.
    ///
    /// `after` is the decoded PCM that follows right behind `gap`, best 20 ms
    /// or more of it; it is to be given to [`Concealer::good`] next, which then
    /// leaves it as it is. The gap may have begun with [`Concealer::conceal`].
    pub fn conceal_between(&mut self, gap: &mut [i16], after: &[i16]) -> Fill {
        if gap.is_empty() || after.is_empty() {
            return self.conceal(gap);
        }
        let alone = gap.len().saturating_sub(self.lengths.joined);
        let (alone, gap) = gap.split_at_mut(alone);
        if !alone.is_empty() {
            self.conceal(alone);
        }
        let Some(filled) = self.enter_gap() else {
            gap.fill(0);
            return Fill::Silence;
        };
        self.join(gap, filled, after);
        self.state = State::Good;
        self.remember(gap);
        Fill::Concealed
    }

    /// Forgets everything, as for a new source.
    pub fn reset(&mut self) {
        self.history.fill(0);
        self.state = State::Quiet;
    }

    /// How much of the gap is filled already; `None` if there was never sound.
    fn enter_gap(&mut self) -> Option<usize> {
        match self.state {
            State::Quiet => None,
            State::Good => {
                self.forward.start(&self.history);
                Some(0)
            }
            // Lost again before it was whole: the old filling goes on.
            State::Gap { filled } | State::Recovering { filled, .. } => Some(filled),
        }
    }

    /// Cross-fades from the filling into the frame.
    fn recover(&mut self, frame: &mut [i16], filled: usize, blended: usize) {
        let overlap = self
            .lengths
            .overlap(filled - blended, self.forward.period());
        let left = overlap.saturating_sub(blended).min(frame.len());
        let made = &mut self.scratch.forward[..left];
        self.forward.next(made);
        for (n, (sample, made)) in frame.iter_mut().zip(made).enumerate() {
            let good = (blended + n + 1) as f32 / (overlap + 1) as f32;
            let old = *made * self.lengths.gain(filled.saturating_add(n));
            *sample = (f32::from(*sample) * good + old * (1.0 - good)).round() as i16;
        }
        self.state = if blended + left >= overlap {
            State::Good
        } else {
            State::Recovering {
                filled: filled.saturating_add(left),
                blended: blended + left,
            }
        };
    }

    /// Fills a gap of at most `lengths.joined` samples.
    fn join(&mut self, gap: &mut [i16], filled: usize, after: &[i16]) {
        let scratch = &mut self.scratch;
        scratch.reversed.clear();
        let near = after.iter().take(self.history.len());
        scratch.reversed.extend(near.rev());
        self.backward.start(&scratch.reversed);
        scratch.past.clear();
        let past = self.history.iter().rev().take(self.lengths.compared);
        scratch.past.extend(past.map(|&sample| f32::from(sample)));
        scratch.future.clear();
        let future = after.iter().take(self.lengths.compared);
        scratch
            .future
            .extend(future.map(|&sample| f32::from(sample)));

        let period = self.forward.period();
        let reach = gap.len() + period / 2 + self.lengths.compared;
        let forward = &mut scratch.forward[..reach];
        self.forward.next(forward);
        for (n, made) in forward.iter_mut().enumerate() {
            *made *= self.lengths.gain(filled.saturating_add(n));
        }
        let backward = &mut scratch.backward[..reach];
        self.backward.next(backward);
        let before = Side {
            signal: forward,
            target: &scratch.future,
            period,
        };
        let after = Side {
            signal: backward,
            target: &scratch.past,
            period,
        };
        join(gap, before, after);
    }

    fn remember(&mut self, frame: &[i16]) {
        let len = self.history.len();
        let new = &frame[frame.len().saturating_sub(len)..];
        self.history.copy_within(new.len().., 0);
        self.history[len - new.len()..].copy_from_slice(new);
    }
}

impl Lengths {
    fn new(rate: SampleRate) -> Self {
        let ms = |ms| rate.samples_in(Duration::from_millis(ms));
        Self {
            overlap: rate.samples_in(Duration::from_micros(2_500)),
            overlap_per_10_ms: ms(4),
            longest_overlap: ms(10),
            ten_ms: ms(10),
            loud: ms(20),
            fade: ms(80),
            joined: ms(60),
            compared: ms(10),
        }
    }

    /// The gain of sample `n` of a gap.
    fn gain(&self, n: usize) -> f32 {
        if n < self.loud {
            return 1.0;
        }
        let faded = (n - self.loud) as f32 / (self.fade - self.loud) as f32;
        (1.0 - faded).max(0.0)
    }

    /// G.711 Appendix I §I.2.7: the longer the gap, the longer the cross-fade.
    fn overlap(&self, lost: usize, period: usize) -> usize {
        let tens = (lost / self.ten_ms).saturating_sub(1).min(8);
        let overlap = self.overlap.max(period / 4) + tens * self.overlap_per_10_ms;
        overlap.min(self.longest_overlap)
    }
}

const HISTORY: Duration = Duration::from_millis(48);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Dbov;
    use crate::tone::{Tone, ToneGenerator};
    use proptest::prelude::*;

    const RATE: SampleRate = SampleRate::HZ_8000;

    fn largest_step(pcm: &[i16]) -> i32 {
        let steps = pcm
            .windows(2)
            .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs());
        steps.max().unwrap_or(0)
    }

    /// A tone of which the frames in `lost` are concealed.
    fn tone_with_gaps(hz: f32, frames: usize, lost: &[usize]) -> (Vec<i16>, Vec<Fill>) {
        let mut tone = ToneGenerator::new(Tone::sine(hz, Dbov(-10.0)), RATE);
        let mut concealer = Concealer::new(RATE);
        let (mut heard, mut fills) = (Vec::new(), Vec::new());
        for n in 0..frames {
            let mut frame = [0; 160];
            tone.fill(&mut frame);
            if lost.contains(&n) {
                frame = [i16::MAX; 160]; // what was there before must not shine through
                fills.push(concealer.conceal(&mut frame));
            } else {
                concealer.good(&mut frame);
            }
            heard.extend(frame);
        }
        (heard, fills)
    }

    #[test]
    fn without_loss_nothing_is_touched() {
        let (heard, _) = tone_with_gaps(437.0, 10, &[]);
        let mut sent = vec![0; 1_600];
        ToneGenerator::new(Tone::sine(437.0, Dbov(-10.0)), RATE).fill(&mut sent);
        assert_eq!(heard, sent);
    }

    #[test]
    fn neither_end_of_a_gap_clicks() {
        // 437 Hz does not fit into 20 ms: repeating it bare would jump by up to
        // twice the amplitude, 29,000.
        let (clean, _) = tone_with_gaps(437.0, 20, &[]);
        for lost in [&[5][..], &[5, 6], &[5, 6, 7], &[5, 6, 7, 8, 9], &[5, 7, 9]] {
            let (heard, _) = tone_with_gaps(437.0, 20, lost);
            // The blends are 20 samples long, so they may add a twentieth of
            // twice the amplitude per sample, and a little of the fade.
            let allowed = largest_step(&clean) + 29_000 / 20 + 200;
            assert!(
                largest_step(&heard) <= allowed,
                "{lost:?}: {}",
                largest_step(&heard)
            );
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence_and_says_so() {
        let lost: Vec<usize> = (4..12).collect();
        let (heard, fills) = tone_with_gaps(400.0, 14, &lost);
        let silent = fills.iter().position(|&fill| fill == Fill::Silence);
        let silent = silent.expect("160 ms are too long");
        assert!(fills[silent..].iter().all(|&fill| fill == Fill::Silence));
        let peak = |n: usize| {
            heard[(4 + n) * 160..][..160]
                .iter()
                .map(|s| s.unsigned_abs())
                .max()
        };
        for n in 1..silent {
            assert!(peak(n) < peak(n - 1) && peak(n) > Some(0), "{n}");
        }
        assert_eq!(peak(silent), Some(0));
    }

    #[test]
    fn after_the_cross_fade_the_good_frame_is_untouched() {
        let (clean, _) = tone_with_gaps(437.0, 8, &[]);
        let (heard, _) = tone_with_gaps(437.0, 8, &[4]);
        let recovered = 5 * 160;
        assert_ne!(heard[recovered..][..20], clean[recovered..][..20]);
        assert_eq!(heard[recovered + 80..], clean[recovered + 80..]);
    }

    #[test]
    fn before_the_first_frame_there_is_silence_and_the_first_is_untouched() {
        let mut concealer = Concealer::new(RATE);
        let mut frame = [77; 160];
        assert_eq!(concealer.conceal(&mut frame), Fill::Silence);
        assert_eq!(frame, [0; 160]);
        let mut first = [5_000; 160];
        concealer.good(&mut first);
        assert_eq!(first, [5_000; 160]);
        concealer.reset();
        assert_eq!(concealer.conceal(&mut frame), Fill::Silence);
    }

    #[test]
    fn frames_shorter_than_the_blend_are_blended_together() {
        let mut concealer = Concealer::new(RATE);
        concealer.good(&mut [1_000; 160]);
        concealer.conceal(&mut [0; 480]);
        let mut heard = Vec::new();
        for _ in 0..12 {
            let mut frame = [2_100; 8];
            concealer.good(&mut frame);
            heard.extend(frame);
        }
        assert!(heard.is_sorted() && heard[0] < 1_000, "{heard:?}");
        assert_eq!(heard[80..], [2_100; 16]);
    }

    #[test]
    fn with_the_next_packet_at_hand_a_gap_joins_it_and_leaves_it_alone() {
        for hz in [110.0, 237.0, 437.0, 1_300.0] {
            let mut clean = vec![0; 1_600];
            ToneGenerator::new(Tone::sine(hz, Dbov(-10.0)), RATE).fill(&mut clean);
            for gap in [1, 40, 160, 320, 480] {
                let (mut heard, end) = (clean.clone(), 640 + gap);
                let mut concealer = Concealer::new(RATE);
                concealer.good(&mut heard[..640]);
                let (before, after) = heard.split_at_mut(end);
                let fill = concealer.conceal_between(&mut before[640..], &after[..160]);
                concealer.good(&mut after[..160]);
                assert_eq!(fill, Fill::Concealed);
                assert_eq!(after, &clean[end..]);
                let allowed = largest_step(&clean) * 5 / 4 + 200;
                assert!(
                    largest_step(&heard) <= allowed,
                    "{hz} Hz, {gap}: {} > {allowed}",
                    largest_step(&heard)
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_sequence_of_frames_stays_near_its_own_peak_and_ends_silent(
            steps in proptest::collection::vec((0..3, 0usize..400, -9_000i16..9_000), 0..40),
            hz in 4_000u32..50_000,
        ) {
            let mut concealer = Concealer::new(SampleRate::new(hz).unwrap());
            for (step, len, value) in steps {
                let mut frame = vec![value; len];
                match step {
                    0 => concealer.good(&mut frame),
                    1 => { concealer.conceal(&mut frame); }
                    _ => { concealer.conceal_between(&mut frame, &vec![value / 2; len / 2]); }
                }
                // The step at a joint may triple what was there.
                prop_assert!(frame.iter().all(|sample| sample.unsigned_abs() <= 27_000));
            }
            let mut gap = vec![1; 200 * hz as usize / 1_000];
            concealer.conceal(&mut gap);
            let mut after = [1; 10];
            prop_assert_eq!(concealer.conceal(&mut after), Fill::Silence);
            prop_assert_eq!(after, [0; 10]);
        }

        #[test]
        fn no_samples_make_it_panic(
            steps in proptest::collection::vec(
                (0..4, proptest::collection::vec(any::<i16>(), 0..700), 0usize..700), 0..20),
            hz in 4_000u32..50_000,
        ) {
            let mut concealer = Concealer::new(SampleRate::new(hz).unwrap());
            for (step, mut frame, len) in steps {
                match step {
                    0 | 1 => concealer.good(&mut frame),
                    2 => { concealer.conceal(&mut vec![0; len]); }
                    _ => { concealer.conceal_between(&mut vec![0; len], &frame); }
                }
            }
        }
    }
}
