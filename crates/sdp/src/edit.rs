//! Edits: a list of changes over a description that stays as it is.
//!
//! In: line positions of the original and new values. Out: the text with
//! those lines changed and every other byte copied. Inserted lines end as the
//! document's first line does. A last line without an end gets one only when
//! something is put behind it.

use alloc::vec::Vec;

use crate::attribute::{Attribute, push};
use crate::description::SessionDescription;
use crate::error::ParseError;

/// A list of changes; nothing happens to the description itself.
///
/// ```
/// use talkpath_sdp::SessionDescription;
///
/// let text = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\nx=?\n";
/// let description = SessionDescription::parse(text)?;
/// let audio = description.media().next().expect("one m-line");
/// let mut edits = description.edit();
/// edits.replace(audio.line().index(), "audio 5000 RTP/AVP 0")?;
/// edits.append_to_media(0, b'a', "rtcp-mux")?;
/// assert_eq!(edits.to_bytes(), text.replace("4000", "5000").into_bytes()
///     .into_iter().chain(*b"a=rtcp-mux\n").collect::<Vec<_>>());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Edits<'d> {
    description: &'d SessionDescription,
    changes: Vec<Change>,
    /// The new text of all changes.
    arena: Vec<u8>,
}

/// Why an edit cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no such line.
    #[error("no line at index {index}: the description has {lines}")]
    NoLine {
        /// What was asked for.
        index: usize,
        /// How many there are.
        lines: usize,
    },
    /// A blank line has no value to replace.
    #[error("the line at index {index} is blank; insert one beside it")]
    BlankLine {
        /// What was asked for.
        index: usize,
    },
    /// There is no such m-line.
    #[error("no m-line at index {index}: the description has {media}")]
    NoMedia {
        /// What was asked for.
        index: usize,
        /// How many there are.
        media: usize,
    },
    /// A line end or a NUL in a new value (RFC 8866 §9), or no letter.
    #[error("byte {byte:#04x} cannot stand there (RFC 8866 §9)")]
    ForbiddenByte {
        /// The byte.
        byte: u8,
    },
}

#[derive(Clone, Copy)]
struct Change {
    line: usize,
    place: Place,
    /// In the arena.
    start: usize,
    end: usize,
}

/// Ordered as the pieces are written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Before,
    /// The value only.
    Value,
    /// The whole line with its end.
    Remove,
    After,
}

impl<'d> Edits<'d> {
    pub(crate) fn new(description: &'d SessionDescription) -> Self {
        Edits {
            description,
            changes: Vec::new(),
            arena: Vec::new(),
        }
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Replaces what follows `=` in the line at `index`; its end stays. The
    /// last replacement of a line counts.
    ///
    /// # Errors
    /// [`EditError`] when there is no such line, it is blank, or `value` holds
    /// a line end.
    pub fn replace(&mut self, index: usize, value: impl AsRef<[u8]>) -> Result<(), EditError> {
        self.check_line(index)?;
        if self.description.span(index).kind == 0 {
            return Err(EditError::BlankLine { index });
        }
        let (start, end) = self.store(None, value.as_ref())?;
        self.changes.push(Change {
            line: index,
            place: Place::Value,
            start,
            end,
        });
        Ok(())
    }

    /// Removes the line at `index` with its end.
    ///
    /// # Errors
    /// [`EditError::NoLine`] when there is no such line.
    pub fn remove(&mut self, index: usize) -> Result<(), EditError> {
        self.check_line(index)?;
        self.changes.push(Change {
            line: index,
            place: Place::Remove,
            start: 0,
            end: 0,
        });
        Ok(())
    }

    /// Inserts a line before the one at `index`, behind what was inserted
    /// there already.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn insert_before(
        &mut self,
        index: usize,
        kind: u8,
        value: impl AsRef<[u8]>,
    ) -> Result<(), EditError> {
        self.insert(index, Place::Before, kind, value.as_ref())
    }

    /// Inserts a line after the one at `index`, behind what was inserted there
    /// already.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn insert_after(
        &mut self,
        index: usize,
        kind: u8,
        value: impl AsRef<[u8]>,
    ) -> Result<(), EditError> {
        self.insert(index, Place::After, kind, value.as_ref())
    }

    /// Inserts a line at the end of the session section.
    ///
    /// # Errors
    /// [`EditError::ForbiddenByte`] when `value` holds a line end.
    pub fn append_to_session(
        &mut self,
        kind: u8,
        value: impl AsRef<[u8]>,
    ) -> Result<(), EditError> {
        let section = self.description.session();
        let last = last_of(
            section.lines().map(|line| (line.index(), line.kind())),
            section.first,
        );
        self.insert(last, Place::After, kind, value.as_ref())
    }

    /// Inserts a line at the end of the section of m-line `media`.
    ///
    /// # Errors
    /// [`EditError`] when there is no such m-line or `value` holds a line end.
    pub fn append_to_media(
        &mut self,
        media: usize,
        kind: u8,
        value: impl AsRef<[u8]>,
    ) -> Result<(), EditError> {
        let section = self.media_section(media)?;
        let last = last_of(
            section.lines().map(|line| (line.index(), line.kind())),
            section.first,
        );
        self.insert(last, Place::After, kind, value.as_ref())
    }

    /// Inserts `attribute` at the end of the section of m-line `media`.
    ///
    /// # Errors
    /// As [`append_to_media`](Self::append_to_media).
    pub fn append_attribute<'a>(
        &mut self,
        media: usize,
        attribute: &impl Attribute<'a>,
    ) -> Result<(), EditError> {
        let mut value = Vec::new();
        attribute.write(&mut value);
        self.append_to_media(media, b'a', value)
    }

    /// Removes the `m=` line `media` and all that belongs to it.
    ///
    /// In an offer or answer a slot is never removed but set to port 0
    /// (RFC 3264 §8.2).
    ///
    /// # Errors
    /// [`EditError::NoMedia`] when there is no such m-line.
    pub fn remove_media(&mut self, media: usize) -> Result<(), EditError> {
        let section = self.media_section(media)?;
        for line in section.lines() {
            self.remove(line.index())?;
        }
        Ok(())
    }

    /// Appends a section: an `m=` line with `value`, then `lines`, each a
    /// letter and a value.
    ///
    /// # Errors
    /// [`EditError::ForbiddenByte`] when a value holds a line end.
    pub fn append_media<'v>(
        &mut self,
        value: impl AsRef<[u8]>,
        lines: impl IntoIterator<Item = (u8, &'v [u8])>,
    ) -> Result<(), EditError> {
        let all = self
            .description
            .lines()
            .map(|line| (line.index(), line.kind()));
        let last = last_of(all, 0);
        self.insert(last, Place::After, b'm', value.as_ref())?;
        for (kind, value) in lines {
            self.insert(last, Place::After, kind, value)?;
        }
        Ok(())
    }

    /// Appends the changed text to `out`.
    pub fn write_into(&self, out: &mut Vec<u8>) {
        let mut order: Vec<&Change> = self.changes.iter().collect();
        order.sort_by_key(|change| (change.line, change.place));
        let text = self.description.as_bytes();
        out.reserve(text.len() + self.arena.len());
        let mut copied = 0;
        for of_line in order.chunk_by(|a, b| a.line == b.line) {
            let range = self.line_range(of_line[0].line);
            out.extend_from_slice(&text[copied..range.start]);
            self.write_line(of_line, out);
            copied = range.end;
        }
        out.extend_from_slice(&text[copied..]);
    }

    /// The changed text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_into(&mut out);
        out
    }

    /// The changed text as a description.
    ///
    /// # Errors
    /// [`ParseError`] when the changes made it none: `v=` removed, an `m=`
    /// line broken, a limit exceeded.
    pub fn apply(&self) -> Result<SessionDescription, ParseError> {
        SessionDescription::parse(self.to_bytes())
    }

    /// One line with its changes, in the order of [`Place`].
    fn write_line(&self, changes: &[&Change], out: &mut Vec<u8>) {
        let index = changes[0].line;
        let text = self.description.as_bytes();
        let span = self.description.span(index);
        let place = |place| changes.iter().filter(move |change| change.place == place);
        for change in place(Place::Before) {
            self.write_new(change, out);
        }
        if place(Place::Remove).next().is_none() {
            out.extend_from_slice(&text[span.start as usize..span.value as usize]);
            match place(Place::Value).next_back() {
                Some(change) => out.extend_from_slice(&self.arena[change.start..change.end]),
                None => out.extend_from_slice(&text[span.value as usize..span.end as usize]),
            }
            out.extend_from_slice(&text[span.end as usize..self.line_range(index).end]);
        }
        for change in place(Place::After) {
            if !out.is_empty() && out.last() != Some(&b'\n') {
                out.extend_from_slice(self.description.line_end().as_bytes());
            }
            self.write_new(change, out);
        }
    }

    fn write_new(&self, change: &Change, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.arena[change.start..change.end]);
        out.extend_from_slice(self.description.line_end().as_bytes());
    }

    fn line_range(&self, index: usize) -> core::ops::Range<usize> {
        self.description.span(index).start as usize..self.description.next_start(index)
    }

    fn insert(
        &mut self,
        line: usize,
        place: Place,
        kind: u8,
        value: &[u8],
    ) -> Result<(), EditError> {
        self.check_line(line)?;
        let (start, end) = self.store(Some(kind), value)?;
        self.changes.push(Change {
            line,
            place,
            start,
            end,
        });
        Ok(())
    }

    /// Puts `kind=value`, or the value alone, into the arena.
    fn store(&mut self, kind: Option<u8>, value: &[u8]) -> Result<(usize, usize), EditError> {
        let forbidden = |&b: &u8| matches!(b, 0 | b'\r' | b'\n');
        if let Some(byte) = value.iter().copied().find(forbidden) {
            return Err(EditError::ForbiddenByte { byte });
        }
        let start = self.arena.len();
        if let Some(kind) = kind {
            if !kind.is_ascii_alphabetic() {
                return Err(EditError::ForbiddenByte { byte: kind });
            }
            push(&mut self.arena, format_args!("{}=", char::from(kind)));
        }
        self.arena.extend_from_slice(value);
        Ok((start, self.arena.len()))
    }

    fn check_line(&self, index: usize) -> Result<(), EditError> {
        let lines = self.description.line_count();
        if index < lines {
            Ok(())
        } else {
            Err(EditError::NoLine { index, lines })
        }
    }

    fn media_section(&self, index: usize) -> Result<crate::Section<'d>, EditError> {
        let media = self.description.media().len();
        match self.description.media_at(index) {
            Some(found) => Ok(found.section()),
            None => Err(EditError::NoMedia { index, media }),
        }
    }
}

/// The last line that is not blank, else `first`.
fn last_of(lines: impl DoubleEndedIterator<Item = (usize, u8)>, first: usize) -> usize {
    lines
        .rev()
        .find(|&(_, kind)| kind != 0)
        .map_or(first, |(index, _)| index)
}

impl core::fmt::Debug for Edits<'_> {
    /// Counts only: the values may be keys.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Edits")
            .field("changes", &self.changes.len())
            .finish_non_exhaustive()
    }
}
