//! Opus in C: Xiph's libopus through the crate `opusic-c`.
//!
//! That crate takes linear PCM as `u16`; the bits are the same, and the view of
//! them is `bytemuck`'s. Nothing allocates after construction.

use opusic_c::{Application, Bitrate, Channels, ErrorCode, InbandFec, SampleRate};

use super::{COMPLEXITY, Fault, Heard};
use crate::opus::packet::{Bandwidth, Mode};
use crate::opus::settings::{RateControl, Redundancy, Sent, Settings, Silence};

pub(in crate::opus) struct Encoder {
    inner: opusic_c::Encoder,
}

impl Encoder {
    /// For PCM of `rate` hertz, 8, 16, 24 or 48 thousand, and one or two channels.
    pub(in crate::opus) fn new(rate: u32, channels: u8, settings: &Settings) -> Self {
        let shape = (channels_of(channels), rate_of(rate));
        let inner = opusic_c::Encoder::new(shape.0, shape.1, Application::Voip);
        let mut inner = inner.expect("there is memory for an encoder");
        set(&mut inner, settings).expect("every setting is in libopus's range");
        Self { inner }
    }

    pub(in crate::opus) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, Fault> {
        let encoded = self.inner.encode_to_slice(bytemuck::cast_slice(pcm), out);
        encoded.map_err(Fault::from)
    }

    pub(in crate::opus) fn set_bitrate(&mut self, bits: u32) {
        let set = self.inner.set_bitrate(Bitrate::Value(bits));
        set.expect("6,000 to 510,000 bits are in libopus's range");
    }

    /// Of at most 100 percent.
    pub(in crate::opus) fn expect_loss(&mut self, percent: u8) {
        let set = self.inner.set_packet_loss(percent);
        set.expect("a share of at most 100 percent is in libopus's range");
    }

    pub(in crate::opus) fn reset(&mut self) {
        let reset = self.inner.reset();
        reset.expect("an encoder that exists can be reset");
    }
}

fn set(encoder: &mut opusic_c::Encoder, settings: &Settings) -> Result<(), ErrorCode> {
    encoder.set_complexity(COMPLEXITY)?;
    encoder.set_bitrate(Bitrate::Value(settings.bitrate))?;
    encoder.set_max_bandwidth(match settings.max_bandwidth {
        Bandwidth::Narrow => opusic_c::Bandwidth::Narrow,
        Bandwidth::Medium => opusic_c::Bandwidth::Medium,
        Bandwidth::Wide => opusic_c::Bandwidth::Wide,
        Bandwidth::Superwide => opusic_c::Bandwidth::Superwide,
        Bandwidth::Full => opusic_c::Bandwidth::Full,
    })?;
    encoder.set_force_channels(match settings.channels {
        Sent::Mono => Some(Channels::Mono),
        Sent::AsFits => None,
    })?;
    encoder.set_vbr(settings.rate_control == RateControl::Variable)?;
    encoder.set_inband_fec(match settings.redundancy {
        Redundancy::InBand => InbandFec::Mode1,
        Redundancy::Off => InbandFec::Off,
    })?;
    encoder.set_dtx(settings.silence == Silence::LeftOut)
}

pub(in crate::opus) struct Decoder {
    inner: opusic_c::Decoder,
}

impl Decoder {
    /// To PCM of `rate` hertz, 8, 16, 24 or 48 thousand, and one or two channels.
    pub(in crate::opus) fn new(rate: u32, channels: u8) -> Self {
        let inner = opusic_c::Decoder::new(channels_of(channels), rate_of(rate));
        Self {
            inner: inner.expect("there is memory for a decoder"),
        }
    }

    /// Whether it makes up well what is lost after a packet of this mode.
    pub(in crate::opus) fn conceals(&self, _: Option<Mode>) -> bool {
        true
    }

    /// Returns the samples per channel.
    pub(in crate::opus) fn decode(
        &mut self,
        heard: Heard<'_>,
        pcm: &mut [i16],
    ) -> Result<usize, Fault> {
        let (packet, fec) = match heard {
            Heard::Packet(packet) => (packet, false),
            Heard::Next(packet) => (packet, true),
            // No bytes are a packet that is lost.
            Heard::Nothing => (&[][..], false),
        };
        let pcm = bytemuck::cast_slice_mut(pcm);
        let decoded = self.inner.decode_to_slice(packet, pcm, fec);
        decoded.map_err(Fault::from)
    }

    pub(in crate::opus) fn reset(&mut self) {
        let reset = self.inner.reset();
        reset.expect("a decoder that exists can be reset");
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Fault(code as i32)
    }
}

fn channels_of(channels: u8) -> Channels {
    match channels {
        2 => Channels::Stereo,
        _ => Channels::Mono,
    }
}

fn rate_of(rate: u32) -> SampleRate {
    match rate {
        8_000 => SampleRate::Hz8000,
        16_000 => SampleRate::Hz16000,
        24_000 => SampleRate::Hz24000,
        _ => SampleRate::Hz48000,
    }
}
