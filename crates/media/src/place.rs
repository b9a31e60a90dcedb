//! A stream's place in a room: its samples at the room's rate, both ways.
//!
//! In: what the stream hears at its codec's rate, and what the others say at
//! the room's. Out: each at the other rate. A stream that has no place has the
//! application alone at its other end.

use talkpath_audio::{ResampleError, Resampler, SampleRate};

use talkpath_wire::PayloadType;

use crate::RoomId;

/// Where a stream sits.
pub(crate) struct Place {
    pub(crate) room: RoomId,
    pub(crate) rate: SampleRate,
    pub(crate) onward: Onward,
    pub(crate) voice: Voice,
    /// Whether something came that cannot pass, since they agreed.
    pub(crate) turned: bool,
    /// What the room hears of the stream.
    ear: Converter,
    /// What the stream says for the room, at its codec's rate.
    mouth: Converter,
    /// The same for those who listen to the stream, at their rate.
    aside: Converter,
}

/// What becomes of the packets that come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Onward {
    /// They pass to the only other member: our numbers and his.
    Pass(Box<[(PayloadType, PayloadType)]>),
    /// They are heard, and what is heard goes on.
    Hear,
}

/// What leaves here for the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Voice {
    /// Their packets, as they come.
    Packets,
    /// What they say, encoded.
    Samples,
}

/// PCM from one rate to another; either may change.
struct Converter {
    rates: (SampleRate, SampleRate),
    resampler: Resampler,
    frame: Box<[i16]>,
}

impl Place {
    /// A place in a room of `rate`, for a stream that is listened to at `heard`.
    pub(crate) fn new(
        room: RoomId,
        rate: SampleRate,
        heard: SampleRate,
    ) -> Result<Self, ResampleError> {
        Ok(Place {
            room,
            rate,
            ear: Converter::new(rate, rate)?,
            mouth: Converter::new(rate, rate)?,
            aside: Converter::new(rate, heard)?,
            onward: Onward::Hear,
            voice: Voice::Samples,
            turned: false,
        })
    }

    /// The number that packets of our number `number` leave with, if they pass.
    pub(crate) fn passes(&self, number: PayloadType) -> Option<PayloadType> {
        match &self.onward {
            Onward::Pass(numbers) => {
                let found = numbers.iter().find(|(ours, _)| *ours == number);
                found.map(|(_, theirs)| *theirs)
            }
            Onward::Hear => None,
        }
    }

    /// Takes a frame that the stream heard.
    pub(crate) fn hear(&mut self, pcm: &[i16], rate: SampleRate) {
        self.ear.convert(pcm, rate, self.rate);
    }

    /// What it heard last, at the room's rate.
    pub(crate) fn heard(&self) -> &[i16] {
        &self.ear.frame
    }

    /// Takes a frame of the room to say at `rate`; gives it back at that rate.
    pub(crate) fn say(&mut self, pcm: &[i16], rate: SampleRate) -> &[i16] {
        self.mouth.convert(pcm, self.rate, rate);
        &self.mouth.frame
    }

    /// The same for those who listen, at `rate`.
    pub(crate) fn say_aside(&mut self, pcm: &[i16], rate: SampleRate) -> &[i16] {
        self.aside.convert(pcm, self.rate, rate);
        &self.aside.frame
    }
}

impl Converter {
    fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        Ok(Converter {
            rates: (from, to),
            resampler: Resampler::new(from, to)?,
            frame: vec![0; to.frame_len()].into(),
        })
    }

    /// Converts a frame of 20 ms. Memory is taken only when a rate changes.
    fn convert(&mut self, pcm: &[i16], from: SampleRate, to: SampleRate) {
        if self.rates != (from, to) {
            // Rates that cannot be converted never pass negotiation.
            match Converter::new(from, to) {
                Ok(other) => *self = other,
                Err(_) => return self.frame.fill(0),
            }
        }
        let progress = self.resampler.process(pcm, &mut self.frame);
        self.frame[progress.written..].fill(0);
    }
}
