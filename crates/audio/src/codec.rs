//! What a codec is, and the table of those that are built in.
//!
//! In: the name, clock rate and channels of an SDP `rtpmap` (RFC 8866 §6.6).
//! Out: a [`Codec`], which makes encoders and decoders. A codec is one file that
//! implements [`Codec`], and one line in [`BUILT_IN`]. Left out: payload type
//! numbers beyond the static ones, `fmtp`, and when to send what.

use std::fmt;

use crate::g711;
use crate::g722;
use crate::l16;
use crate::opus;
use crate::rate::SampleRate;

/// All codecs that are built in, in the order in which we like to offer them.
pub static BUILT_IN: &[&dyn Codec] = &[
    &opus::OPUS,
    &g722::G722,
    &g711::PCMU,
    &g711::PCMA,
    &l16::MONO_16000,
    &l16::MONO_8000,
    &l16::MONO_24000,
    &l16::MONO_44100,
    &l16::MONO_48000,
    &l16::STEREO_44100,
    &l16::STEREO_48000,
];

/// Finds a built-in codec by what an SDP `rtpmap` says.
///
/// The encoding name is compared without regard to case (RFC 8866 §6.6); the
/// clock rate is that of RTP, and `channels` is 1 where SDP leaves it out.
///
/// ```
/// use talkpath_audio::codec;
/// assert_eq!(codec::find("pcmu", 8_000, 1).map(|c| c.static_payload_type()), Some(Some(0)));
/// assert!(codec::find("PCMU", 16_000, 1).is_none());
/// ```
#[must_use]
pub fn find(name: &str, clock_rate: u32, channels: u8) -> Option<&'static dyn Codec> {
    BUILT_IN.iter().copied().find(|codec| {
        codec.name().eq_ignore_ascii_case(name)
            && codec.clock_rate() == clock_rate
            && codec.rtpmap_channels() == channels
    })
}

/// A way to turn PCM into payloads and back.
///
/// PCM is interleaved where there is more than one channel. Counts of samples
/// are per channel; the length of a PCM slice is samples × channels.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, SampleRate, codec};
/// let codec: &dyn Codec = codec::find("PCMA", 8_000, 1).expect("PCMA is built in");
/// let said = Parameters::NONE;
/// let (mut encoder, mut decoder) = (codec.encoder(said), codec.decoder(said));
///
/// let mut payload = vec![0; codec.max_payload_len(160)];
/// let len = encoder.encode(&[1_000; 160], &mut payload)?;
/// let mut pcm = vec![0; codec.samples(&payload[..len])?];
/// assert_eq!(decoder.decode(&payload[..len], &mut pcm)?, 160);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Codec: fmt::Debug + Send + Sync {
    /// The encoding name that SDP knows it by.
    fn name(&self) -> &str;

    /// The clock of its RTP timestamps, in hertz.
    fn clock_rate(&self) -> u32;

    /// The rate of its PCM, which is not always the clock rate.
    fn sample_rate(&self) -> SampleRate;

    /// The number of channels of its PCM, at least 1.
    fn channels(&self) -> u8;

    /// The channels that its `rtpmap` names, which for Opus are two always
    /// (RFC 7587 §7), whatever the packets and the PCM hold.
    fn rtpmap_channels(&self) -> u8 {
        self.channels()
    }

    /// The same codec with PCM of another shape: a codec that can decode to
    /// the rate that is heard, or to one channel, saves a resampler and its
    /// delay. The nearest that it has; `None` when this is its only shape.
    fn shaped(&'static self, _rate: SampleRate, _channels: u8) -> Option<&'static dyn Codec> {
        None
    }

    /// What we say of ourselves in `fmtp` when nobody says otherwise.
    fn default_parameters(&self) -> &'static str {
        ""
    }

    /// The payload type that RFC 3551 §6 gives it for ever, if any.
    fn static_payload_type(&self) -> Option<u8>;

    /// How many samples a payload holds, without decoding it.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] when the payload cannot be of this codec.
    fn samples(&self, payload: &[u8]) -> Result<usize, DecodeError>;

    /// The longest packet of at most `samples` samples that it can make; the
    /// shortest it has when there is none.
    fn packet_len(&self, samples: usize) -> usize {
        samples
    }

    /// The `fmtp` parameter that makes its encoder leave out silence by itself
    /// and its decoder fill it in; `None` where that is for the voice detector
    /// and comfort noise beside the codec (RFC 3389).
    fn silence_parameter(&self) -> Option<&'static str> {
        None
    }

    /// The length in bytes that no payload of `samples` samples exceeds.
    fn max_payload_len(&self, samples: usize) -> usize;

    /// Makes an encoder for a peer that said `peer` of what it receives. The
    /// one place, with [`Codec::decoder`], that allocates.
    fn encoder(&self, peer: Parameters<'_>) -> Box<dyn Encoder>;

    /// Makes a decoder for what comes after we said `ours` of what we receive.
    fn decoder(&self, ours: Parameters<'_>) -> Box<dyn Decoder>;
}

/// What SDP's `fmtp` says of a format (RFC 8866 §6.15): `name=value` pairs.
///
/// ```
/// use talkpath_audio::Parameters;
/// let said = Parameters::new(b"minptime=10; useinbandfec=1");
/// assert_eq!(said.value("UseInbandFec"), Some(&b"1"[..]));
/// assert_eq!(said.number("minptime"), Some(10));
/// assert_eq!(said.value("stereo"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    /// Nothing was said.
    pub const NONE: Parameters<'static> = Parameters(b"");

    /// Reads the text of a `fmtp` after its payload type.
    #[must_use]
    pub const fn new(fmtp: &'a [u8]) -> Self {
        Parameters(fmtp)
    }

    /// The text.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The value of the parameter `name`, ASCII case aside, without the white
    /// space around it; of one that stands twice the first.
    #[must_use]
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        let pairs = self.0.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let mut values = pairs.filter_map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            let (key, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
            key.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        });
        values.next()
    }

    /// The same as a number; `None` also when it is none.
    #[must_use]
    pub fn number(self, name: &str) -> Option<u32> {
        let digits = core::str::from_utf8(self.value(name)?).ok()?;
        digits.parse().ok()
    }
}

/// PCM into payloads, of one outgoing stream.
///
/// ```
/// use talkpath_audio::{Codec, EncodeError, Parameters, g711};
/// let mut encoder = g711::PCMU.encoder(Parameters::NONE);
/// assert_eq!(encoder.encode(&[0; 160], &mut [0; 160]), Ok(160));
/// ```
pub trait Encoder: Send {
    /// Encodes one frame into `out` and returns the payload's length in bytes;
    /// 0 when nothing need be sent for it (discontinuous transmission).
    ///
    /// # Errors
    /// [`EncodeError`]; `out` is then unspecified and the state unchanged.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError>;

    /// Learns which share of the packets the peer says it loses, in percent, to
    /// spend bits on redundancy accordingly.
    fn expect_loss(&mut self, _percent: u8) {}

    /// Forgets what was said before, as for the first frame of a stream.
    fn reset(&mut self) {}
}

/// Payloads into PCM, of one incoming stream.
///
/// ```
/// use talkpath_audio::{Codec, DecodeError, Parameters, g711};
/// let mut decoder = g711::PCMU.decoder(Parameters::NONE);
/// let error = decoder.decode(&[0xff; 160], &mut [0; 80]);
/// assert_eq!(error, Err(DecodeError::NoRoom { needed: 160, room: 80 }));
/// ```
pub trait Decoder: Send {
    /// Decodes one payload into `pcm` and returns the samples per channel.
    ///
    /// # Errors
    /// [`DecodeError`]; `pcm` is then unspecified and the state unchanged.
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, DecodeError>;

    /// Fills `pcm` with what the codec itself makes up for a packet that is
    /// lost, and keeps its state true to that.
    fn conceal(&mut self, _pcm: &mut [i16]) -> Concealment {
        Concealment::Left
    }

    /// Fills `pcm` with the packet that was lost before `next`, as far as
    /// `next` carries it redundantly (in-band FEC). `next` itself is to be
    /// decoded afterwards.
    fn recover(&mut self, _next: &[u8], _pcm: &mut [i16]) -> Concealment {
        Concealment::Left
    }

    /// Forgets what was heard before, as for another source.
    fn reset(&mut self) {}
}

/// Who fills the gap that a lost packet leaves.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, codec::Concealment, g711};
/// let mut decoder = g711::PCMU.decoder(Parameters::NONE);
/// assert_eq!(decoder.conceal(&mut [0; 160]), Concealment::Left);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concealment {
    /// The codec did.
    Done,
    /// It has no way to: the [`Concealer`](crate::Concealer) is to.
    Left,
}

/// Why a frame could not be encoded: the caller's fault, but for the last.
///
/// ```
/// use talkpath_audio::{Codec, EncodeError, Parameters, g711};
/// let error = g711::PCMU.encoder(Parameters::NONE).encode(&[0; 160], &mut [0; 80]);
/// assert_eq!(error, Err(EncodeError::NoRoom { needed: 160, room: 80 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The destination is too short.
    #[error("a payload of {needed} bytes does not fit into {room}")]
    NoRoom {
        /// Bytes that the payload takes.
        needed: usize,
        /// Bytes that there were.
        room: usize,
    },
    /// The codec has no frames of this length.
    #[error("no frame of this codec has {samples} samples")]
    FrameLength {
        /// Samples per channel that were given.
        samples: usize,
    },
    /// The codec gave up for a reason of its own: our fault.
    #[error("the codec failed with its error {code}")]
    Failed {
        /// What the codec calls it.
        code: i32,
    },
}

/// Why a payload could not be decoded.
///
/// ```
/// use talkpath_audio::DecodeError;
/// let error = DecodeError::Malformed { len: 3, at: 1 };
/// assert_eq!(error.to_string(), "a payload of 3 bytes is malformed at byte 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The destination is too short: the caller's fault.
    #[error("{needed} samples do not fit into {room}")]
    NoRoom {
        /// Samples of all channels that the payload holds.
        needed: usize,
        /// Samples of all channels that there was room for.
        room: usize,
    },
    /// The payload is not of this codec: the peer's fault.
    #[error("a payload of {len} bytes is malformed at byte {at}")]
    Malformed {
        /// Length of the payload in bytes.
        len: usize,
        /// Where in it the codec gave up.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_takes_name_clock_and_channels_together() {
        let pcma = find("PcMa", 8_000, 1).unwrap();
        assert_eq!((pcma.name(), pcma.static_payload_type()), ("PCMA", Some(8)));
        assert!(find("PCMA", 8_000, 2).is_none());
        assert!(find("PCMA", 48_000, 1).is_none());
        assert!(find("PCMA ", 8_000, 1).is_none());
        assert!(find("", 8_000, 1).is_none());
    }

    #[test]
    fn every_entry_of_the_table_can_be_found_and_round_trips_silence() {
        for codec in BUILT_IN {
            let found = find(codec.name(), codec.clock_rate(), codec.rtpmap_channels()).unwrap();
            assert_eq!(found.static_payload_type(), codec.static_payload_type());
            let samples = codec.sample_rate().frame_len();
            let pcm = vec![0; samples * usize::from(codec.channels())];
            let mut payload = vec![0; codec.max_payload_len(samples)];
            let said = Parameters::new(codec.default_parameters().as_bytes());
            let len = codec.encoder(said).encode(&pcm, &mut payload).unwrap();
            assert_eq!(codec.samples(&payload[..len]), Ok(samples));
            let mut heard = vec![i16::MAX; pcm.len()];
            assert_eq!(
                codec.decoder(said).decode(&payload[..len], &mut heard),
                Ok(samples)
            );
            assert!(
                heard.iter().all(|sample| sample.abs() <= 8),
                "{}",
                codec.name()
            );
        }
    }
}
