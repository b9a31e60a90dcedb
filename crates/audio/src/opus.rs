//! Opus over RTP (RFC 7587, RFC 6716).
//!
//! In: PCM of 8, 16, 24 or 48 kHz with one or two channels, in frames of 2.5 to
//! 120 ms, or packets. Out: the other of the two; for a packet that is lost, the
//! codec's own concealment, or what the next packet repeats of it (in-band FEC).
//! Encoding is for speech, as the peer's `fmtp` wants it. Computed in Rust by
//! default, by libopus with the feature `libopus`. Left out: 12 kHz, multistream
//! (RFC 7845), and choosing a packet time.

mod backend;
mod packet;
mod settings;

pub use packet::{Bandwidth, Mode, Packet, Toc};

use crate::codec::{Codec, Concealment, DecodeError, Decoder, EncodeError, Encoder, Parameters};
use crate::rate::SampleRate;
use backend::Heard;
use settings::{Redundancy, Settings, Silence};

/// Opus with PCM of 48 kHz and one channel; [`Codec::shaped`] has the others.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, SampleRate, opus};
/// let codec = opus::OPUS.shaped(SampleRate::HZ_16000, 1).expect("16 kHz is a shape of Opus");
/// let mut encoder = codec.encoder(Parameters::new(b"useinbandfec=1"));
/// let mut decoder = codec.decoder(Parameters::NONE);
///
/// let mut payload = vec![0; codec.max_payload_len(320)];
/// let len = encoder.encode(&[0; 320], &mut payload)?;
/// assert_eq!(codec.samples(&payload[..len]), Ok(320));
/// assert_eq!(decoder.decode(&payload[..len], &mut [0; 320])?, 320);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub static OPUS: Opus = Opus::new(SampleRate::HZ_48000, 1);

/// Opus as a [`Codec`], with PCM of one shape: [`OPUS`] or one of its shapes.
///
/// On the wire all shapes are the same. To a peer that says nothing of its bit
/// rate go 24 kb/s from 8 kHz and 32 kb/s from more, twice that in stereo. With
/// `useinbandfec=1` packets repeat the one before as soon as
/// [`Encoder::expect_loss`] tells of any loss, for a quarter more bits: without
/// loss that would cost 0.3 PESQ, at 5 % it gains more than 1.
///
/// ```
/// use talkpath_audio::{Codec, SampleRate, opus};
/// let wide = opus::OPUS.shaped(SampleRate::HZ_16000, 2).expect("Opus always has a shape");
/// assert_eq!((wide.clock_rate(), wide.sample_rate().hz(), wide.channels()), (48_000, 16_000, 2));
/// assert_eq!(wide.rtpmap_channels(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opus {
    rate: SampleRate,
    channels: u8,
}

impl Opus {
    const fn new(rate: SampleRate, channels: u8) -> Self {
        Self { rate, channels }
    }
}

impl Codec for Opus {
    fn name(&self) -> &str {
        "opus"
    }

    // RFC 7587 §4.1: the clock is 48,000 Hz whatever the audio's rate.
    fn clock_rate(&self) -> u32 {
        48_000
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn channels(&self) -> u8 {
        self.channels
    }

    // RFC 7587 §7: "opus/48000/2" always.
    fn rtpmap_channels(&self) -> u8 {
        2
    }

    /// The lowest rate that is not under `rate`, or the highest.
    fn shaped(&'static self, rate: SampleRate, channels: u8) -> Option<&'static dyn Codec> {
        let shapes = if channels < 2 { &MONO } else { &STEREO };
        let fitting = shapes.iter().find(|shape| shape.rate >= rate);
        fitting.or(shapes.last()).map(|shape| shape as &dyn Codec)
    }

    fn default_parameters(&self) -> &'static str {
        "minptime=10;useinbandfec=1"
    }

    fn static_payload_type(&self) -> Option<u8> {
        None
    }

    fn samples(&self, payload: &[u8]) -> Result<usize, DecodeError> {
        Packet::parse(payload).map(|packet| packet.samples(self.rate))
    }

    /// The longest frame that is not longer: 10, 20, 40, 60 ms and beyond.
    fn packet_len(&self, samples: usize) -> usize {
        let frames = FRAMES.map(|quarters| quarters * self.least_frame());
        let fitting = frames.into_iter().rfind(|frame| *frame <= samples);
        fitting.unwrap_or(frames[0])
    }

    /// What makes the encoder leave silence out: RFC 7587 §6.1.
    fn silence_parameter(&self) -> Option<&'static str> {
        Some("usedtx=1")
    }

    /// What Opus can take at most, 510 kb/s. Our own encoder never makes more
    /// than 1,276 bytes of a frame, however long.
    fn max_payload_len(&self, samples: usize) -> usize {
        MAX_PACKET * samples.div_ceil(self.rate.frame_len()).max(1)
    }

    fn encoder(&self, peer: Parameters<'_>) -> Box<dyn Encoder> {
        let settings = Settings::agreed(self.rate.hz(), self.channels, peer);
        let inner = backend::Encoder::new(self.rate.hz(), self.channels, &settings);
        Box::new(OpusEncoder {
            inner,
            shape: *self,
            settings,
        })
    }

    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(OpusDecoder {
            inner: backend::Decoder::new(self.rate.hz(), self.channels),
            shape: *self,
            last_mode: None,
        })
    }
}

struct OpusEncoder {
    inner: backend::Encoder,
    shape: Opus,
    settings: Settings,
}

impl Encoder for OpusEncoder {
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        self.shape.check_frame(pcm.len())?;
        let room = out.len();
        // The encoder makes packets to fit the room: less would be less quality.
        let Some(out) = out.get_mut(..MAX_PACKET) else {
            let needed = MAX_PACKET;
            return Err(EncodeError::NoRoom { needed, room });
        };
        let encoded = self.inner.encode(pcm, out);
        let len = encoded.map_err(|fault| EncodeError::Failed { code: fault.0 })?;
        // A packet of nothing but its TOC says that nothing need be sent.
        match self.settings.silence {
            Silence::LeftOut if len <= 2 => Ok(0),
            _ => Ok(len),
        }
    }

    fn expect_loss(&mut self, percent: u8) {
        let (percent, bitrate) = match (self.settings.redundancy, percent) {
            (Redundancy::InBand, 1..) => (
                percent.clamp(LEAST_LOSS, 100),
                self.settings.redundant_bitrate,
            ),
            _ => (percent.min(100), self.settings.bitrate),
        };
        self.inner.set_bitrate(bitrate);
        self.inner.expect_loss(percent);
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}

struct OpusDecoder {
    inner: backend::Decoder,
    shape: Opus,
    /// Of the last packet that was decoded.
    last_mode: Option<Mode>,
}

impl OpusDecoder {
    /// Whether the codec can fill a gap of this length, which must be of whole
    /// 2.5 ms.
    fn can_fill(&self, len: usize) -> bool {
        len > 0 && len.is_multiple_of(self.shape.least_frame() * self.shape.width())
    }

    fn fill(&mut self, heard: Heard<'_>, pcm: &mut [i16]) -> Concealment {
        match self.inner.decode(heard, pcm) {
            Ok(_) => Concealment::Done,
            Err(_) => Concealment::Left,
        }
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, DecodeError> {
        let packet = Packet::parse(payload)?;
        let (needed, room) = (
            packet.samples(self.shape.rate) * self.shape.width(),
            pcm.len(),
        );
        let Some(pcm) = pcm.get_mut(..needed) else {
            return Err(DecodeError::NoRoom { needed, room });
        };
        let decoded = self.inner.decode(Heard::Packet(payload), pcm);
        let samples = decoded.map_err(|_| DecodeError::Malformed {
            len: payload.len(),
            at: packet.first_at(),
        })?;
        self.last_mode = Some(packet.toc().mode());
        Ok(samples)
    }

    /// Left where the gap is not of whole 2.5 ms, and where the crate that
    /// computes Opus makes up worse than the [`Concealer`](crate::Concealer).
    fn conceal(&mut self, pcm: &mut [i16]) -> Concealment {
        if !self.can_fill(pcm.len()) || !self.inner.conceals(self.last_mode) {
            return Concealment::Left;
        }
        self.fill(Heard::Nothing, pcm)
    }

    /// Left where `next` does not repeat what was before it, or is of longer
    /// frames than the gap. Of a gap longer than a frame the last frame is
    /// recovered, and what precedes it concealed.
    fn recover(&mut self, next: &[u8], pcm: &mut [i16]) -> Concealment {
        let Ok(packet) = Packet::parse(next) else {
            return Concealment::Left;
        };
        let frame = self.shape.rate.samples_in(packet.toc().frame_duration());
        let fits = frame * self.shape.width() <= pcm.len() && self.can_fill(pcm.len());
        // RFC 6716 §4.5: no redundancy takes a decoder out of MDCT alone.
        if !fits || !packet.repeats_the_one_before() || self.last_mode == Some(Mode::Celt) {
            return Concealment::Left;
        }
        let filled = self.fill(Heard::Next(next), pcm);
        if filled == Concealment::Done {
            self.last_mode = Some(packet.toc().mode());
        }
        filled
    }

    fn reset(&mut self) {
        self.inner.reset();
        self.last_mode = None;
    }
}

impl Opus {
    fn width(&self) -> usize {
        usize::from(self.channels)
    }

    /// Samples per channel of 2.5 ms.
    fn least_frame(&self) -> usize {
        self.rate.frame_len() / 8
    }

    fn check_frame(&self, len: usize) -> Result<(), EncodeError> {
        let samples = len / self.width();
        let frames = FRAMES.map(|quarters| quarters * self.least_frame());
        if frames.contains(&samples) && len.is_multiple_of(self.width()) {
            Ok(())
        } else {
            Err(EncodeError::FrameLength { samples })
        }
    }
}

/// What an encoder takes, in 2.5 ms: 2.5, 5, 10, 20, 40, 60, 80, 100 and 120 ms.
const FRAMES: [usize; 9] = [1, 2, 4, 8, 16, 24, 32, 40, 48];

/// The longest frame and its TOC, in bytes (RFC 6716 §3.2.1).
const MAX_PACKET: usize = 1_276;

/// The percentage of loss that any loss counts for. Told of less, the encoder
/// goes without redundancy where it takes the signal for music, and rather than
/// without bandwidth.
const LEAST_LOSS: u8 = 10;

static MONO: [Opus; 4] = shapes(1);
static STEREO: [Opus; 4] = shapes(2);

const fn shapes(channels: u8) -> [Opus; 4] {
    [
        Opus::new(SampleRate::HZ_8000, channels),
        Opus::new(SampleRate::HZ_16000, channels),
        Opus::new(SampleRate::HZ_24000, channels),
        Opus::new(SampleRate::HZ_48000, channels),
    ]
}

#[cfg(test)]
mod tests;
