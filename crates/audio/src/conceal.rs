//! What is heard instead of a packet that did not come.
//!
//! In: every frame that was decoded, and every frame that is missing. Out: the
//! last 20 ms again and again, faded to silence within 60 ms, joined without a
//! step at both ends: at the start by an offset that dies away, at the end by a
//! cross-fade into the first good frame. Left out: pitch (ITU-T G.711 Appendix
//! I), which can stand behind the same three calls.

use std::time::Duration;

use crate::rate::SampleRate;

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
    /// The last 20 ms that were good, oldest first; silence before the start.
    history: Vec<i16>,
    state: State,
    /// Samples over which one signal gives way to another.
    overlap: usize,
    /// Samples until a gap is silent.
    fade: usize,
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
        Self {
            history: vec![0; rate.samples_in(HISTORY)],
            state: State::Quiet,
            overlap: rate.samples_in(OVERLAP),
            fade: rate.samples_in(FADE),
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
        if self.state == State::Good {
            self.remember(frame);
        }
    }

    /// Fills a frame that is missing.
    pub fn conceal(&mut self, frame: &mut [i16]) -> Fill {
        let filled = match self.state {
            State::Quiet => {
                frame.fill(0);
                return Fill::Silence;
            }
            State::Good => 0,
            // Lost again before it was whole: the old filling goes on.
            State::Gap { filled } | State::Recovering { filled, .. } => filled,
        };
        for (n, sample) in frame.iter_mut().enumerate() {
            *sample = self.filling(filled.saturating_add(n)).round() as i16;
        }
        self.state = State::Gap {
            filled: filled.saturating_add(frame.len()),
        };
        if filled < self.fade {
            Fill::Concealed
        } else {
            Fill::Silence
        }
    }

    /// Forgets everything, as for a new source.
    pub fn reset(&mut self) {
        self.history.fill(0);
        self.state = State::Quiet;
    }

    /// Cross-fades from the filling into the frame.
    fn recover(&mut self, frame: &mut [i16], filled: usize, blended: usize) {
        let left = self.overlap - blended;
        for (n, sample) in frame.iter_mut().take(left).enumerate() {
            let good = (blended + n + 1) as f32 / (self.overlap + 1) as f32;
            let old = self.filling(filled.saturating_add(n));
            *sample = (f32::from(*sample) * good + old * (1.0 - good)).round() as i16;
        }
        self.state = if frame.len() >= left {
            State::Good
        } else {
            let filled = filled.saturating_add(frame.len());
            State::Recovering {
                filled,
                blended: blended + frame.len(),
            }
        };
    }

    /// Sample `n` of a gap: the last 20 ms as a loop, fading.
    fn filling(&self, n: usize) -> f32 {
        let (Some(&oldest), Some(&newest)) = (self.history.first(), self.history.last()) else {
            return 0.0;
        };
        if n >= self.fade {
            return 0.0;
        }
        let place = n % self.history.len();
        // Each turn of the loop jumps from the newest sample to the oldest.
        let jump = f32::from(newest) - f32::from(oldest);
        let join = (1.0 - place as f32 / self.overlap as f32).max(0.0);
        let gain = 1.0 - n as f32 / self.fade as f32;
        (f32::from(self.history[place]) + jump * join) * gain
    }

    fn remember(&mut self, frame: &[i16]) {
        let len = self.history.len();
        let new = &frame[frame.len().saturating_sub(len)..];
        self.history.copy_within(new.len().., 0);
        self.history[len - new.len()..].copy_from_slice(new);
    }
}

const HISTORY: Duration = Duration::from_millis(20);
const FADE: Duration = Duration::from_millis(60);
const OVERLAP: Duration = Duration::from_micros(2_500);

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
    fn a_gap_fades_to_silence_in_60_ms_and_says_so() {
        let (heard, fills) = tone_with_gaps(400.0, 12, &[4, 5, 6, 7, 8]);
        assert_eq!(
            fills,
            [
                Fill::Concealed,
                Fill::Concealed,
                Fill::Concealed,
                Fill::Silence,
                Fill::Silence
            ]
        );
        let peak = |n: usize| {
            heard[n * 160..][..160]
                .iter()
                .map(|s| s.unsigned_abs())
                .max()
        };
        assert!(peak(4) > peak(5) && peak(5) > peak(6) && peak(6) > Some(0));
        assert_eq!((peak(7), peak(8)), (Some(0), Some(0)));
    }

    #[test]
    fn after_the_cross_fade_the_good_frame_is_untouched() {
        let (clean, _) = tone_with_gaps(437.0, 8, &[]);
        let (heard, _) = tone_with_gaps(437.0, 8, &[4]);
        let recovered = 5 * 160;
        assert_ne!(heard[recovered..][..20], clean[recovered..][..20]);
        assert_eq!(heard[recovered + 20..], clean[recovered + 20..]);
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
        for _ in 0..6 {
            let mut frame = [2_100; 8];
            concealer.good(&mut frame);
            heard.extend(frame);
        }
        assert!(
            heard.is_sorted() && heard[0] > 0 && heard[0] < 200,
            "{heard:?}"
        );
        assert_eq!(heard[20..], [2_100; 28]);
    }

    proptest! {
        #[test]
        fn any_sequence_of_frames_stays_within_its_own_peak_and_ends_silent(
            steps in proptest::collection::vec((any::<bool>(), 0usize..400, -9_000i16..9_000), 0..40),
            hz in 4_000u32..192_000,
        ) {
            let mut concealer = Concealer::new(SampleRate::new(hz).unwrap());
            for (good, len, value) in steps {
                let mut frame = vec![value; len];
                if good { concealer.good(&mut frame) } else { concealer.conceal(&mut frame); }
                // The offset may triple what was there: 9,000 to 27,000 at most.
                prop_assert!(frame.iter().all(|sample| sample.unsigned_abs() <= 27_000));
            }
            let mut gap = vec![1; 60 * hz as usize / 1_000 + 1];
            concealer.conceal(&mut gap);
            let mut after = [1; 10];
            prop_assert_eq!(concealer.conceal(&mut after), Fill::Silence);
            prop_assert_eq!(after, [0; 10]);
        }
    }
}
