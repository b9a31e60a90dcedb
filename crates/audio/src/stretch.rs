//! Time scaling: speech made a little shorter or longer without a change of
//! pitch.
//!
//! In: some 30 ms of mono PCM. Out: the same with one pitch period fewer or
//! more, cross-faded where it was cut, its first and last sample as they were.
//! It holds nothing between calls and adds no delay: when to scale, and how
//! badly it is needed, the jitter buffer knows.

use std::time::Duration;

use crate::pitch::{Pitch, PitchSearch, dot};
use crate::rate::SampleRate;

/// Takes single pitch periods out of PCM, or puts them in.
///
/// It allocates only in [`TimeScaler::new`].
///
/// ```
/// use talkpath_audio::{Dbov, SampleRate, TimeScaler, Tone, ToneGenerator, Urgency};
/// let mut pcm = [0; 240];
/// ToneGenerator::new(Tone::sine(200.0, Dbov(-10.0)), SampleRate::HZ_8000).fill(&mut pcm);
///
/// let mut scaler = TimeScaler::new(SampleRate::HZ_8000);
/// let removed = scaler.shorten(&mut pcm, Urgency::Gentle);
/// assert_eq!(removed % 40, 0, "whole periods of 5 ms");
/// let shorter = &pcm[..240 - removed];
/// # assert!(removed > 0 && shorter.len() < 240);
/// ```
#[derive(Clone, Debug)]
pub struct TimeScaler {
    search: PitchSearch,
    /// Samples over which two pieces are compared at least.
    window: usize,
    /// The most samples of one call: more than this is left as it is.
    longest: usize,
}

/// How much may be heard of a change of speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing: only a signal that repeats itself, or is nearly silent.
    Gentle,
    /// Something: the delay matters more. Only what is too short is refused.
    Urgent,
}

impl TimeScaler {
    /// Allocates for PCM of this rate.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self {
            search: PitchSearch::new(rate, LONGEST),
            window: rate.samples_in(WINDOW),
            longest: rate.samples_in(LONGEST),
        }
    }

    /// Takes out one pitch period and returns its length, at most 15 ms.
    ///
    /// What is left is `pcm[..pcm.len() - removed]`; behind it the content is
    /// not defined. 0 if nothing could be removed as [`Urgency`] asks, or `pcm`
    /// is shorter than two periods (30 ms are always enough; of more than 60 ms
    /// only the first 60 are looked at).
    pub fn shorten(&mut self, pcm: &mut [i16], urgency: Urgency) -> usize {
        let Some(pitch) = self.period(pcm, urgency) else {
            return 0;
        };
        let (at, lag) = (pcm.len().min(self.longest) / 2, pitch.lag);
        // From what was played into what came one period later.
        for n in 0..lag {
            pcm[at - lag + n] = blend(pcm[at - lag + n], pcm[at + n], n, pitch);
        }
        pcm.copy_within(at + lag.., at);
        lag
    }

    /// Puts one pitch period in and returns its length, at most 15 ms.
    ///
    /// The signal is `pcm[..len]`; what is behind it is room. After it the
    /// signal is `pcm[..len + inserted]`. 0 if nothing could be inserted as
    /// [`Urgency`] asks, or the signal or the room is too short. `len` beyond
    /// the slice counts as its end.
    pub fn lengthen(&mut self, pcm: &mut [i16], len: usize, urgency: Urgency) -> usize {
        let len = len.min(pcm.len());
        let Some(pitch) = self.period(&pcm[..len], urgency) else {
            return 0;
        };
        let (at, lag) = (len.min(self.longest) / 2, pitch.lag);
        if pcm.len() - len < lag {
            return 0;
        }
        pcm.copy_within(at..len, at + lag);
        // From what would have come into what came one period before it: the
        // latter again leads to the former.
        for n in 0..lag {
            pcm[at + n] = blend(pcm[at + lag + n], pcm[at - lag + n], n, pitch);
        }
        lag
    }

    /// The period around the middle of the signal, if it may be cut there.
    fn period(&mut self, pcm: &[i16], urgency: Urgency) -> Option<Pitch> {
        let pcm = &pcm[..pcm.len().min(self.longest)];
        let at = pcm.len() / 2;
        // The first sample and the last stay.
        let room = at.min(pcm.len() - at).checked_sub(1)?;
        self.search.load(pcm);
        let Some(Pitch { lag, .. }) = self.search.best(at, self.window.min(room), room) else {
            return self.silent_period(room);
        };
        let correlation = self.search.correlation(at, lag, lag);
        let pitch = Pitch { lag, correlation };
        let goes = match urgency {
            Urgency::Urgent => true,
            Urgency::Gentle => correlation >= ALIKE || self.is_quiet(),
        };
        goes.then_some(pitch)
    }

    /// Silence can be cut anywhere: as much as there is room for.
    fn silent_period(&self, room: usize) -> Option<Pitch> {
        let lag = room.min(self.search.lags().end - 1);
        let quiet = lag >= self.search.lags().start && self.is_quiet();
        quiet.then_some(Pitch {
            lag,
            correlation: 1.0,
        })
    }

    fn is_quiet(&self) -> bool {
        let signal = self.search.signal();
        dot(signal, signal) <= QUIET * QUIET * signal.len() as f32
    }
}

/// Sample `n` of a cross-fade over one period.
///
/// What is not alike adds up in power, not in amplitude: without the correction
/// noise would sag by 3 dB in the middle.
fn blend(from: i16, to: i16, n: usize, pitch: Pitch) -> i16 {
    let to_weight = (n + 1) as f32 / (pitch.lag + 1) as f32;
    let from_weight = 1.0 - to_weight;
    let both = 2.0 * from_weight * to_weight * pitch.correlation.clamp(0.0, 1.0);
    let power = from_weight * from_weight + to_weight * to_weight + both;
    let sum = f32::from(from) * from_weight + f32::from(to) * to_weight;
    (sum / power.sqrt()).round() as i16
}

/// Twice the longest period on either side of the cut.
const LONGEST: Duration = Duration::from_millis(60);
/// More than one period of most voices.
const WINDOW: Duration = Duration::from_millis(10);
/// Two periods so alike that an ear does not miss one of them.
const ALIKE: f32 = 0.85;
/// RMS of what counts as near silence: -50 dBov.
const QUIET: f32 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Dbov;
    use crate::measure;
    use crate::tone::{Tone, ToneGenerator};
    use proptest::prelude::*;

    fn tone(hz: f32, rate: SampleRate, len: usize) -> Vec<i16> {
        let mut pcm = vec![0; len];
        ToneGenerator::new(Tone::sine(hz, Dbov(-10.0)), rate).fill(&mut pcm);
        pcm
    }

    fn largest_step(pcm: &[i16]) -> i32 {
        let steps = pcm
            .windows(2)
            .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs());
        steps.max().unwrap_or(0)
    }

    /// Noise from a small xorshift.
    fn noise(peak: i16, len: usize) -> Vec<i16> {
        let mut state = 0x2545_f491_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        (0..len)
            .map(|_| (next() % (2 * u32::from(peak.unsigned_abs()) + 1)) as i16 - peak)
            .collect()
    }

    /// Scales 30 ms out of each 120, and returns what is then heard.
    fn scaled(pcm: &[i16], rate: SampleRate, scale: Scale, urgency: Urgency) -> (Vec<i16>, usize) {
        let (mut scaler, len) = (TimeScaler::new(rate), rate.frame_len() * 3 / 2);
        let (mut heard, mut times) = (Vec::new(), 0);
        for (n, part) in pcm.chunks(len).enumerate() {
            let mut part = part.to_vec();
            let old = part.len();
            if n % 4 == 2 {
                let new = match scale {
                    Scale::Shorten => old - scaler.shorten(&mut part, urgency),
                    Scale::Lengthen => {
                        part.resize(2 * old, 0);
                        old + scaler.lengthen(&mut part, old, urgency)
                    }
                };
                part.truncate(new);
                times += usize::from(new != old);
            }
            heard.extend(part);
        }
        (heard, times)
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Scale {
        Shorten,
        Lengthen,
    }

    #[test]
    fn a_tone_keeps_its_frequency_and_does_not_click() {
        for rate in [8_000, 16_000, 24_000, 48_000].map(|hz| SampleRate::new(hz).unwrap()) {
            for hz in [100.0, 150.0, 200.0, 310.0, 400.0, 1_000.0] {
                for scale in [Scale::Shorten, Scale::Lengthen] {
                    let pcm = tone(hz, rate, rate.hz() as usize);
                    let (heard, times) = scaled(&pcm, rate, scale, Urgency::Gentle);
                    let what = format!("{rate}, {hz} Hz, {scale:?}");
                    assert_eq!(times, 8, "{what}");
                    assert_eq!(heard.len() < pcm.len(), scale == Scale::Shorten, "{what}");
                    let step = largest_step(&pcm);
                    assert!(largest_step(&heard) <= step + step / 4 + 4, "{what}");
                    let report = measure::tone(&heard, rate).unwrap();
                    assert!(
                        (report.hz - f64::from(hz)).abs() < 1.5,
                        "{what}: {report:?}"
                    );
                    assert!(report.snr_db > 20.0, "{what}: {report:?}");
                }
            }
        }
    }

    #[test]
    fn speech_loses_and_gains_whole_periods() {
        let (period, rate) = (57, SampleRate::HZ_8000);
        let voice: Vec<i16> = (0..240)
            .map(|n| {
                let phase = (n % period) as f32 / period as f32;
                (9_000.0 * (-4.0 * phase).exp() * (phase * 19.0).cos()) as i16
            })
            .collect();
        let mut scaler = TimeScaler::new(rate);
        let mut shorter = voice.clone();
        let removed = scaler.shorten(&mut shorter, Urgency::Gentle);
        assert!(removed > 0 && removed.is_multiple_of(period));
        assert_eq!(shorter[..240 - removed], voice[..240 - removed]);

        let mut longer = voice.clone();
        longer.resize(400, 0);
        let inserted = scaler.lengthen(&mut longer, 240, Urgency::Gentle);
        assert!(inserted > 0 && inserted.is_multiple_of(period));
        assert_eq!(longer[..240], voice[..]);
        assert_eq!(longer[240..240 + inserted], voice[240 - inserted..]);
    }

    #[test]
    fn loud_noise_is_cut_only_when_it_is_urgent_and_keeps_its_level() {
        let pcm = noise(9_000, 24_000);
        let (_, times) = scaled(&pcm, SampleRate::HZ_8000, Scale::Shorten, Urgency::Gentle);
        assert_eq!(times, 0);
        let rms = |pcm: &[i16]| {
            let sum: f64 = pcm.iter().map(|&s| f64::from(s).powi(2)).sum();
            (sum / pcm.len() as f64).sqrt()
        };
        for scale in [Scale::Shorten, Scale::Lengthen] {
            let (heard, times) = scaled(&pcm, SampleRate::HZ_8000, scale, Urgency::Urgent);
            assert_eq!(times, 25);
            assert!((rms(&heard) / rms(&pcm) - 1.0).abs() < 0.03, "{scale:?}");
        }
    }

    #[test]
    fn near_silence_goes_gently() {
        for pcm in [vec![0; 2_400], noise(60, 2_400)] {
            for scale in [Scale::Shorten, Scale::Lengthen] {
                let (_, times) = scaled(&pcm, SampleRate::HZ_8000, scale, Urgency::Gentle);
                assert_eq!(times, 2, "{scale:?}");
            }
        }
    }

    #[test]
    fn without_room_nothing_is_inserted() {
        let mut scaler = TimeScaler::new(SampleRate::HZ_8000);
        let pcm = tone(200.0, SampleRate::HZ_8000, 240);
        let mut tight = pcm.clone();
        assert_eq!(scaler.lengthen(&mut tight, 240, Urgency::Urgent), 0);
        assert_eq!(tight, pcm);
    }

    proptest! {
        #[test]
        fn lengths_are_as_said_and_the_ends_stay(
            pcm in proptest::collection::vec(any::<i16>(), 0..1_000),
            room in 0usize..300,
            hz in 4_000u32..50_000,
            urgent in any::<bool>(),
        ) {
            let rate = SampleRate::new(hz).unwrap();
            let urgency = if urgent { Urgency::Urgent } else { Urgency::Gentle };
            let (mut scaler, len) = (TimeScaler::new(rate), pcm.len());
            let mut shorter = pcm.clone();
            let removed = scaler.shorten(&mut shorter, urgency);
            prop_assert!(rate.duration_of(removed as u64) <= Duration::from_millis(15));
            prop_assert!(2 * removed <= len);
            prop_assert!(removed == 0 || removed as u64 >= u64::from(hz) / 400);

            let mut longer = pcm.clone();
            longer.resize(len + room, 0);
            let inserted = scaler.lengthen(&mut longer, len, urgency);
            prop_assert!(inserted <= room && 2 * inserted <= len);
            if len > 0 {
                prop_assert_eq!((shorter[0], shorter[len - removed - 1]), (pcm[0], pcm[len - 1]));
                prop_assert_eq!((longer[0], longer[len + inserted - 1]), (pcm[0], pcm[len - 1]));
            }
            if urgent && len as u64 >= u64::from(hz) * 30 / 1_000 + 2 {
                prop_assert!(removed > 0);
            }
        }
    }
}
