//! `a=rtpmap`: what a payload type number means. RFC 8866 §6.6.

use alloc::vec::Vec;

use talkpath_wire::{Format, PayloadType};

use super::{Attribute, push};
use crate::token::{small, split_word, trim, visible};

/// `a=rtpmap:<payload type> <encoding>/<clock rate>[/<channels>]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpMap<'a> {
    /// The number.
    pub payload_type: PayloadType,
    /// The encoding name, as written.
    pub encoding: &'a str,
    /// RTP clock rate in Hz, never 0.
    pub clock_rate: u32,
    /// The channels, when written.
    pub channels: Option<u8>,
}

impl<'a> RtpMap<'a> {
    /// The line for `format` under `payload_type`.
    pub fn of(payload_type: PayloadType, format: &'a Format) -> Self {
        RtpMap {
            payload_type,
            encoding: &format.encoding,
            clock_rate: format.clock_rate,
            channels: (format.channels != 1).then_some(format.channels),
        }
    }

    /// The format, without parameters.
    pub fn to_format(&self) -> Format {
        Format::new(self.encoding, self.clock_rate).with_channels(self.channels.unwrap_or(1))
    }
}

impl<'a> Attribute<'a> for RtpMap<'a> {
    const NAME: &'static str = "rtpmap";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (payload_type, rest) = split_word(value);
        let payload_type = PayloadType::new(small(payload_type)?).ok()?;
        let mut parts = rest.split(|&b| b == b'/').map(trim);
        let encoding = visible(parts.next()?)?;
        let clock_rate = small(parts.next()?).filter(|&rate| rate != 0)?;
        let channels = match parts.next() {
            None | Some(b"") => None,
            Some(channels) => Some(small(channels).filter(|&n| n != 0)?),
        };
        Some(RtpMap {
            payload_type,
            encoding,
            clock_rate,
            channels,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(
            out,
            format_args!(
                "{} {}/{}",
                self.payload_type, self.encoding, self.clock_rate
            ),
        );
        if let Some(channels) = self.channels {
            push(out, format_args!("/{channels}"));
        }
    }
}
