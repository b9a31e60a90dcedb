//! What is heard while the peer says that it pauses.
//!
//! In: descriptions of comfort noise (RFC 3389), when their moment has come.
//! Out: whether the peer pauses, and the noise, under which the last sound
//! fades away.

use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_audio::comfort_noise::{Description, Generator};

/// The comfort noise that is heard now.
pub(super) struct Noise {
    generator: Generator,
    piece: Box<[i16]>,
    is_on: bool,
}

impl Noise {
    pub(super) fn new(rate: SampleRate) -> Self {
        Noise {
            generator: Generator::new(rate, SEED),
            piece: vec![0; rate.samples_in(PIECE)].into(),
            is_on: false,
        }
    }

    /// Whether a payload describes noise.
    pub(super) fn is_described_by(payload: &[u8]) -> bool {
        Description::parse(payload).is_ok()
    }

    /// The peer pauses, and describes what is to be heard meanwhile.
    pub(super) fn begin(&mut self, payload: &[u8]) {
        if let Ok(description) = Description::parse(payload) {
            self.generator.update(&description);
            self.is_on = true;
        }
    }

    /// The peer speaks again.
    pub(super) fn end(&mut self) {
        self.is_on = false;
    }

    /// Whether the peer said that it pauses.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Adds the noise to what fades away.
    pub(super) fn add(&mut self, pcm: &mut [i16]) {
        for chunk in pcm.chunks_mut(self.piece.len().max(1)) {
            let piece = &mut self.piece[..chunk.len()];
            self.generator.fill(piece);
            for (sample, noise) in chunk.iter_mut().zip(piece) {
                *sample = sample.saturating_add(*noise);
            }
        }
    }
}

/// Any noise will do: it is the same in each call, so that calls can be repeated.
const SEED: u64 = 0x3389;
/// Noise made at once.
const PIECE: Duration = Duration::from_millis(20);
