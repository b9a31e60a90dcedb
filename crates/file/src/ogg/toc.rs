//! How long an Opus packet lasts: its first two bytes (RFC 6716 §3.1, §3.2).
//!
//! In: a packet. Out: samples at 48 kHz, and packets that stand for gaps. The
//! frames inside are not looked at.

/// Samples at 48 kHz that an Opus packet decodes to.
///
/// `None` where there is no such packet: it is empty, says that it has no frames,
/// or more than 120 ms of them (RFC 6716 §3.4, R1 and R5).
///
/// ```
/// use talkpath_file::ogg::packet_samples;
/// assert_eq!(packet_samples(&[0xf8, 0xff, 0xfe]), Some(960)); // 20 ms of silence
/// assert_eq!(packet_samples(&[]), None);
/// ```
#[must_use]
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    let samples = frames * frame_samples(toc >> 3);
    (1..=MAX_SAMPLES).contains(&samples).then_some(samples)
}

/// Samples of one frame, by the configuration number of RFC 6716 §3.1, table 2.
fn frame_samples(config: u8) -> u32 {
    let step = u32::from(config & 3);
    match config {
        0..=11 => [480, 960, 1_920, 2_880][step as usize],
        12..=15 => [480, 960][(step & 1) as usize],
        _ => 120 << step,
    }
}

/// A packet for at most `samples` of a gap, and how many it takes.
///
/// Each of its frames is one of CELT, of a length that `samples` allows.
/// RFC 7845 §4.1: empty frames ask for concealment. Frames with the silence flag
/// set are silence in any decoder.
pub(super) fn gap_packet(fill: GapFill, channels: u8, samples: u64) -> Option<(GapPacket, u32)> {
    let step = (0..4).rev().find(|step| samples >= 120 << step)?;
    let frame = 120u32 << step;
    // With one length of frame, at most 120 ms.
    let frames = (samples / u64::from(frame)).min(u64::from(MAX_SAMPLES / frame)) as u8;
    let stereo = if channels == 2 { 4 } else { 0 };
    let mut packet = GapPacket {
        bytes: [0; 2 + 2 * 48],
        len: 2,
    };
    // Code 3: any number of frames, all of the same length.
    packet.bytes[0] = CELT_FULLBAND | (step << 3) | stereo | 3;
    packet.bytes[1] = frames;
    if fill == GapFill::Silence {
        packet.len += 2 * usize::from(frames);
        for frame in packet.bytes[2..packet.len].chunks_exact_mut(2) {
            frame.copy_from_slice(&[0xff, 0xfe]);
        }
    }
    Some((packet, u32::from(frames) * frame))
}

/// What stands in for sound that never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GapFill {
    Conceal,
    Silence,
}

/// Up to 48 frames of 2.5 ms.
pub(super) struct GapPacket {
    bytes: [u8; 2 + 2 * 48],
    len: usize,
}

impl GapPacket {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Configuration 28, frames of 2.5 ms; the next three double them.
const CELT_FULLBAND: u8 = 28 << 3;
const MAX_SAMPLES: u32 = 5_760;

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6716 §3.1, table 2: each configuration with one frame.
    #[test]
    fn each_configuration_has_its_length() {
        let lengths = (0..32u8).map(|config| packet_samples(&[config << 3]));
        let tenths = lengths.map(|samples| samples.unwrap() / 12);
        let silk = [40, 80, 160, 240].repeat(3);
        let (hybrid, celt) = ([40, 80].repeat(2), [10, 20, 40, 80].repeat(4));
        assert_eq!(tenths.collect::<Vec<_>>(), [silk, hybrid, celt].concat());
    }

    #[test]
    fn frames_are_counted_and_limited_to_120_ms() {
        assert_eq!(packet_samples(&[0x01]), Some(960));
        assert_eq!(packet_samples(&[0x02]), Some(960));
        assert_eq!(packet_samples(&[0x03]), None);
        assert_eq!(packet_samples(&[0x03, 0]), None);
        assert_eq!(packet_samples(&[0x03, 12]), Some(5_760));
        assert_eq!(packet_samples(&[0x03, 13]), None);
        assert_eq!(packet_samples(&[0x03, 0xc0 | 2]), Some(960));
    }

    #[test]
    fn packets_for_a_gap_last_as_long_as_they_say() {
        for samples in (120..20_000).step_by(120) {
            for channels in [1, 2] {
                for fill in [GapFill::Conceal, GapFill::Silence] {
                    let (packet, taken) = gap_packet(fill, channels, samples).unwrap();
                    assert_eq!(packet_samples(packet.bytes()), Some(taken));
                    assert!(u64::from(taken) <= samples);
                }
            }
        }
        assert!(gap_packet(GapFill::Silence, 1, 119).is_none());
    }
}
