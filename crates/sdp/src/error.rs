//! Why a text is refused: what, where, and by which section of which RFC.
//!
//! Only what makes the text no SDP, or too large, is an error; what is merely
//! wrong in it is told by the linter.

use core::fmt;

/// Why bytes are not a session description.
///
/// `line` counts from 1; `offset` is in bytes from the beginning of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but blank lines.
    #[error("the description is empty; it begins with v=0 (RFC 8866 §5.1)")]
    Empty,
    /// The first line is not `v=`.
    #[error("line {line} (offset {offset}): v=0 must come first (RFC 8866 §5.1)")]
    NoVersion {
        /// Line number.
        line: usize,
        /// Where the line begins.
        offset: usize,
    },
    /// A version other than 0.
    #[error("line {line} (offset {offset}): only version 0 is defined (RFC 8866 §5.1)")]
    UnknownVersion {
        /// Line number.
        line: usize,
        /// Where the line begins.
        offset: usize,
    },
    /// A line that is not a letter, `=` and a value.
    #[error("line {line} (offset {offset}): expected <letter>=<value> (RFC 8866 §5)")]
    NotALine {
        /// Line number.
        line: usize,
        /// Where the line begins.
        offset: usize,
    },
    /// A NUL, or a CR that ends no line.
    #[error(
        "line {line} (offset {offset}): byte {byte:#04x} cannot stand in a value (RFC 8866 §9)"
    )]
    ForbiddenByte {
        /// Line number.
        line: usize,
        /// Where the byte stands.
        offset: usize,
        /// The byte: 0x00 or 0x0d.
        byte: u8,
    },
    /// An `m=` line without media, port (0..=65535) and protocol.
    #[error(
        "line {line} (offset {offset}): expected m=<media> <port>[/<count>] <proto> <fmt>... \
         with a port up to 65535 (RFC 8866 §5.14)"
    )]
    MediaLine {
        /// Line number.
        line: usize,
        /// Where the line begins.
        offset: usize,
    },
    /// More than this parser takes.
    #[error("line {line} (offset {offset}): {actual} {what}, at most {max} are taken")]
    Limit {
        /// What there is too much of.
        what: Limit,
        /// How much is taken.
        max: usize,
        /// How much was found when it was refused.
        actual: usize,
        /// Line number; 0 when the whole text is too long.
        line: usize,
        /// Where the line begins.
        offset: usize,
    },
}

/// What is limited, so that memory and time are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of the whole description.
    Bytes,
    /// Bytes of one line without its end.
    LineBytes,
    /// `m=` lines.
    MediaLines,
    /// Formats of one `m=` line.
    Formats,
    /// `a=` lines of one section.
    Attributes,
}

impl Limit {
    /// The most that is taken.
    pub const fn max(self) -> usize {
        match self {
            Limit::Bytes => 64 * 1024,
            Limit::LineBytes => 8 * 1024,
            Limit::MediaLines => 32,
            Limit::Formats => 64,
            Limit::Attributes => 512,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Bytes => "bytes in the description",
            Limit::LineBytes => "bytes in a line",
            Limit::MediaLines => "m-lines",
            Limit::Formats => "formats in an m-line",
            Limit::Attributes => "attributes in a section",
        })
    }
}
