//! Keys heard in the sound of a stream.
//!
//! In: what is played, frame after frame. Out: presses. For streams of peers
//! that have no telephone events, or gateways that turned them into tones.

use talkpath_audio::SampleRate;
use talkpath_audio::dtmf::{Detected, Detector};
use talkpath_media::dtmf::{Digit, Press};
use talkpath_wire::Time;

/// Listens for keys.
#[derive(Default)]
pub(super) struct Tones {
    detector: Option<(SampleRate, Detector)>,
    pressed: Option<Press>,
    heard: Vec<Press>,
}

impl Tones {
    /// Listens to the frame that is played at `at`.
    pub(super) fn hear(&mut self, at: Time, pcm: &[i16], rate: SampleRate) {
        if self
            .detector
            .as_ref()
            .is_none_or(|(known, _)| *known != rate)
        {
            self.end();
            self.detector = Some((rate, Detector::new(rate)));
        }
        let (pressed, heard) = (&mut self.pressed, &mut self.heard);
        if let Some((_, detector)) = &mut self.detector {
            detector.push(pcm, &mut |what| note(pressed, heard, at, what));
        }
    }

    /// The presses, the last one ended.
    pub(super) fn finish(mut self) -> Vec<Press> {
        self.end();
        self.heard
    }

    fn end(&mut self) {
        let at = self.pressed.map_or(Time::ZERO, |press| press.began);
        let (pressed, heard) = (&mut self.pressed, &mut self.heard);
        if let Some((_, mut detector)) = self.detector.take() {
            detector.finish(&mut |what| note(pressed, heard, at, what));
        }
    }
}

fn note(pressed: &mut Option<Press>, heard: &mut Vec<Press>, at: Time, what: Detected) {
    match what {
        Detected::Began { key, level } => {
            *pressed = Digit::from_char(key.as_char()).map(|digit| Press {
                digit,
                began: at,
                duration: std::time::Duration::ZERO,
                // The cast saturates.
                volume: ((-level.dbm0()).round() as u8).min(63),
            });
        }
        Detected::Ended { duration, .. } => {
            heard.extend(pressed.take().map(|press| Press { duration, ..press }));
        }
    }
}
