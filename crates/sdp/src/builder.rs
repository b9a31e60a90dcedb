//! Descriptions of our own, in the order RFC 8866 §5 wants, with CRLF.
//!
//! In: lines in any order within a section. Out: a [`SessionDescription`] with
//! the lines sorted by type (attributes and repeats stay in the order given).
//! `v=0`, `s=-` and `t=0 0` are written when not given.

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use crate::attribute::{Attribute, push};
use crate::bandwidth::Bandwidth;
use crate::connection::{AddressType, Connection};
use crate::description::SessionDescription;
use crate::direction::Direction;
use crate::error::ParseError;
use crate::media_line::{MediaKind, Protocol};

/// Writes a description line by line; [`media`](Self::media) begins a section.
///
/// ```
/// use talkpath_sdp::attribute::RtcpMux;
/// use talkpath_sdp::{Builder, Connection, Direction, MediaKind, Protocol};
///
/// let ip = "192.0.2.1".parse()?;
/// let mut builder = Builder::new("-", 1, 1, ip);
/// builder.connection(&Connection::new(ip));
/// builder.media(MediaKind::Audio, 4000, Protocol::RtpAvp, ["0", "8"]);
/// builder.attribute(&RtcpMux).direction(Direction::SendRecv);
/// let description = builder.finish()?;
/// assert_eq!(description.as_bytes(), b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n\
///     c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=rtcp-mux\r\na=sendrecv\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Builder {
    /// Text of all lines, without ends.
    arena: Vec<u8>,
    lines: Vec<NewLine>,
    section: u16,
}

/// Why a description cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BuildError {
    /// A line end or NUL inside a value (RFC 8866 §9).
    #[error("a {}= line holds byte {byte:#04x} (RFC 8866 §9)", char::from(*kind))]
    ForbiddenByte {
        /// The line's letter.
        kind: u8,
        /// The byte.
        byte: u8,
    },
    /// What was built is no description, or too large.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

#[derive(Clone, Copy)]
struct NewLine {
    section: u16,
    start: usize,
    end: usize,
}

impl Builder {
    /// A description whose `o=` line has these fields.
    pub fn new(username: &str, session_id: u64, version: u64, ip: IpAddr) -> Self {
        let mut builder = Builder::empty();
        let family = AddressType::of(ip);
        let origin = format_args!("{username} {session_id} {version} IN {family} {ip}");
        builder.line(b'o', origin);
        builder
    }

    /// A description without `o=` line: one is to be added by
    /// [`line`](Self::line) or [`raw`](Self::raw), as when the peer's is kept.
    pub fn empty() -> Self {
        Builder {
            arena: Vec::new(),
            lines: Vec::new(),
            section: 0,
        }
    }

    /// A line of type `kind`.
    pub fn line(&mut self, kind: u8, value: impl fmt::Display) -> &mut Self {
        self.push(kind, |out| push(out, format_args!("{value}")))
    }

    /// A line of type `kind` whose value may be any bytes.
    pub fn raw(&mut self, kind: u8, value: impl AsRef<[u8]>) -> &mut Self {
        self.push(kind, |out| out.extend_from_slice(value.as_ref()))
    }

    /// A `c=` line.
    pub fn connection(&mut self, connection: &Connection<'_>) -> &mut Self {
        self.line(b'c', connection)
    }

    /// A `b=` line.
    pub fn bandwidth(&mut self, bandwidth: &Bandwidth<'_>) -> &mut Self {
        self.line(b'b', bandwidth)
    }

    /// An `a=` line.
    pub fn attribute<'a>(&mut self, attribute: &impl Attribute<'a>) -> &mut Self {
        self.push(b'a', |out| attribute.write(out))
    }

    /// An `a=` line with nothing but a name.
    pub fn flag(&mut self, name: &str) -> &mut Self {
        self.line(b'a', name)
    }

    /// The direction attribute.
    pub fn direction(&mut self, direction: Direction) -> &mut Self {
        self.line(b'a', direction)
    }

    /// Begins the next media section; lines that follow belong to it.
    pub fn media<F: fmt::Display>(
        &mut self,
        kind: MediaKind<'_>,
        port: u16,
        protocol: Protocol<'_>,
        formats: impl IntoIterator<Item = F>,
    ) -> &mut Self {
        self.section += 1;
        self.push(b'm', |out| {
            push(out, format_args!("{kind} {port} {protocol}"));
            for format in formats {
                push(out, format_args!(" {format}"));
            }
        })
    }

    /// Begins the next media section with an `m=` line as written elsewhere.
    pub fn media_raw(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        self.section += 1;
        self.raw(b'm', value)
    }

    /// The description.
    ///
    /// # Errors
    /// [`BuildError`] when a value holds a line end, or the whole is too large.
    pub fn finish(mut self) -> Result<SessionDescription, BuildError> {
        for (kind, value) in [(b'v', "0"), (b's', "-"), (b't', "0 0")] {
            let given = |line: &NewLine| line.section == 0 && self.arena[line.start] == kind;
            if !self.lines.iter().any(given) {
                self.section = 0;
                self.line(kind, value);
            }
        }
        let Builder {
            arena, mut lines, ..
        } = self;
        lines.sort_by_key(|line| (line.section, rank(arena[line.start])));
        let mut text = Vec::with_capacity(arena.len() + 2 * lines.len());
        for line in &lines {
            let content = &arena[line.start..line.end];
            let forbidden = |&b: &u8| matches!(b, 0 | b'\r' | b'\n');
            if let Some(byte) = content.iter().copied().find(forbidden) {
                return Err(BuildError::ForbiddenByte {
                    kind: content[0],
                    byte,
                });
            }
            text.extend_from_slice(content);
            text.extend_from_slice(b"\r\n");
        }
        Ok(SessionDescription::parse(text)?)
    }

    fn push(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let start = self.arena.len();
        self.arena.extend_from_slice(&[kind, b'=']);
        write(&mut self.arena);
        self.lines.push(NewLine {
            section: self.section,
            start,
            end: self.arena.len(),
        });
        self
    }
}

impl fmt::Debug for Builder {
    /// Counts only: the values may be keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

/// The place of a line within its section (RFC 8866 §5). Lines that belong to
/// each other (`t=` and `r=`) share one, so that they stay in the order given.
pub(crate) fn rank(kind: u8) -> u8 {
    match kind {
        b'v' | b'm' => 0,
        b'o' => 1,
        b's' => 2,
        b'i' => 3,
        b'u' => 4,
        b'e' => 5,
        b'p' => 6,
        b'c' => 7,
        b'b' => 8,
        b't' | b'r' => 9,
        b'z' => 10,
        b'k' => 11,
        b'a' => 12,
        _ => 13,
    }
}
