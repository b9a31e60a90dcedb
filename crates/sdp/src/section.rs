//! Lines and sections of a description: borrowed views without meaning yet.
//!
//! A section is the session's part or one `m=` line with all that follows it
//! (RFC 8866 §5). Attributes are found by name, or read as a typed
//! [`Attribute`](crate::Attribute).

use core::fmt;
use core::ops::Range;

use crate::attribute::{Attribute, RawAttribute, value_of};
use crate::bandwidth::Bandwidth;
use crate::connection::Connection;
use crate::description::SessionDescription;
use crate::direction::Direction;

/// One line of a description.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    pub(crate) description: &'a SessionDescription,
    pub(crate) index: usize,
}

impl<'a> Line<'a> {
    /// Position in the whole text, from 0; what [`Edits`](crate::Edits) take.
    pub fn index(self) -> usize {
        self.index
    }

    /// Position in the whole text, from 1, as editors count.
    pub fn number(self) -> usize {
        self.index + 1
    }

    /// The letter before `=`; 0 for a blank line.
    pub fn kind(self) -> u8 {
        self.description.span(self.index).kind
    }

    /// What follows `=`, without the line end.
    pub fn value(self) -> &'a [u8] {
        let span = self.description.span(self.index);
        &self.description.as_bytes()[span.value as usize..span.end as usize]
    }

    /// The whole line without its end.
    pub fn text(self) -> &'a [u8] {
        let span = self.description.span(self.index);
        &self.description.as_bytes()[span.start as usize..span.end as usize]
    }

    /// What ends the line: CR LF, LF, or nothing for some last lines.
    pub fn end(self) -> &'a [u8] {
        let span = self.description.span(self.index);
        &self.description.as_bytes()[span.end as usize..self.description.next_start(self.index)]
    }

    /// Where the line stands in the text, its end included.
    pub fn range(self) -> Range<usize> {
        self.description.span(self.index).start as usize..self.description.next_start(self.index)
    }

    /// Name and value, when this is an `a=` line.
    pub fn attribute(self) -> Option<RawAttribute<'a>> {
        (self.kind() == b'a').then(|| RawAttribute::split(self.value()))
    }
}

impl fmt::Debug for Line<'_> {
    /// The position and letter only: the value may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} ({}=)", self.number(), char::from(self.kind()))
    }
}

/// The session's lines, or those of one `m=` line.
///
/// ```
/// use talkpath_sdp::SessionDescription;
/// use talkpath_sdp::attribute::Group;
///
/// let description = SessionDescription::parse("v=0\r\na=group:BUNDLE a b\r\na=ice-lite\r\n")?;
/// let session = description.session();
/// assert!(session.has("ice-lite"));
/// assert_eq!(session.attribute("group"), Some(&b"BUNDLE a b"[..]));
/// assert_eq!(session.typed::<Group<'_>>().map(|group| group.mids().count()), Some(2));
/// # Ok::<(), talkpath_sdp::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    pub(crate) description: &'a SessionDescription,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

impl<'a> Section<'a> {
    /// The description this is a section of.
    pub fn description(&self) -> &'a SessionDescription {
        self.description
    }

    /// The lines in order, the `m=` line and blank ones included.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'a>> + Clone + use<'a> {
        let description = self.description;
        (self.first..self.end).map(move |index| Line { description, index })
    }

    /// The lines of type `kind` in order.
    pub fn lines_of(
        &self,
        kind: u8,
    ) -> impl DoubleEndedIterator<Item = Line<'a>> + Clone + use<'a> {
        self.lines().filter(move |line| line.kind() == kind)
    }

    /// The first line of type `kind`.
    pub fn first(&self, kind: u8) -> Option<Line<'a>> {
        self.lines_of(kind).next()
    }

    /// All attributes in order, each with its line.
    pub fn attributes(
        &self,
    ) -> impl DoubleEndedIterator<Item = (Line<'a>, RawAttribute<'a>)> + Clone + use<'a> {
        self.lines()
            .filter_map(|line| Some((line, line.attribute()?)))
    }

    /// The value of the first attribute `name`: empty for a flag (`a=name`).
    pub fn attribute(&self, name: impl AsRef<[u8]>) -> Option<&'a [u8]> {
        let name = name.as_ref();
        self.lines_of(b'a')
            .find_map(|line| value_of(line.value(), name))
    }

    /// Whether there is an attribute `name`.
    pub fn has(&self, name: impl AsRef<[u8]>) -> bool {
        self.attribute(name).is_some()
    }

    /// The first attribute of type `A` that can be read.
    pub fn typed<A: Attribute<'a>>(&self) -> Option<A> {
        self.all::<A>().next()
    }

    /// All attributes of type `A` that can be read, in order.
    pub fn all<A: Attribute<'a>>(&self) -> impl Iterator<Item = A> + use<'a, A> {
        self.lines_of(b'a')
            .filter_map(|line| value_of(line.value(), A::NAME.as_bytes()))
            .filter_map(A::parse)
    }

    /// This section's own first `c=` line (RFC 8866 §5.7), if it can be read.
    pub fn own_connection(&self) -> Option<Connection<'a>> {
        Connection::parse(self.first(b'c')?.value())
    }

    /// This section's own direction attribute (RFC 8866 §6.7), the first one.
    pub fn own_direction(&self) -> Option<Direction> {
        let said = |line: Line<'_>, direction: Direction| {
            value_of(line.value(), direction.as_str().as_bytes()).is_some()
        };
        let of_line = |line| {
            Direction::ALL
                .into_iter()
                .find(|&direction| said(line, direction))
        };
        self.lines_of(b'a').find_map(of_line)
    }

    /// The `b=` lines (RFC 8866 §5.8) that can be read.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'a>> + use<'a> {
        self.lines_of(b'b')
            .filter_map(|line| Bandwidth::parse(line.value()))
    }
}
