//! What an Opus packet says of itself, read without decoding.
//!
//! In: a payload of RFC 7587, which is one packet of RFC 6716 §3. Out: its mode,
//! bandwidth, channels, frames and duration, and whether it repeats the packet
//! before it (in-band FEC, §4.2.4). Every requirement R1 to R7 of §3.4 is checked,
//! so that a decoder is never handed what is no packet. Left out: the frames'
//! insides, and self-delimiting framing (Appendix B).

use std::time::Duration;

use crate::codec::DecodeError;
use crate::rate::SampleRate;

/// One Opus packet, checked (RFC 6716 §3).
///
/// ```
/// use talkpath_audio::SampleRate;
/// use talkpath_audio::opus::{Bandwidth, Mode, Packet};
/// // Two frames of 20 ms, speech at 16 kHz, of two bytes each.
/// let packet = Packet::parse(&[0b01001_0_01, 1, 2, 3, 4])?;
/// assert_eq!((packet.toc().mode(), packet.toc().bandwidth()), (Mode::Silk, Bandwidth::Wide));
/// assert_eq!((packet.frames(), packet.samples(SampleRate::HZ_48000)), (2, 1_920));
/// # Ok::<(), talkpath_audio::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    toc: Toc,
    frames: u8,
    first: &'a [u8],
    first_at: usize,
}

/// The first byte of a packet (RFC 6716 §3.1).
///
/// ```
/// use talkpath_audio::opus::{Bandwidth, Mode, Toc};
/// let toc = Toc(0xfc);
/// assert_eq!((toc.mode(), toc.bandwidth(), toc.channels()), (Mode::Celt, Bandwidth::Full, 2));
/// assert_eq!(toc.frame_duration().as_millis(), 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toc(pub u8);

/// Which of its layers coded a frame (RFC 6716 §2).
///
/// ```
/// use talkpath_audio::opus::{Mode, Toc};
/// assert_eq!(Toc(12 << 3).mode(), Mode::Hybrid);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Linear prediction: speech up to 8 kHz of bandwidth.
    Silk,
    /// Linear prediction below 8 kHz, MDCT above.
    Hybrid,
    /// MDCT: music, and frames shorter than 10 ms.
    Celt,
}

/// What a frame holds of the spectrum (RFC 6716 §2, table 1).
///
/// ```
/// use talkpath_audio::opus::Bandwidth;
/// assert!(Bandwidth::Narrow < Bandwidth::Full);
/// assert_eq!(Bandwidth::Superwide.hz(), 12_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bandwidth {
    /// Up to 4 kHz.
    Narrow,
    /// Up to 6 kHz.
    Medium,
    /// Up to 8 kHz.
    Wide,
    /// Up to 12 kHz.
    Superwide,
    /// Up to 20 kHz.
    Full,
}

impl<'a> Packet<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`], with the byte that breaks a requirement of
    /// RFC 6716 §3.4.
    pub fn parse(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader {
            payload,
            at: 0,
            end: payload.len(),
        };
        // R1: at least one byte.
        let toc = Toc(reader.octet()?);
        let (frames, first_len) = match toc.0 & 0b11 {
            0 => (1, reader.left()),
            1 => (2, reader.equal_frames(2)?),
            2 => (2, reader.first_of_lengths(2)?),
            _ => reader.any_number(toc)?,
        };
        if first_len > MAX_FRAME {
            return Err(reader.malformed(reader.at));
        }
        let first = &payload[reader.at..reader.at + first_len];
        Ok(Self {
            toc,
            frames,
            first,
            first_at: reader.at,
        })
    }

    /// Its first byte.
    #[must_use]
    pub fn toc(&self) -> Toc {
        self.toc
    }

    /// How many frames it holds: 1 to 48.
    #[must_use]
    pub fn frames(&self) -> u8 {
        self.frames
    }

    /// How long it lasts: 2.5 to 120 ms.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.toc.frame_duration() * u32::from(self.frames)
    }

    /// How many samples per channel it is when decoded to `rate`.
    #[must_use]
    pub fn samples(&self, rate: SampleRate) -> usize {
        rate.samples_in(self.duration())
    }

    /// Whether it repeats, in fewer bits, what came right before it.
    ///
    /// RFC 6716 §4.2.3: the frame begins with one bit of voice activity for each
    /// 20 ms and then one that says so, in stereo once for the middle and once
    /// for the side. They are the first symbols and equally likely, so they are
    /// the uppermost bits of the first byte.
    #[must_use]
    pub fn repeats_the_one_before(&self) -> bool {
        let Some(&flags) = self.first.first() else {
            return false;
        };
        let parts = self.toc.frame_duration().as_millis().div_ceil(20) as u32;
        let (middle, side) = (0x80 >> parts, 0x80 >> (2 * parts + 1));
        match (self.toc.mode(), self.toc.channels()) {
            (Mode::Celt, _) => false,
            (_, 1) => flags & middle != 0,
            _ => flags & (middle | side) != 0,
        }
    }

    /// Where its first frame begins.
    pub(super) fn first_at(&self) -> usize {
        self.first_at
    }
}

impl Toc {
    /// The layers in use.
    #[must_use]
    pub fn mode(self) -> Mode {
        match self.0 >> 3 {
            0..=11 => Mode::Silk,
            12..=15 => Mode::Hybrid,
            _ => Mode::Celt,
        }
    }

    /// The audio bandwidth.
    #[must_use]
    pub fn bandwidth(self) -> Bandwidth {
        match self.0 >> 3 {
            0..=3 | 16..=19 => Bandwidth::Narrow,
            4..=7 => Bandwidth::Medium,
            8..=11 | 20..=23 => Bandwidth::Wide,
            12..=13 | 24..=27 => Bandwidth::Superwide,
            _ => Bandwidth::Full,
        }
    }

    /// How long each frame lasts: 2.5 to 60 ms.
    #[must_use]
    pub fn frame_duration(self) -> Duration {
        let step = usize::from((self.0 >> 3) & 0b11);
        Duration::from_micros(match self.mode() {
            Mode::Silk => [10_000, 20_000, 40_000, 60_000][step],
            Mode::Hybrid => [10_000, 20_000][step & 1],
            Mode::Celt => [2_500, 5_000, 10_000, 20_000][step],
        })
    }

    /// One channel or two.
    #[must_use]
    pub fn channels(self) -> u8 {
        if self.0 & 0b100 == 0 { 1 } else { 2 }
    }
}

impl Bandwidth {
    /// The highest frequency, in hertz.
    #[must_use]
    pub fn hz(self) -> u32 {
        match self {
            Bandwidth::Narrow => 4_000,
            Bandwidth::Medium => 6_000,
            Bandwidth::Wide => 8_000,
            Bandwidth::Superwide => 12_000,
            Bandwidth::Full => 20_000,
        }
    }
}

/// The bytes of a packet between what was read and the padding.
struct Reader<'a> {
    payload: &'a [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn malformed(&self, at: usize) -> DecodeError {
        DecodeError::Malformed {
            len: self.payload.len(),
            at,
        }
    }

    fn left(&self) -> usize {
        self.end - self.at
    }

    fn octet(&mut self) -> Result<u8, DecodeError> {
        if self.at == self.end {
            return Err(self.malformed(self.at));
        }
        self.at += 1;
        Ok(self.payload[self.at - 1])
    }

    /// RFC 6716 §3.2.1.
    fn length(&mut self) -> Result<usize, DecodeError> {
        Ok(match usize::from(self.octet()?) {
            short @ 0..=251 => short,
            low => low + 4 * usize::from(self.octet()?),
        })
    }

    /// R3 and R6: what is left divides into frames of one length.
    fn equal_frames(&self, frames: usize) -> Result<usize, DecodeError> {
        if self.left().is_multiple_of(frames) {
            Ok(self.left() / frames)
        } else {
            Err(self.malformed(self.at))
        }
    }

    /// R4 and R7: all lengths but the last are written and fit; the last frame
    /// is what they leave. Returns the first.
    fn first_of_lengths(&mut self, frames: u8) -> Result<usize, DecodeError> {
        let (mut first, mut sum) = (None, 0);
        for _ in 1..frames {
            let at = self.at;
            let length = self.length()?;
            sum += length;
            if sum > self.left() {
                return Err(self.malformed(at));
            }
            first.get_or_insert(length);
        }
        let last = self.left() - sum;
        // R2: no frame exceeds 1,275 bytes, written or implied.
        if last > MAX_FRAME {
            return Err(self.malformed(self.at + sum));
        }
        Ok(first.unwrap_or(last))
    }

    /// RFC 6716 §3.2.5: a count of frames, with padding or without.
    fn any_number(&mut self, toc: Toc) -> Result<(u8, usize), DecodeError> {
        let at = self.at;
        let what = self.octet()?;
        let frames = what & 0x3f;
        // R5: at least one frame, at most 120 ms.
        if frames == 0 || toc.frame_duration() * u32::from(frames) > MAX_DURATION {
            return Err(self.malformed(at));
        }
        if what & 0x40 != 0 {
            self.trim_padding()?;
        }
        let first = if what & 0x80 == 0 {
            self.equal_frames(usize::from(frames))?
        } else {
            self.first_of_lengths(frames)?
        };
        Ok((frames, first))
    }

    fn trim_padding(&mut self) -> Result<(), DecodeError> {
        loop {
            let at = self.at;
            let said = usize::from(self.octet()?);
            let padding = said.min(254);
            if padding > self.left() {
                return Err(self.malformed(at));
            }
            self.end -= padding;
            if said < 255 {
                return Ok(());
            }
        }
    }
}

/// RFC 6716 §3.4, R2, in bytes.
const MAX_FRAME: usize = 1_275;

/// RFC 6716 §3.4, R5.
const MAX_DURATION: Duration = Duration::from_millis(120);

#[cfg(test)]
mod tests;
