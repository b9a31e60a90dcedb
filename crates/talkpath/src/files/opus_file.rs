//! An Ogg Opus file's bytes into mono samples.
//!
//! In: bytes in order, in pieces of any length. Out: samples at the rate of the
//! session where Opus has it, of the length that the file says: the encoder's
//! look-ahead is cut off the front, its filling off the end, and the file's
//! gain is applied (RFC 7845 §4.2 to 4.5, 5.1). A packet that makes no sense is
//! silence of a packet's length. Left out: more channels than two.

use talkpath_audio::{Codec, Decoder, Parameters, SampleRate, codec};
use talkpath_file::ogg::{OggError, OggReader, OpusHead, OpusMapping, RATE, packet_samples};

/// An Ogg Opus file being decoded.
pub(super) struct OpusFile {
    reader: OggReader,
    codec: &'static dyn Codec,
    decoder: Box<dyn Decoder>,
    /// The file's own loudness, a factor; none before its header was read.
    gain: Option<f32>,
    /// A packet, decoded.
    pcm: Vec<i16>,
}

/// Why a file that is Ogg cannot be played.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpusError {
    /// Its headers cannot be read.
    #[error(transparent)]
    Ogg(#[from] OggError),
    /// Its sound has more channels than two, in several streams.
    #[error("Opus of {channels} channels cannot be played")]
    Channels {
        /// How many.
        channels: u8,
    },
}

impl OpusFile {
    /// A file whose sound is wanted at `to`; none where Opus is not built in.
    pub(super) fn new(to: SampleRate) -> Option<Self> {
        let opus = codec::find("opus", RATE, 2)?;
        let codec = opus.shaped(to, 1).unwrap_or(opus);
        Some(OpusFile {
            reader: OggReader::new(),
            codec,
            decoder: codec.decoder(Parameters::NONE),
            gain: None,
            pcm: Vec::new(),
        })
    }

    /// Takes bytes off the front until the headers are read; then the rate.
    pub(super) fn begin(
        &mut self,
        bytes: &mut Vec<u8>,
        ended: bool,
    ) -> Result<Option<u32>, OpusError> {
        while self.reader.tags().is_none() {
            // RFC 7845 §3: sound begins on a page behind the comments'.
            self.reader.next_packet()?;
            let taken = self.reader.push(bytes);
            bytes.drain(..taken);
            if taken == 0 && self.reader.tags().is_none() {
                if ended {
                    self.reader.finish()?;
                }
                return Ok(None);
            }
        }
        let Some(head) = self.reader.head() else {
            return Ok(None);
        };
        self.gain = Some(gain(head)?);
        Ok(Some(self.codec.sample_rate().hz()))
    }

    /// Takes bytes off the front and appends what they sound.
    pub(super) fn read(
        &mut self,
        bytes: &mut Vec<u8>,
        mono: &mut Vec<i16>,
    ) -> Result<(), OpusError> {
        let mut used = 0;
        loop {
            self.decode(mono)?;
            let taken = self.reader.push(&bytes[used..]);
            used += taken;
            if taken == 0 {
                bytes.drain(..used);
                return Ok(());
            }
        }
    }

    /// Decodes the packets that were read.
    fn decode(&mut self, mono: &mut Vec<i16>) -> Result<(), OpusError> {
        let gain = self.gain.unwrap_or(1.0);
        let hz = self.codec.sample_rate().hz() as usize;
        let scaled = |samples: u32| samples as usize * hz / RATE as usize;
        while let Some(packet) = self.reader.next_packet()? {
            let samples = packet_samples(packet.data).map_or(0, scaled);
            self.pcm.clear();
            self.pcm
                .resize(samples * usize::from(self.codec.channels()), 0);
            if self.decoder.decode(packet.data, &mut self.pcm).is_err() {
                self.pcm.fill(0);
            }
            let heard = self.pcm.iter().skip(scaled(packet.skip));
            let heard = heard.take(scaled(packet.samples));
            // The cast saturates.
            mono.extend(heard.map(|sample| (f32::from(*sample) * gain) as i16));
        }
        Ok(())
    }
}

/// The factor of a file's gain (RFC 7845 §5.1), if its sound is one stream.
fn gain(head: &OpusHead) -> Result<f32, OpusError> {
    match head.mapping {
        OpusMapping::Multiple { streams: 2.., .. } => Err(OpusError::Channels {
            channels: head.channels,
        }),
        _ => Ok(10_f32.powf(f32::from(head.output_gain) / (20.0 * 256.0))),
    }
}
