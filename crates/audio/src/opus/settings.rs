//! How an encoder is set for a peer: `fmtp` of RFC 7587 §6.1 into settings.
//!
//! In: the shape of our PCM and what the peer says that it receives. Out: bit
//! rate, bandwidth, channels, rate control, redundancy and silence. What a peer
//! says only limits: nothing that it says raises a bit rate over our own choice.
//! Values that the RFC does not know are passed over. Left out: `sprop-` and the
//! packet times, which are negotiation's.

use crate::codec::Parameters;
use crate::opus::packet::Bandwidth;

/// What an encoder is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Bits per second, on average.
    pub(super) bitrate: u32,
    /// The same while packets repeat what was in the one before: redundancy is
    /// paid for on top, as far as the peer takes it, not out of the quality.
    pub(super) redundant_bitrate: u32,
    pub(super) max_bandwidth: Bandwidth,
    pub(super) channels: Sent,
    pub(super) rate_control: RateControl,
    pub(super) redundancy: Redundancy,
    pub(super) silence: Silence,
}

/// How many channels the packets hold, of a signal that has one or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// One, whatever the signal has.
    Mono,
    /// One or two, as the encoder finds worth its bits.
    AsFits,
}

/// Whether packets of one duration are all of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RateControl {
    /// They are: `cbr=1`.
    Constant,
    /// They follow the signal.
    Variable,
}

/// Whether packets repeat what was in the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redundancy {
    /// Never.
    Off,
    /// As far as losses make it worth it: `useinbandfec=1`.
    InBand,
}

/// What becomes of silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It is sent as all else.
    Sent,
    /// It is left out but for a packet every 400 ms: `usedtx=1`.
    LeftOut,
}

impl Settings {
    /// For PCM of `rate` hertz and `channels` channels to a peer that said `peer`.
    pub(super) fn agreed(rate: u32, channels: u8, peer: Parameters<'_>) -> Self {
        let said = |name| peer.number(name) == Some(1);
        let playback = peer.number("maxplaybackrate").unwrap_or(48_000);
        let max_bandwidth = widest_within(playback);
        let sent = if channels == 2 && said("stereo") {
            Sent::AsFits
        } else {
            Sent::Mono
        };
        // RFC 7587 §6.1: values outside of 6,000 to 510,000 are to be ignored.
        let limit = peer.number("maxaveragebitrate");
        let limit = limit.filter(|bits| (6_000..=510_000).contains(bits));
        let limit = limit.unwrap_or(510_000);
        let wanted = default_bitrate(max_bandwidth.min(widest_within(rate)), sent);
        Self {
            bitrate: wanted.min(limit),
            redundant_bitrate: (wanted + wanted / 4).min(limit),
            max_bandwidth,
            channels: sent,
            rate_control: match said("cbr") {
                true => RateControl::Constant,
                false => RateControl::Variable,
            },
            redundancy: match said("useinbandfec") {
                true => Redundancy::InBand,
                false => Redundancy::Off,
            },
            silence: match said("usedtx") {
                true => Silence::LeftOut,
                false => Silence::Sent,
            },
        }
    }
}

/// The widest bandwidth that playback at `rate` hertz can still be heard with.
fn widest_within(rate: u32) -> Bandwidth {
    use Bandwidth::{Full, Medium, Narrow, Superwide, Wide};
    let wider = [Full, Superwide, Wide, Medium];
    let mut fitting = wider.into_iter().filter(|band| 2 * band.hz() <= rate);
    fitting.next().unwrap_or(Narrow)
}

/// More than RFC 7587 §3.1.1 calls good for speech: wide-band gains 0.4 PESQ by
/// 32 instead of 24 kb/s, which is little beside the 16 kb/s of the headers.
fn default_bitrate(bandwidth: Bandwidth, sent: Sent) -> u32 {
    let mono = match bandwidth {
        Bandwidth::Narrow => 24_000,
        Bandwidth::Medium => 28_000,
        Bandwidth::Wide | Bandwidth::Superwide | Bandwidth::Full => 32_000,
    };
    match sent {
        Sent::Mono => mono,
        Sent::AsFits => 2 * mono,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(channels: u8, fmtp: &str) -> Settings {
        Settings::agreed(48_000, channels, Parameters::new(fmtp.as_bytes()))
    }

    // RFC 7587 §6.1: the defaults are full band, mono, variable, without
    // redundancy, without discontinuous transmission.
    #[test]
    fn a_peer_that_says_nothing_gets_the_defaults_of_the_rfc() {
        for channels in [1, 2] {
            let settings = Settings {
                bitrate: 32_000,
                redundant_bitrate: 40_000,
                max_bandwidth: Bandwidth::Full,
                channels: Sent::Mono,
                rate_control: RateControl::Variable,
                redundancy: Redundancy::Off,
                silence: Silence::Sent,
            };
            assert_eq!(agreed(channels, ""), settings);
            assert_eq!(
                agreed(channels, "cbr=0;stereo=0;useinbandfec=0;usedtx=0"),
                settings
            );
            assert_eq!(agreed(channels, "cbr=2;stereo=yes;useinbandfec"), settings);
        }
    }

    #[test]
    fn each_wish_of_the_peer_changes_its_own_setting() {
        assert_eq!(agreed(1, "cbr=1").rate_control, RateControl::Constant);
        assert_eq!(agreed(1, "useinbandfec=1").redundancy, Redundancy::InBand);
        assert_eq!(agreed(1, "usedtx=1").silence, Silence::LeftOut);
        assert_eq!(agreed(1, "stereo=1").channels, Sent::Mono);
        assert_eq!(agreed(2, "stereo=1").channels, Sent::AsFits);
        assert_eq!(agreed(2, "sprop-stereo=1").channels, Sent::Mono);
    }

    // RFC 7587 §3.1.1 and §6.1, maxplaybackrate.
    #[test]
    fn the_playback_rate_limits_the_bandwidth_and_with_it_the_bits() {
        let table = [
            (8_000, Bandwidth::Narrow, 24_000),
            (12_000, Bandwidth::Medium, 28_000),
            (16_000, Bandwidth::Wide, 32_000),
            (24_000, Bandwidth::Superwide, 32_000),
            (44_100, Bandwidth::Full, 32_000),
            (48_000, Bandwidth::Full, 32_000),
            (11_025, Bandwidth::Narrow, 24_000),
            (1, Bandwidth::Narrow, 24_000),
            (u32::MAX, Bandwidth::Full, 32_000),
        ];
        for (playback, bandwidth, bitrate) in table {
            let settings = agreed(1, &format!("maxplaybackrate={playback}"));
            assert_eq!(
                (settings.max_bandwidth, settings.bitrate),
                (bandwidth, bitrate)
            );
        }
        let narrow = Settings::agreed(8_000, 1, Parameters::NONE);
        assert_eq!(
            (narrow.max_bandwidth, narrow.bitrate),
            (Bandwidth::Full, 24_000)
        );
    }

    #[test]
    fn the_average_bit_rate_is_a_limit_within_the_range_of_the_rfc() {
        let bitrate = |said: u32| agreed(1, &format!("maxaveragebitrate={said}")).bitrate;
        assert_eq!(
            [6_000, 20_000, 510_000].map(bitrate),
            [6_000, 20_000, 32_000]
        );
        assert_eq!([0, 5_999, 510_001].map(bitrate), [32_000; 3]);
        let limited = agreed(1, "maxaveragebitrate=36000");
        assert_eq!(
            (limited.bitrate, limited.redundant_bitrate),
            (32_000, 36_000)
        );
    }
}
