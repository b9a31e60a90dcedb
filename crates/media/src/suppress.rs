//! When somebody speaks, and what to say of the noise while nobody does.
//!
//! In: what is about to be sent, in pieces of a tick, and the moments. Out:
//! whether it is speech, and descriptions of the noise that takes its place
//! (RFC 3389): one as soon as it does, others when the noise changed, and now
//! and then one for who lost the last. Speech begins with its first tick, by
//! the level alone, so that no word is cut, and ends after a hangover. Left
//! out: codecs that leave silence out by themselves.

use core::time::Duration;

use talkpath_audio::comfort_noise::{Analyser, Description};
use talkpath_audio::voice::{Detector, Settings};
use talkpath_audio::{Dbov, LevelMeter, ResampleError, SampleRate};

/// Tells speech from noise.
pub(crate) struct Suppressor {
    detector: Detector,
    analyser: Analyser,
    state: State,
    rate: SampleRate,
    payload: [u8; Description::MAX_LEN],
}

#[derive(Clone, Copy)]
enum State {
    /// Speech, of which nothing was heard for so long.
    Speaks { unheard: Duration },
    /// Noise, which was described as this so long ago, if it was.
    Rests {
        told: Option<Description>,
        ago: Duration,
    },
}

impl Suppressor {
    /// One that takes what comes first for speech.
    pub(crate) fn new(rate: SampleRate) -> Result<Self, ResampleError> {
        let settings = Settings {
            hangover: DETECTOR_HANGOVER,
            ..Settings::default()
        };
        Ok(Suppressor {
            detector: Detector::new(rate, settings)?,
            analyser: Analyser::new(rate),
            state: State::Speaks {
                unheard: Duration::ZERO,
            },
            rate,
            payload: [0; Description::MAX_LEN],
        })
    }

    /// Hears what comes next.
    pub(crate) fn push(&mut self, pcm: &[i16]) {
        let lasts = self.rate.duration_of(pcm.len() as u64);
        self.detector.push(pcm);
        let is_speech = self.detector.is_speech();
        let rises = level_of(pcm).0 > self.noise_level().0 + RISE;
        let is_loud = level_of(pcm).0 > LOUDEST_NOISE;
        // Noise that became louder is learned when it turns out to be no speech.
        let may_be_speech = is_speech || is_loud || rises && self.is_resting();
        if !may_be_speech {
            self.analyser.push(pcm);
        }
        self.state = match self.state {
            State::Speaks { .. } if is_speech || is_loud => Self::SPEAKS,
            State::Speaks { unheard } if unheard + lasts < HANGOVER => State::Speaks {
                unheard: unheard + lasts,
            },
            State::Speaks { .. } => State::Rests {
                told: None,
                ago: Duration::ZERO,
            },
            State::Rests { .. } if may_be_speech => Self::SPEAKS,
            State::Rests { told, ago } => State::Rests {
                told,
                ago: ago + lasts,
            },
        };
    }

    /// Speech goes on, whatever was heard.
    pub(crate) fn wake(&mut self) {
        self.state = Self::SPEAKS;
    }

    /// Whether nobody speaks.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.state, State::Rests { .. })
    }

    /// What to say of the noise now, if that is to be said.
    pub(crate) fn describe(&mut self) -> Option<&[u8]> {
        let State::Rests { told, ago } = &mut self.state else {
            return None;
        };
        if told.is_some() && *ago < SHORTEST {
            return None;
        }
        let noise = self.analyser.describe(ORDER);
        if told.is_some_and(|told| told.resembles(&noise)) && *ago < LONGEST {
            return None;
        }
        (*told, *ago) = (Some(noise), Duration::ZERO);
        let len = noise.write(&mut self.payload).unwrap_or(0);
        Some(&self.payload[..len])
    }

    /// What is not heard as noise at all counts as no louder than that.
    fn noise_level(&self) -> Dbov {
        Dbov(self.analyser.describe(0).level().0.max(HEARD))
    }

    const SPEAKS: State = State::Speaks {
        unheard: Duration::ZERO,
    };
}

/// The power of some samples.
fn level_of(pcm: &[i16]) -> Dbov {
    let mut meter = LevelMeter::new();
    meter.push(pcm);
    meter.take().rms
}

/// How long the detector goes on after the last of speech, and how long what it
/// calls none is sent after that. Together they are longer than the pauses in a
/// word.
const DETECTOR_HANGOVER: Duration = Duration::from_millis(160);
const HANGOVER: Duration = Duration::from_millis(200);
/// By how many dB a tick must be louder than the noise to begin speech.
const RISE: f32 = 6.0;
/// Below this nothing is heard (dBov).
const HEARD: f32 = -72.0;
/// What is louder is sent, whatever it is: music, a street (dBov).
const LOUDEST_NOISE: f32 = -38.0;
/// Reflection coefficients that are told.
const ORDER: usize = 8;
/// Between two descriptions of noise that changes, and of one that does not.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use talkpath_audio::comfort_noise::Generator;
    use talkpath_audio::{Tone, ToneGenerator};

    const RATE: SampleRate = SampleRate::HZ_8000;

    struct Room {
        suppressor: Suppressor,
        noise: Generator,
        told: Vec<Description>,
        /// Ticks that were sent.
        sent: usize,
    }

    impl Room {
        /// A room in which nobody has spoken for a second.
        fn quiet(level: f32) -> Self {
            let mut room = Room {
                suppressor: Suppressor::new(RATE).unwrap(),
                noise: Generator::new(RATE, 3),
                told: Vec::new(),
                sent: 0,
            };
            room.noise_for(50, level);
            room
        }

        fn push(&mut self, pcm: &[i16]) {
            self.suppressor.push(pcm);
            self.sent += usize::from(!self.suppressor.is_resting());
            if let Some(told) = self.suppressor.describe() {
                self.told.push(Description::parse(told).unwrap());
            }
        }

        fn noise_for(&mut self, ticks: usize, level: f32) {
            self.noise.update(&Description::new(Dbov(level), &[-0.5]));
            let mut frame = [0; 160];
            for _ in 0..ticks {
                self.noise.fill(&mut frame);
                self.push(&frame);
            }
        }
    }

    #[test]
    fn noise_rests_and_is_told_once_a_second() {
        let mut room = Room::quiet(-55.0);
        assert!(room.suppressor.is_resting());
        assert!((5..=25).contains(&room.sent), "{}", room.sent);
        let before = room.told.len();
        room.noise_for(500, -55.0);
        assert!((9..=20).contains(&(room.told.len() - before)));
        assert!(
            room.told
                .iter()
                .all(|told| (told.level().0 + 55.0).abs() <= 3.0)
        );
    }

    #[test]
    fn noise_that_becomes_quieter_is_told_soon_and_louder_is_learned() {
        let mut room = Room::quiet(-48.0);
        room.told.clear();
        room.noise_for(40, -60.0);
        let told = room.told.last().unwrap();
        assert!((told.level().0 + 60.0).abs() <= 3.0, "{told:?}");
        room.sent = 0;
        room.noise_for(100, -45.0);
        assert!(room.suppressor.is_resting());
        assert!((1..=30).contains(&room.sent), "{}", room.sent);
        let told = room.told.last().unwrap();
        assert!((told.level().0 + 45.0).abs() <= 3.0, "{told:?}");
    }

    #[test]
    fn speech_begins_with_its_first_tick() {
        for level in [-46.0, -30.0, -12.0] {
            let mut room = Room::quiet(-56.0);
            let mut pcm = [0; 160];
            ToneGenerator::new(Tone::sine(200.0, Dbov(level)), RATE).fill(&mut pcm);
            room.push(&pcm);
            assert!(!room.suppressor.is_resting(), "{level}");
        }
    }

    #[test]
    fn what_is_loud_is_sent_whatever_it_is() {
        let mut room = Room::quiet(-55.0);
        room.sent = 0;
        room.noise_for(500, -30.0);
        assert_eq!(room.sent, 500);
    }

    #[test]
    fn silence_without_any_noise_is_told_as_such() {
        let mut suppressor = Suppressor::new(RATE).unwrap();
        let mut told = Vec::new();
        for _ in 0..100 {
            suppressor.push(&[0; 160]);
            told.extend(suppressor.describe().map(<[u8]>::to_vec));
        }
        assert!(told.iter().all(|payload| payload[0] == 127), "{told:?}");
        assert!((1..=3).contains(&told.len()));
    }
}
