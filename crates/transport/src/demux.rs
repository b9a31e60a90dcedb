//! What a datagram is, by its first two bytes.
//!
//! In: a datagram. Out: its [`Class`], or that it is too short to have one.
//!
//! RFC 7983 §7 (first byte), RFC 5761 §4 (RTP and RTCP on one port). Leaves
//! out QUIC (RFC 9443), which no stream of ours negotiates, and every check
//! beyond the two bytes: the parser of each class does its own.

/// What a datagram claims to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// RTP: first byte 128..=191.
    Rtp,
    /// RTCP: the same, with packet type 192..=223.
    Rtcp,
    /// STUN: first byte 0..=3.
    Stun,
    /// DTLS: first byte 20..=63.
    Dtls,
    /// TURN channel data: first byte 64..=79.
    Turn,
    /// ZRTP: first byte 16..=19.
    Zrtp,
    /// None of these.
    Unknown,
}

/// The class of `datagram`; `None` when it has fewer than two bytes, or four
/// for RTCP (its header), and so cannot be anything.
///
/// ```
/// use talkpath_transport::{Class, classify};
/// assert_eq!(classify(&[0x80, 0x00]), Some(Class::Rtp));
/// assert_eq!(classify(&[0x81, 201, 0, 7]), Some(Class::Rtcp));
/// assert_eq!(classify(&[0x80]), None);
/// ```
pub fn classify(datagram: &[u8]) -> Option<Class> {
    let [first, second, ..] = *datagram else {
        return None;
    };
    // RFC 7983 §7.
    Some(match first {
        0..=3 => Class::Stun,
        16..=19 => Class::Zrtp,
        20..=63 => Class::Dtls,
        64..=79 => Class::Turn,
        // RFC 5761 §4: RTCP packet types are 192..=223, which RTP reaches
        // only with the payload types 64..=95 and the marker.
        128..=191 if !matches!(second, 192..=223) => Class::Rtp,
        128..=191 if datagram.len() < 4 => return None,
        128..=191 => Class::Rtcp,
        _ => Class::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_decides_as_rfc_7983_draws_it() {
        for first in 0..=255u8 {
            let expected = match first {
                0..=3 => Class::Stun,
                16..=19 => Class::Zrtp,
                20..=63 => Class::Dtls,
                64..=79 => Class::Turn,
                128..=191 => Class::Rtp,
                _ => Class::Unknown,
            };
            assert_eq!(classify(&[first, 0, 0, 0]), Some(expected), "{first}");
        }
    }

    #[test]
    fn packet_types_192_to_223_are_rtcp() {
        for second in 0..=255u8 {
            let expected = if (192..=223).contains(&second) {
                Class::Rtcp
            } else {
                Class::Rtp
            };
            assert_eq!(classify(&[0x80, second, 0, 0]), Some(expected), "{second}");
        }
    }

    #[test]
    fn a_marker_on_ordinary_payload_types_stays_rtp() {
        for pt in (0..64u8).chain(96..=127) {
            assert_eq!(classify(&[0x80, 0x80 | pt, 0, 0]), Some(Class::Rtp), "{pt}");
        }
    }

    #[test]
    fn shorter_than_a_header_has_no_class() {
        assert_eq!(classify(&[]), None);
        assert_eq!(classify(&[0x80]), None);
        assert_eq!(classify(&[0x80, 200, 0]), None);
    }
}
