//! XR: extended reports, and in them what a receiver says of speech.
//!
//! In: the raw packet 207. Out: its report blocks, the VoIP metrics block read
//! into numbers with units; and a writer of that block. Blocks of other types
//! come out unread. RFC 3611 §2, §3 (framing), §4.7 (VoIP metrics).
//!
//! "Unavailable", 127 in each of several fields, is `None` here.

use super::writer::{Cursor, RtcpWriteError, WriteRtcp};
use super::{RTCP_HEADER_LEN, RawPacket, RtcpError, RtcpType};
use crate::Ssrc;

/// An XR packet, borrowed and validated.
///
/// ```
/// use talkpath_wire::Ssrc;
/// use talkpath_wire::rtcp::{
///     Compound, CompoundMode, RtcpPacket, VoipMetrics, VoipMetricsWriter, WriteRtcp,
/// };
/// let metrics = VoipMetrics { r_factor: Some(93), ..VoipMetrics::of(Ssrc::new(7)) };
/// let mut bytes = [0; VoipMetricsWriter::LEN];
/// VoipMetricsWriter { ssrc: Ssrc::new(1), metrics }.write_into(&mut bytes)?;
/// for packet in Compound::parse(&bytes, CompoundMode::ReducedSize)? {
///     let RtcpPacket::ExtendedReport(xr) = packet? else { unreachable!() };
///     assert_eq!(xr.voip_metrics().next(), Some(metrics));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ExtendedReport<'a> {
    ssrc: &'a [u8; 4],
    blocks: &'a [u8],
}

/// One report block of an XR packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XrBlock<'a> {
    /// The block type, such as [`VoipMetrics::BLOCK_TYPE`].
    pub kind: u8,
    /// The byte after it, whose meaning depends on the type.
    pub specific: u8,
    /// What follows the block's header.
    pub body: &'a [u8],
}

impl<'a> ExtendedReport<'a> {
    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let split = raw.body().split_first_chunk();
        let (ssrc, blocks) = split.ok_or_else(|| raw.short_body(4))?;
        let mut rest = blocks;
        while !rest.is_empty() {
            let consumed = raw.body().len() - rest.len();
            let split = split_block(rest);
            (_, rest) = split.map_err(|needed| raw.short_body(consumed + needed))?;
        }
        Ok(ExtendedReport { ssrc, blocks })
    }

    /// Who reports.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc::new(u32::from_be_bytes(*self.ssrc))
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = XrBlock<'a>> + use<'a> {
        let mut rest = self.blocks;
        core::iter::from_fn(move || {
            let (block, next) = split_block(rest).ok()?;
            rest = next;
            Some(block)
        })
    }

    /// The VoIP metrics among them; one whose length is not the standard's is
    /// passed over (RFC 3611 §4.7: the length is 8).
    pub fn voip_metrics(&self) -> impl Iterator<Item = VoipMetrics> + use<'a> {
        self.blocks().filter_map(|block| {
            let body = block.body.try_into().ok()?;
            (block.kind == VoipMetrics::BLOCK_TYPE).then(|| VoipMetrics::from_bytes(body))
        })
    }
}

/// Takes a block off the front, or says how many bytes it would need.
fn split_block(bytes: &[u8]) -> Result<(XrBlock<'_>, &[u8]), usize> {
    let Some((&[kind, specific, l0, l1], rest)) = bytes.split_first_chunk() else {
        return Err(BLOCK_HEADER_LEN);
    };
    // RFC 3611 §3: the length counts 32-bit words after the header.
    let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
    let split = rest.split_at_checked(length);
    let (body, next) = split.ok_or(BLOCK_HEADER_LEN + length)?;
    let block = XrBlock {
        kind,
        specific,
        body,
    };
    Ok((block, next))
}

/// What a receiver says of the speech of one source (RFC 3611 §4.7).
///
/// Shares are in 1/256, durations and delays in milliseconds, levels in dBm0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoipMetrics {
    /// The source this is about.
    pub ssrc: Ssrc,
    /// Share of packets lost since the beginning.
    pub loss_rate: u8,
    /// Share of packets discarded since the beginning: too late or too early.
    pub discard_rate: u8,
    /// Share of packets lost or discarded within bursts.
    pub burst_density: u8,
    /// Share of packets lost or discarded within gaps.
    pub gap_density: u8,
    /// Mean length of a burst.
    pub burst_duration: u16,
    /// Mean length of a gap.
    pub gap_duration: u16,
    /// Round trip between the RTP interfaces, 0 while unknown.
    pub round_trip_delay: u16,
    /// What the reporter adds: encoding, decoding, jitter buffer.
    pub end_system_delay: u16,
    /// Level of the speech.
    pub signal_level: Option<i8>,
    /// Level of the noise in its pauses.
    pub noise_level: Option<i8>,
    /// Residual echo return loss, in dB.
    pub echo_return_loss: Option<u8>,
    /// Packets in a row that end a burst; 16 is recommended.
    pub gmin: u8,
    /// Transmission rating of this leg, 0..=100.
    pub r_factor: Option<u8>,
    /// Transmission rating of the leg beyond, 0..=100.
    pub external_r_factor: Option<u8>,
    /// Opinion of listening, in tenths, 10..=50.
    pub mos_listening: Option<u8>,
    /// Opinion of conversing, in tenths, 10..=50.
    pub mos_conversing: Option<u8>,
    /// How losses are concealed and jitter is buffered.
    pub receiver: ReceiverConfig,
    /// What the jitter buffer adds now.
    pub jitter_buffer: u16,
    /// What it has to add for the largest jitter seen.
    pub jitter_buffer_maximum: u16,
    /// What it can add at most.
    pub jitter_buffer_limit: u16,
}

/// The receiver configuration byte (RFC 3611 §4.7.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReceiverConfig {
    /// How losses are concealed.
    pub concealment: LossConcealment,
    /// Whether the jitter buffer adapts.
    pub jitter_buffer: JitterBuffer,
    /// How fast it adapts, 0..=15: in 2 × this × packet time.
    pub rate: u8,
}

/// Packet loss concealment (RFC 3611 §4.7.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LossConcealment {
    /// Not said.
    #[default]
    Unspecified,
    /// Silence stands for what is lost.
    Disabled,
    /// Better than the codec's simple one.
    Enhanced,
    /// By repetition or the like.
    Standard,
}

/// Jitter buffer adaptation (RFC 3611 §4.7.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JitterBuffer {
    /// Not known.
    #[default]
    Unknown,
    /// Of fixed size.
    Fixed,
    /// Of a size that follows the jitter.
    Adaptive,
}

impl VoipMetrics {
    /// The block type (RFC 3611 §4.7).
    pub const BLOCK_TYPE: u8 = 7;
    /// Bytes of the block behind its header.
    pub const LEN: usize = 32;

    /// Metrics of `ssrc` with nothing known.
    pub const fn of(ssrc: Ssrc) -> Self {
        VoipMetrics {
            ssrc,
            loss_rate: 0,
            discard_rate: 0,
            burst_density: 0,
            gap_density: 0,
            burst_duration: 0,
            gap_duration: 0,
            round_trip_delay: 0,
            end_system_delay: 0,
            signal_level: None,
            noise_level: None,
            echo_return_loss: None,
            gmin: 16,
            r_factor: None,
            external_r_factor: None,
            mos_listening: None,
            mos_conversing: None,
            receiver: ReceiverConfig {
                concealment: LossConcealment::Unspecified,
                jitter_buffer: JitterBuffer::Unknown,
                rate: 0,
            },
            jitter_buffer: 0,
            jitter_buffer_maximum: 0,
            jitter_buffer_limit: 0,
        }
    }

    /// Reads what follows the block's header.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        let halves = |at: usize| {
            let [a, b, c, d] = word(at);
            (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        };
        let [loss_rate, discard_rate, burst_density, gap_density] = word(1);
        let (burst_duration, gap_duration) = halves(2);
        let (round_trip_delay, end_system_delay) = halves(3);
        let [signal, noise, echo, gmin] = word(4);
        let [r, external_r, mos_lq, mos_cq] = word(5);
        let [config, ..] = word(6);
        let (_, jitter_buffer) = halves(6);
        let (jitter_buffer_maximum, jitter_buffer_limit) = halves(7);
        VoipMetrics {
            ssrc: Ssrc::new(u32::from_be_bytes(word(0))),
            loss_rate,
            discard_rate,
            burst_density,
            gap_density,
            burst_duration,
            gap_duration,
            round_trip_delay,
            end_system_delay,
            signal_level: available(signal).map(|level| level as i8),
            noise_level: available(noise).map(|level| level as i8),
            echo_return_loss: available(echo),
            gmin,
            r_factor: available(r),
            external_r_factor: available(external_r),
            mos_listening: available(mos_lq),
            mos_conversing: available(mos_cq),
            receiver: ReceiverConfig::from_byte(config),
            jitter_buffer,
            jitter_buffer_maximum,
            jitter_buffer_limit,
        }
    }

    /// What follows the block's header.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let halves = |a: u16, b: u16| {
            let ([a, b], [c, d]) = (a.to_be_bytes(), b.to_be_bytes());
            [a, b, c, d]
        };
        let level = |level: Option<i8>| level.map_or(UNAVAILABLE, |level| level as u8);
        let number = |number: Option<u8>| number.unwrap_or(UNAVAILABLE);
        let [nominal_high, nominal_low] = self.jitter_buffer.to_be_bytes();
        let words = [
            self.ssrc.value().to_be_bytes(),
            [
                self.loss_rate,
                self.discard_rate,
                self.burst_density,
                self.gap_density,
            ],
            halves(self.burst_duration, self.gap_duration),
            halves(self.round_trip_delay, self.end_system_delay),
            [
                level(self.signal_level),
                level(self.noise_level),
                number(self.echo_return_loss),
                self.gmin,
            ],
            [
                number(self.r_factor),
                number(self.external_r_factor),
                number(self.mos_listening),
                number(self.mos_conversing),
            ],
            [self.receiver.to_byte(), 0, nominal_high, nominal_low],
            halves(self.jitter_buffer_maximum, self.jitter_buffer_limit),
        ];
        let mut bytes = [0; Self::LEN];
        for (to, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *to = word;
        }
        bytes
    }
}

impl ReceiverConfig {
    fn from_byte(byte: u8) -> Self {
        ReceiverConfig {
            concealment: match byte >> 6 {
                0 => LossConcealment::Unspecified,
                1 => LossConcealment::Disabled,
                2 => LossConcealment::Enhanced,
                _ => LossConcealment::Standard,
            },
            jitter_buffer: match (byte >> 4) & 3 {
                2 => JitterBuffer::Fixed,
                3 => JitterBuffer::Adaptive,
                _ => JitterBuffer::Unknown,
            },
            rate: byte & 15,
        }
    }

    fn to_byte(self) -> u8 {
        let concealment = match self.concealment {
            LossConcealment::Unspecified => 0,
            LossConcealment::Disabled => 1,
            LossConcealment::Enhanced => 2,
            LossConcealment::Standard => 3,
        };
        let jitter_buffer = match self.jitter_buffer {
            JitterBuffer::Unknown => 0,
            JitterBuffer::Fixed => 2,
            JitterBuffer::Adaptive => 3,
        };
        concealment << 6 | jitter_buffer << 4 | self.rate.min(15)
    }
}

fn available(byte: u8) -> Option<u8> {
    (byte != UNAVAILABLE).then_some(byte)
}

/// Writes an XR packet with one VoIP metrics block.
#[derive(Clone, Copy, Debug)]
pub struct VoipMetricsWriter {
    /// Who reports.
    pub ssrc: Ssrc,
    /// What it reports.
    pub metrics: VoipMetrics,
}

impl VoipMetricsWriter {
    /// Bytes of the packet.
    pub const LEN: usize = RTCP_HEADER_LEN + 4 + BLOCK_HEADER_LEN + VoipMetrics::LEN;
}

impl WriteRtcp for VoipMetricsWriter {
    fn calculate_size(&self) -> usize {
        Self::LEN
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let mut cursor = Cursor::begin(out, RtcpType::EXTENDED_REPORT, 0, Self::LEN)?;
        cursor.put(self.ssrc.value().to_be_bytes());
        let [l0, l1] = ((VoipMetrics::LEN / 4) as u16).to_be_bytes();
        cursor.put([VoipMetrics::BLOCK_TYPE, 0, l0, l1]);
        cursor.put(self.metrics.to_bytes());
        Ok(Self::LEN)
    }
}

const BLOCK_HEADER_LEN: usize = 4;
/// What stands in a field that is not known (RFC 3611 §4.7.4, §4.7.5).
const UNAVAILABLE: u8 = 127;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::{Compound, CompoundMode, RtcpPacket};
    use super::*;
    use crate::testing::{Xorshift, bytes_of};
    use proptest::prelude::*;

    /// An XR of SSRC 42 with a receiver reference time (type 4) and a VoIP
    /// metrics block about SSRC 43, put together by hand from RFC 3611 §4.4
    /// and §4.7.
    const XR: &str = "80cf000d 0000002a
         04000002 e0000001 80000000
         07000008 0000002b 0d034010 00780190 00640050
         ec c4 7f 10  5d 7f 2c 2b  a5 00 0028  003c 01f4";

    fn report(bytes: &[u8]) -> ExtendedReport<'_> {
        let compound = Compound::parse(bytes, CompoundMode::ReducedSize).unwrap();
        match compound.packets().next().unwrap().unwrap() {
            RtcpPacket::ExtendedReport(report) => report,
            other => panic!("{other:?}"),
        }
    }

    fn example() -> VoipMetrics {
        VoipMetrics {
            ssrc: Ssrc::new(43),
            loss_rate: 13,
            discard_rate: 3,
            burst_density: 64,
            gap_density: 16,
            burst_duration: 120,
            gap_duration: 400,
            round_trip_delay: 100,
            end_system_delay: 80,
            signal_level: Some(-20),
            noise_level: Some(-60),
            echo_return_loss: None,
            gmin: 16,
            r_factor: Some(93),
            external_r_factor: None,
            mos_listening: Some(44),
            mos_conversing: Some(43),
            receiver: ReceiverConfig {
                concealment: LossConcealment::Enhanced,
                jitter_buffer: JitterBuffer::Fixed,
                rate: 5,
            },
            jitter_buffer: 40,
            jitter_buffer_maximum: 60,
            jitter_buffer_limit: 500,
        }
    }

    // RFC 3611 §4.7.
    #[test]
    fn reads_the_fields_where_the_standard_draws_them() {
        let bytes = bytes_of(XR);
        let report = report(&bytes);
        assert_eq!(report.ssrc(), Ssrc::new(42));
        let kinds: Vec<_> = report.blocks().map(|block| block.kind).collect();
        assert_eq!(kinds, [4, 7]);
        let metrics: Vec<_> = report.voip_metrics().collect();
        assert_eq!(metrics, [example()]);
    }

    #[test]
    fn writes_what_it_reads() {
        let mut bytes = [0xaa; VoipMetricsWriter::LEN];
        let writer = VoipMetricsWriter {
            ssrc: Ssrc::new(42),
            metrics: example(),
        };
        assert_eq!(writer.write_into(&mut bytes), Ok(44));
        let by_hand = bytes_of(XR);
        assert_eq!(bytes[8..], by_hand[20..]);
        assert_eq!(bytes[..4], [0x80, 207, 0, 10]);
        assert!(writer.write_into(&mut [0; 43]).is_err());
    }

    #[test]
    fn a_block_that_does_not_fit_is_refused_and_an_odd_length_passed_over() {
        let mut bytes = bytes_of(XR);
        bytes[23] = 9;
        let compound = Compound::parse(&bytes, CompoundMode::ReducedSize).unwrap();
        let error = compound.packets().next().unwrap().unwrap_err();
        let expected = RtcpError::Body {
            kind: RtcpType::EXTENDED_REPORT,
            expected: 56,
            actual: 52,
        };
        assert_eq!(error, expected);
        let mut bytes = bytes_of(XR);
        (bytes[3], bytes[23]) = (12, 7);
        bytes.truncate(52);
        assert_eq!(report(&bytes).voip_metrics().count(), 0);
        assert_eq!(report(&bytes).blocks().count(), 2);
    }

    #[test]
    fn twenty_thousand_mutations_are_survived() {
        let seed = bytes_of(XR);
        let mut chance = Xorshift::new(3611);
        let mut read = 0;
        for _ in 0..20_000 {
            let bytes = chance.mutate(&seed);
            let Ok(compound) = Compound::parse(&bytes, CompoundMode::ReducedSize) else {
                continue;
            };
            for packet in compound.packets() {
                if let Ok(RtcpPacket::ExtendedReport(report)) = packet {
                    let held: usize = report.blocks().map(|block| 4 + block.body.len()).sum();
                    assert!(held <= bytes.len());
                    read += report.voip_metrics().count();
                }
            }
        }
        assert!(read > 2_000, "{read}");
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(bytes in proptest::array::uniform32(any::<u8>())) {
            let metrics = VoipMetrics::from_bytes(&bytes);
            prop_assert_eq!(VoipMetrics::from_bytes(&metrics.to_bytes()), metrics);
        }
    }
}
