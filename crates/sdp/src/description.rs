//! The lossless line model: an owned copy of the text and spans over it.
//!
//! In: bytes, with CRLF or LF or both, with or without an end of the last
//! line, UTF-8 or not. Out: lines and sections; nothing is normalised, so that
//! [`SessionDescription::as_bytes`] is what was parsed. Two allocations, one
//! pass. RFC 8866 §5 (lines, order), §9 (bytes that cannot stand in a value).
//! What the values mean is read later, by the typed views.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::edit::Edits;
use crate::error::{Limit, ParseError};
use crate::media::Media;
use crate::media_line::MediaLine;
use crate::origin::Origin;
use crate::section::{Line, Section};
use crate::token::{is_blank, trim};

/// A session description, kept as it came.
///
/// `Debug` shows sizes only, because `a=crypto` holds keys.
///
/// ```
/// use talkpath_sdp::SessionDescription;
///
/// let text = b"v=0\ns=Caf\xe9\nm=audio 4000 RTP/AVP 0\na =sendonly\nx=?";
/// let description = SessionDescription::parse(text)?;
/// assert_eq!(description.as_bytes(), text);
/// assert_eq!(description.line_count(), 5);
/// assert_eq!(description.media().len(), 1);
/// # Ok::<(), talkpath_sdp::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionDescription {
    text: Box<[u8]>,
    lines: Vec<Span>,
    /// Line index of each `m=` line.
    media: [u16; Limit::MediaLines.max()],
    media_count: u8,
}

/// How lines end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineEnd {
    /// CR LF, as RFC 8866 §5 wants it.
    CrLf,
    /// LF alone.
    Lf,
}

impl LineEnd {
    /// The bytes.
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            LineEnd::CrLf => b"\r\n",
            LineEnd::Lf => b"\n",
        }
    }
}

/// One line: where it begins, where its value does, where its end begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) value: u32,
    pub(crate) end: u32,
    /// The letter; 0 for a blank line.
    pub(crate) kind: u8,
}

impl SessionDescription {
    /// Parses `bytes`, copying them once.
    ///
    /// # Errors
    /// [`ParseError`] when the bytes are no SDP or exceed a [`Limit`].
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let text = bytes.as_ref();
        let max = Limit::Bytes.max();
        if text.len() > max {
            let (what, actual) = (Limit::Bytes, text.len());
            return Err(ParseError::Limit {
                what,
                max,
                actual,
                line: 0,
                offset: 0,
            });
        }
        let mut parser = Parser::new(text);
        parser.run()?;
        Ok(SessionDescription {
            text: text.into(),
            lines: parser.lines,
            media: parser.media,
            media_count: parser.media_count,
        })
    }

    /// The text, byte for byte as it was parsed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text as an owned vector.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text.to_vec()
    }

    /// Appends the text to `out`.
    pub fn write_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
    }

    /// How many lines there are, blank ones included.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The line at `index`, from 0, over the whole text.
    pub fn line(&self, index: usize) -> Option<Line<'_>> {
        (index < self.lines.len()).then_some(Line {
            description: self,
            index,
        })
    }

    /// All lines in order, blank ones included.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_>> + Clone {
        (0..self.lines.len()).map(|index| Line {
            description: self,
            index,
        })
    }

    /// The session section: all before the first `m=` line.
    pub fn session(&self) -> Section<'_> {
        Section {
            description: self,
            first: 0,
            end: self.section_end(0),
        }
    }

    /// The media sections in order; the position is the m-line index.
    pub fn media(&self) -> impl ExactSizeIterator<Item = Media<'_>> + Clone {
        (0..usize::from(self.media_count)).map(|index| self.media_view(index))
    }

    /// The media section at m-line index `index`, from 0.
    pub fn media_at(&self, index: usize) -> Option<Media<'_>> {
        (index < usize::from(self.media_count)).then(|| self.media_view(index))
    }

    /// The first `o=` line, if it can be read (RFC 8866 §5.2).
    pub fn origin(&self) -> Option<Origin<'_>> {
        Origin::parse(self.session().first(b'o')?.value())
    }

    /// How the first line ends; CRLF when nothing ends.
    pub fn line_end(&self) -> LineEnd {
        match self.text.iter().position(|&b| b == b'\n') {
            Some(at) if at == 0 || self.text[at - 1] != b'\r' => LineEnd::Lf,
            _ => LineEnd::CrLf,
        }
    }

    /// An empty list of edits over this description.
    pub fn edit(&self) -> Edits<'_> {
        Edits::new(self)
    }

    pub(crate) fn span(&self, index: usize) -> Span {
        self.lines[index]
    }

    /// Where the line after `index` begins, or the text ends.
    pub(crate) fn next_start(&self, index: usize) -> usize {
        self.lines
            .get(index + 1)
            .map_or(self.text.len(), |next| next.start as usize)
    }

    /// The end, in lines, of section `section`: 0 is the session's.
    fn section_end(&self, section: usize) -> usize {
        if section < usize::from(self.media_count) {
            usize::from(self.media[section])
        } else {
            self.lines.len()
        }
    }

    fn media_view(&self, index: usize) -> Media<'_> {
        let first = usize::from(self.media[index]);
        Media::new(
            Section {
                description: self,
                first,
                end: self.section_end(index + 1),
            },
            index,
        )
    }
}

impl fmt::Debug for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDescription")
            .field("bytes", &self.text.len())
            .field("lines", &self.lines.len())
            .field("media", &self.media_count)
            .finish()
    }
}

/// One pass over the text.
struct Parser<'t> {
    text: &'t [u8],
    lines: Vec<Span>,
    media: [u16; Limit::MediaLines.max()],
    media_count: u8,
    attributes: usize,
    seen_version: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t [u8]) -> Self {
        Parser {
            text,
            // Lines of 16 bytes and more fit without growing.
            lines: Vec::with_capacity(text.len() / 16 + 4),
            media: [0; Limit::MediaLines.max()],
            media_count: 0,
            attributes: 0,
            seen_version: false,
        }
    }

    fn run(&mut self) -> Result<(), ParseError> {
        let mut start = 0;
        let mut at = 0;
        while let Some(found) = next_control(self.text, at) {
            at = found + 1;
            match self.text[found] {
                b'\n' => {
                    self.line(start, found)?;
                    start = at;
                }
                // By far the most common end: both bytes at once.
                b'\r' if self.text.get(at) == Some(&b'\n') => {
                    at += 1;
                    self.line(start, found)?;
                    start = at;
                }
                b'\r' if self.ends_line(found) => {}
                byte @ (0 | b'\r') => {
                    let line = self.lines.len() + 1;
                    return Err(ParseError::ForbiddenByte {
                        line,
                        offset: found,
                        byte,
                    });
                }
                _ => {}
            }
        }
        if start < self.text.len() {
            self.line(start, self.text.len())?;
        }
        if self.seen_version {
            Ok(())
        } else {
            Err(ParseError::Empty)
        }
    }

    /// Whether only CRs stand between `at` and an LF or the end of the text.
    fn ends_line(&self, at: usize) -> bool {
        // Two CRs before an LF come from gateways that translate twice; a
        // longer run is no line end, which also keeps this look-ahead short.
        match self.text.get(at + 1) {
            None | Some(b'\n') => true,
            Some(b'\r') => matches!(self.text.get(at + 2), None | Some(b'\n')),
            Some(_) => false,
        }
    }

    fn line(&mut self, start: usize, mut end: usize) -> Result<(), ParseError> {
        while end > start && self.text[end - 1] == b'\r' {
            end -= 1;
        }
        self.limit(Limit::LineBytes, end - start, start)?;
        let number = self.lines.len() + 1;
        let content = &self.text[start..end];
        let (kind, value) = match content {
            [kind, b'=', ..] if kind.is_ascii_alphabetic() => (*kind, start + 2),
            _ if trim(content).is_empty() => (0, end),
            _ => match loose_prefix(content) {
                Some((kind, skip)) => (kind, start + skip),
                None if !self.seen_version => {
                    return Err(ParseError::NoVersion {
                        line: number,
                        offset: start,
                    });
                }
                None => {
                    return Err(ParseError::NotALine {
                        line: number,
                        offset: start,
                    });
                }
            },
        };
        self.enter(kind, &self.text[value..end], start)?;
        let (start, value, end) = (start as u32, value as u32, end as u32);
        self.lines.push(Span {
            start,
            value,
            end,
            kind,
        });
        Ok(())
    }

    /// What a line of `kind` means to the structure.
    fn enter(&mut self, kind: u8, value: &[u8], offset: usize) -> Result<(), ParseError> {
        let line = self.lines.len() + 1;
        if !self.seen_version && kind != 0 {
            return match (kind, trim(value)) {
                (b'v', b"0") => {
                    self.seen_version = true;
                    Ok(())
                }
                (b'v', _) => Err(ParseError::UnknownVersion { line, offset }),
                _ => Err(ParseError::NoVersion { line, offset }),
            };
        }
        match kind {
            b'a' => {
                self.attributes += 1;
                self.limit(Limit::Attributes, self.attributes, offset)
            }
            b'm' => self.enter_media(value, offset),
            _ => Ok(()),
        }
    }

    fn enter_media(&mut self, value: &[u8], offset: usize) -> Result<(), ParseError> {
        let line = self.lines.len() + 1;
        let media_line = MediaLine::parse(value).ok_or(ParseError::MediaLine { line, offset })?;
        // A format and its blank take two bytes: most lines need no counting.
        if media_line.formats.len() >= Limit::Formats.max() {
            self.limit(Limit::Formats, media_line.formats().count(), offset)?;
        }
        let count = usize::from(self.media_count);
        self.limit(Limit::MediaLines, count + 1, offset)?;
        // A text of 64 KiB has at most 65,536 lines, and the first is v=.
        self.media[count] = self.lines.len() as u16;
        self.media_count += 1;
        self.attributes = 0;
        Ok(())
    }

    fn limit(&self, what: Limit, actual: usize, offset: usize) -> Result<(), ParseError> {
        let max = what.max();
        if actual <= max {
            return Ok(());
        }
        Err(ParseError::Limit {
            what,
            max,
            actual,
            line: self.lines.len() + 1,
            offset,
        })
    }
}

/// A letter, blanks, `=`: peers that write `a =sendrecv`.
fn loose_prefix(content: &[u8]) -> Option<(u8, usize)> {
    let (&kind, rest) = content.split_first()?;
    let blanks = rest.iter().take_while(|&&b| is_blank(b)).count();
    (kind.is_ascii_alphabetic() && rest.get(blanks) == Some(&b'=')).then_some((kind, blanks + 2))
}

/// The next byte below 0x0e at or after `from`: line ends, NUL, some others.
///
/// Eight bytes at a time: `(word - n·0x0101…) & !word & 0x8080…` is non-zero
/// exactly when a byte below `n` is in the word, and its lowest set bit marks
/// the first of them.
fn next_control(text: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = from;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let hit = word.wrapping_sub(0x0e * ONES) & !word & HIGHS;
        if hit != 0 {
            return Some(at + (hit.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    (at..text.len()).find(|&index| text[index] < 0x0e)
}
