//! One media section: its `m=` line, and attributes with the session's behind.
//!
//! What RFC 8866 lets the session section say for every medium (`c=`, the
//! direction, and attributes of both levels) is looked up here, the medium's
//! own word first. Formats join `rtpmap`, `fmtp` and the static table of
//! RFC 3551 §6.

use core::ops::Deref;

use talkpath_wire::{Format, PayloadType};

use crate::attribute::{Attribute, Fmtp, MaxPtime, Ptime, Rtcp, RtpMap};
use crate::connection::Connection;
use crate::direction::Direction;
use crate::media_line::{MediaKind, MediaLine, Protocol};
use crate::section::{Line, Section};
use crate::static_payload::static_format;

/// One m-line and the lines that belong to it.
///
/// Dereferences to its [`Section`], which answers for this medium alone.
///
/// ```
/// use talkpath_sdp::SessionDescription;
/// use talkpath_wire::{Format, PayloadType};
///
/// let text = "v=0\r\nm=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n";
/// let description = SessionDescription::parse(text)?;
/// let audio = description.media_at(0).expect("one m-line");
/// let formats: Vec<_> = audio.payload_types().filter_map(|n| audio.format(n)).collect();
/// assert_eq!(formats[0], Format::new("PCMU", 8000));
/// assert_eq!(formats[1], Format::new("opus", 48000).with_channels(2));
/// # Ok::<(), talkpath_sdp::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    section: Section<'a>,
    index: usize,
    line: MediaLine<'a>,
}

impl<'a> Media<'a> {
    pub(crate) fn new(section: Section<'a>, index: usize) -> Self {
        let value = Line {
            description: section.description,
            index: section.first,
        }
        .value();
        let line = MediaLine::parse(value).expect("m= lines are checked when parsed");
        Media {
            section,
            index,
            line,
        }
    }

    /// The m-line index, from 0: the identity of a stream in RFC 3264.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The `m=` line itself, for editing.
    pub fn line(&self) -> Line<'a> {
        Line {
            description: self.section.description,
            index: self.section.first,
        }
    }

    /// The `m=` line, read.
    pub fn media_line(&self) -> MediaLine<'a> {
        self.line
    }

    /// This medium's lines.
    pub fn section(&self) -> Section<'a> {
        self.section
    }

    /// What is carried: audio, video, …
    pub fn kind(&self) -> MediaKind<'a> {
        self.line.kind
    }

    /// The RTP port; 0 is a refused or disabled slot (RFC 3264 §5.1, §6).
    pub fn port(&self) -> u16 {
        self.line.port
    }

    /// The number of ports, 1 when the line is silent.
    pub fn port_count(&self) -> u16 {
        self.line.port_count.unwrap_or(1)
    }

    /// The transport protocol.
    pub fn protocol(&self) -> Protocol<'a> {
        self.line.protocol
    }

    /// The formats as written, in the order of preference.
    pub fn formats(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.line.formats()
    }

    /// The formats that are payload types, in order; others are left out.
    pub fn payload_types(&self) -> impl Iterator<Item = PayloadType> + Clone + use<'a> {
        self.formats().filter_map(payload_type)
    }

    /// What `payload_type` means here: the first `rtpmap`, else RFC 3551 §6;
    /// with the parameters of the first `fmtp`.
    pub fn format(&self, payload_type: PayloadType) -> Option<Format> {
        let format = match self.rtpmap(payload_type) {
            Some(map) => map.to_format(),
            None => static_format(payload_type)?,
        };
        Some(match self.fmtp(payload_type) {
            Some(fmtp) => format.with_fmtp(fmtp.parameters),
            None => format,
        })
    }

    /// The first `a=rtpmap` of `payload_type`.
    pub fn rtpmap(&self, payload_type: PayloadType) -> Option<RtpMap<'a>> {
        self.all::<RtpMap<'a>>()
            .find(|map| map.payload_type == payload_type)
    }

    /// The first `a=fmtp` of `payload_type`.
    pub fn fmtp(&self, payload_type: PayloadType) -> Option<Fmtp<'a>> {
        self.all::<Fmtp<'a>>()
            .find(|fmtp| fmtp.payload_type() == Some(payload_type))
    }

    /// The address of this medium: its own `c=` line, else the session's.
    ///
    /// `None` when there is none, or when the one that counts cannot be read.
    pub fn connection(&self) -> Option<Connection<'a>> {
        match self.first(b'c') {
            Some(line) => Connection::parse(line.value()),
            None => self.section.description.session().own_connection(),
        }
    }

    /// The direction: the medium's, else the session's, else `sendrecv`
    /// (RFC 8866 §6.7).
    pub fn direction(&self) -> Direction {
        self.own_direction()
            .or_else(|| self.section.description.session().own_direction())
            .unwrap_or_default()
    }

    /// Milliseconds of media per packet that the peer would like
    /// (RFC 8866 §6.4).
    pub fn ptime(&self) -> Option<Ptime> {
        self.inherited()
    }

    /// Most milliseconds of media per packet (RFC 8866 §6.5).
    pub fn maxptime(&self) -> Option<MaxPtime> {
        self.inherited()
    }

    /// The port and address of RTCP when they are not RTP's plus one
    /// (RFC 3605).
    pub fn rtcp(&self) -> Option<Rtcp<'a>> {
        self.typed()
    }

    /// The first `A` of this medium, else of the session: for attributes that
    /// are allowed at both levels (fingerprint, setup, ICE, ptime, …).
    pub fn inherited<A: Attribute<'a>>(&self) -> Option<A> {
        self.typed()
            .or_else(|| self.section.description.session().typed())
    }
}

impl<'a> Deref for Media<'a> {
    type Target = Section<'a>;

    fn deref(&self) -> &Section<'a> {
        &self.section
    }
}

/// The payload type that the format `token` names, if it is one.
pub(crate) fn payload_type(token: &[u8]) -> Option<PayloadType> {
    PayloadType::new(crate::token::small(token)?).ok()
}
