//! The `m=` line: what is carried, where, over what, in which formats.
//!
//! RFC 8866 §5.14. Blanks may repeat, formats may be missing; media, port and
//! protocol may not.

use core::fmt;

use crate::token::{small, split_at_byte, split_word, token, visible, words};

/// An `m=` line, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MediaLine<'a> {
    /// What is carried.
    pub kind: MediaKind<'a>,
    /// The (first) RTP port; 0 disables the slot.
    pub port: u16,
    /// The number after `/`, if any.
    pub port_count: Option<u16>,
    /// The transport protocol.
    pub protocol: Protocol<'a>,
    /// The formats, separated by blanks, as written.
    pub formats: &'a [u8],
}

impl<'a> MediaLine<'a> {
    /// Reads the value of an `m=` line.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (kind, rest) = split_word(value);
        let (port, rest) = split_word(rest);
        let (protocol, formats) = split_word(rest);
        let (port, port_count) = match split_at_byte(port, b'/') {
            Some((port, count)) => (port, Some(small(count)?)),
            None => (port, None),
        };
        Some(MediaLine {
            kind: MediaKind::from_token(token(kind)?),
            port: small(port)?,
            port_count,
            protocol: Protocol::from_str(visible(protocol)?),
            formats,
        })
    }

    /// The formats one by one.
    pub fn formats(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        words(self.formats)
    }
}

/// What an m-line carries (RFC 8866 §8.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaKind<'a> {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `text` (RFC 4103)
    Text,
    /// `image` (T.38)
    Image,
    /// `application`
    Application,
    /// `message` (RFC 4975)
    Message,
    /// Another token, as written.
    Other(&'a str),
}

impl<'a> MediaKind<'a> {
    fn from_token(token: &'a str) -> Self {
        match token {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            "text" => MediaKind::Text,
            "image" => MediaKind::Image,
            "application" => MediaKind::Application,
            "message" => MediaKind::Message,
            other => MediaKind::Other(other),
        }
    }

    /// The token.
    pub fn as_str(self) -> &'a str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
            MediaKind::Text => "text",
            MediaKind::Image => "image",
            MediaKind::Application => "application",
            MediaKind::Message => "message",
            MediaKind::Other(token) => token,
        }
    }
}

impl fmt::Display for MediaKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The transport protocol of an m-line (RFC 8866 §8.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol<'a> {
    /// `RTP/AVP` (RFC 3551)
    RtpAvp,
    /// `RTP/AVPF` (RFC 4585)
    RtpAvpf,
    /// `RTP/SAVP` (RFC 3711)
    RtpSavp,
    /// `RTP/SAVPF` (RFC 5124)
    RtpSavpf,
    /// `UDP/TLS/RTP/SAVP` (RFC 5764)
    DtlsSavp,
    /// `UDP/TLS/RTP/SAVPF` (RFC 5764)
    DtlsSavpf,
    /// `udptl` (T.38)
    Udptl,
    /// Another protocol, as written.
    Other(&'a str),
}

impl<'a> Protocol<'a> {
    fn from_str(text: &'a str) -> Self {
        match text {
            "RTP/AVP" => Protocol::RtpAvp,
            "RTP/AVPF" => Protocol::RtpAvpf,
            "RTP/SAVP" => Protocol::RtpSavp,
            "RTP/SAVPF" => Protocol::RtpSavpf,
            "UDP/TLS/RTP/SAVP" => Protocol::DtlsSavp,
            "UDP/TLS/RTP/SAVPF" => Protocol::DtlsSavpf,
            "udptl" => Protocol::Udptl,
            other => Protocol::Other(other),
        }
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        match self {
            Protocol::RtpAvp => "RTP/AVP",
            Protocol::RtpAvpf => "RTP/AVPF",
            Protocol::RtpSavp => "RTP/SAVP",
            Protocol::RtpSavpf => "RTP/SAVPF",
            Protocol::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Protocol::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
            Protocol::Udptl => "udptl",
            Protocol::Other(text) => text,
        }
    }

    /// Whether formats are RTP payload types.
    pub fn is_rtp(self) -> bool {
        match self {
            Protocol::Udptl => false,
            // TCP/RTP/AVP, TCP/TLS/RTP/SAVPF, RTP/AVP-like ones to come.
            Protocol::Other(text) => text.split('/').any(|part| part == "RTP"),
            _ => true,
        }
    }

    /// Whether the profile is a secure one: SAVP or SAVPF.
    pub fn is_secure(self) -> bool {
        match self {
            Protocol::RtpSavp | Protocol::RtpSavpf => true,
            Protocol::DtlsSavp | Protocol::DtlsSavpf => true,
            Protocol::Other(text) => self.is_rtp() && text.contains("/SAVP"),
            _ => false,
        }
    }

    /// Whether the profile has early feedback: AVPF or SAVPF (RFC 4585).
    pub fn has_feedback(self) -> bool {
        self.is_rtp() && self.as_str().ends_with("AVPF")
    }
}

impl fmt::Display for Protocol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
