//! Report blocks: what one receiver says about one source.
//!
//! In and out: the 24 bytes behind SR and RR. RFC 3550 §6.4.1. How the
//! numbers are computed is the business of whoever receives the source.

use crate::Ssrc;

/// A report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlock {
    /// The source this block is about.
    pub ssrc: Ssrc,
    /// Packets lost since the previous report, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative with duplicates. 24 bits on
    /// the wire: writing clamps to −8388608..=8388607.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received, the low 32 bits.
    pub highest_seq: u32,
    /// Interarrival jitter, in ticks of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last SR, 0 when there was none.
    pub last_sr: u32,
    /// Time since that SR, in 1/65536 s, 0 when there was none.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    /// Bytes of a block on the wire.
    pub const LEN: usize = 24;

    /// Reads the 24 bytes of a block.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let word = |at: usize| words.get(at).map_or(0, |w| u32::from_be_bytes(*w));
        ReportBlock {
            ssrc: Ssrc::new(word(0)),
            fraction_lost: bytes[4],
            cumulative_lost: (word(1) << 8) as i32 >> 8,
            highest_seq: word(2),
            jitter: word(3),
            last_sr: word(4),
            delay_since_last_sr: word(5),
        }
    }

    /// The 24 bytes of this block.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        // RFC 3550 A.3: the 24-bit field clamps, it does not wrap.
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        let words = [
            self.ssrc.value(),
            (u32::from(self.fraction_lost) << 24) | lost,
            self.highest_seq,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ];
        let mut bytes = [0; Self::LEN];
        for (to, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *to = word.to_be_bytes();
        }
        bytes
    }
}
