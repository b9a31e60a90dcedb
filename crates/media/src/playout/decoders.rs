//! The decoders of one stream: one for each codec that it has changed to.
//!
//! In: the codec of what comes. Out: a small key that waits with each payload,
//! so that what came before a change is played as what it is, in any order.

use talkpath_audio::{Codec, Concealment, DecodeError, Decoder, Parameters, downmix};

use super::LONGEST_PACKET;

/// The codecs of a stream.
pub(super) struct Decoders {
    all: Vec<Known>,
    current: Key,
    /// What we said of what we receive, by codec.
    said: Vec<(&'static dyn Codec, Box<[u8]>)>,
}

/// A codec, its decoder, and room to mix its channels down to one.
struct Known {
    codec: &'static dyn Codec,
    decoder: Box<dyn Decoder>,
    interleaved: Box<[i16]>,
}

/// Which decoder a payload is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Key(u8);

impl Decoders {
    /// Those of a stream that begins with `codec`.
    pub(super) fn new(codec: &'static dyn Codec) -> Self {
        Decoders {
            all: vec![Known::new(codec, by_default(codec))],
            current: Key::default(),
            said: Vec::new(),
        }
    }

    /// What we said of `codec`; a decoder that was made for something else is
    /// made anew.
    pub(super) fn set_parameters(&mut self, codec: &'static dyn Codec, ours: Parameters<'_>) {
        if self.said_of(codec) == ours {
            return;
        }
        self.said.retain(|(known, _)| !same(*known, codec));
        self.said.push((codec, ours.as_bytes().into()));
        if let Some(known) = self.all.iter_mut().find(|known| same(known.codec, codec)) {
            *known = Known::new(codec, ours);
        }
    }

    fn said_of(&self, codec: &'static dyn Codec) -> Parameters<'_> {
        let said = self.said.iter().find(|(known, _)| same(*known, codec));
        said.map_or(by_default(codec), |(_, said)| Parameters::new(said))
    }

    /// The codec of what comes now.
    pub(super) fn codec(&self) -> &'static dyn Codec {
        self.all[usize::from(self.current.0)].codec
    }

    /// The key of what comes now.
    pub(super) fn current(&self) -> Key {
        self.current
    }

    /// Decodes a payload to one channel; returns the samples.
    pub(super) fn decode(
        &mut self,
        key: Key,
        payload: &[u8],
        pcm: &mut [i16],
    ) -> Result<usize, DecodeError> {
        let known = &mut self.all[usize::from(key.0)];
        if known.codec.channels() == 1 {
            return known.decoder.decode(payload, pcm);
        }
        let samples = known.decoder.decode(payload, &mut known.interleaved)?;
        Ok(known.mix(samples, pcm))
    }

    /// Fills `pcm` with what `next` carries of the packet before it.
    pub(super) fn recover(&mut self, key: Key, next: &[u8], pcm: &mut [i16]) -> Concealment {
        self.all[usize::from(key.0)].fill(pcm, |decoder, pcm| decoder.recover(next, pcm))
    }

    /// Fills `pcm` with what the codec makes up for what is lost.
    pub(super) fn conceal(&mut self, key: Key, pcm: &mut [i16]) -> Concealment {
        self.all[usize::from(key.0)].fill(pcm, |decoder, pcm| decoder.conceal(pcm))
    }

    /// The same, where there may be nothing to make up.
    pub(super) fn conceal_all(&mut self, key: Key, pcm: &mut [i16]) -> Concealment {
        match pcm {
            [] => Concealment::Done,
            _ => self.conceal(key, pcm),
        }
    }

    /// Another source is decoded from now on.
    pub(super) fn reset(&mut self) {
        self.all.iter_mut().for_each(|known| known.decoder.reset());
    }

    /// What comes is of `codec` from now on. False when there is no key left:
    /// more codecs than the table of them has.
    pub(super) fn change(&mut self, codec: &'static dyn Codec) -> bool {
        let known = self.all.iter().position(|known| same(known.codec, codec));
        let Ok(key) = u8::try_from(known.unwrap_or(self.all.len())) else {
            return false;
        };
        if known.is_none() {
            let known = Known::new(codec, self.said_of(codec));
            self.all.push(known);
        }
        self.current = Key(key);
        true
    }
}

impl Known {
    fn new(codec: &'static dyn Codec, ours: Parameters<'_>) -> Self {
        let interleaved = match usize::from(codec.channels()) {
            0 | 1 => 0,
            channels => codec.sample_rate().samples_in(LONGEST_PACKET) * channels,
        };
        Known {
            codec,
            decoder: codec.decoder(ours),
            interleaved: vec![0; interleaved].into(),
        }
    }

    /// Mixes so many decoded samples to one channel; returns how many fit.
    fn mix(&self, samples: usize, pcm: &mut [i16]) -> usize {
        let channels = u16::from(self.codec.channels());
        let len = self.interleaved.len().min(samples * usize::from(channels));
        downmix(&self.interleaved[..len], channels, pcm).unwrap_or(0)
    }

    fn fill(
        &mut self,
        pcm: &mut [i16],
        mut with: impl FnMut(&mut dyn Decoder, &mut [i16]) -> Concealment,
    ) -> Concealment {
        let channels = usize::from(self.codec.channels());
        if channels == 1 {
            return with(&mut *self.decoder, pcm);
        }
        let Some(interleaved) = self.interleaved.get_mut(..pcm.len() * channels) else {
            return Concealment::Left;
        };
        let done = with(&mut *self.decoder, interleaved);
        if done == Concealment::Done {
            self.mix(pcm.len(), pcm);
        }
        done
    }
}

/// What a codec says of itself when nobody says otherwise.
fn by_default(codec: &'static dyn Codec) -> Parameters<'static> {
    Parameters::new(codec.default_parameters().as_bytes())
}

/// Whether two codecs are the same entry of the table, in the same shape.
pub(crate) fn same(a: &dyn Codec, b: &dyn Codec) -> bool {
    a.name() == b.name()
        && a.clock_rate() == b.clock_rate()
        && a.channels() == b.channels()
        && a.sample_rate() == b.sample_rate()
}
