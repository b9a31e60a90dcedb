//! The comment header: who made the file, what is in it, and its markers.
//!
//! In: the second packet of a stream. Out: vendor and comments; and back, with
//! room left for markers. RFC 7845 §5.2, and chapters as the `CHAPTERnnn` fields
//! that players know. Pictures and all else behind the first 64 KiB is not kept.

use std::fmt::Write as _;
use std::time::Duration;

/// What stands in the comment header (RFC 7845 §5.2).
///
/// ```
/// use talkpath_file::ogg::{OggReader, OggWriter, OpusHead};
/// let mut file = Vec::new();
/// OggWriter::new(OpusHead::new(1, 312), 7, &[("TITLE", "A call")], &mut file)?;
/// let (mut reader, mut at) = (OggReader::new(), 0);
/// while at < file.len() {
///     at += reader.push(&file[at..]);
///     reader.next_packet()?;
/// }
/// let tags = reader.tags().expect("they were all there");
/// assert_eq!(tags.field("title").next(), Some("A call"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpusTags {
    /// The program that encoded the sound.
    pub vendor: String,
    /// `NAME=value`, as they stand; bytes not UTF-8 are replaced.
    pub comments: Vec<String>,
}

impl OpusTags {
    /// The values of a field, whatever the case of its name.
    pub fn field<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let split = |comment: &'a String| comment.split_once('=');
        let named =
            move |(key, value): (&str, &'a str)| key.eq_ignore_ascii_case(name).then_some(value);
        self.comments.iter().filter_map(split).filter_map(named)
    }

    /// Reads as many comments as are whole; `None` where it is no such header.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let mut rest = packet.strip_prefix(MAGIC)?;
        let mut tags = Self {
            vendor: text(&mut rest).unwrap_or_default(),
            comments: Vec::new(),
        };
        let count = number(&mut rest).unwrap_or(0);
        for _ in 0..count {
            match text(&mut rest) {
                Some(comment) => tags.comments.push(comment),
                None => break,
            }
        }
        Some(tags)
    }

    /// Whether a second packet says that it is a comment header.
    pub(super) fn is_magic(packet: &[u8]) -> bool {
        packet.starts_with(MAGIC)
    }
}

/// The comment header of a file being written, of one length for ever.
#[derive(Clone, Debug)]
pub(super) struct TagsDraft {
    comments: Vec<String>,
    markers: usize,
    /// Bytes of the packet, padding included.
    len: usize,
}

impl TagsDraft {
    pub(super) fn new(comments: &[(&str, &str)], reserve: usize) -> Self {
        let join = |(name, value): &(&str, &str)| format!("{name}={value}");
        let mut draft = Self {
            comments: comments.iter().map(join).collect(),
            markers: 0,
            len: 0,
        };
        draft.len = draft.bare_len() + reserve;
        draft
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn markers(&self) -> usize {
        self.markers
    }

    /// Adds a chapter; false where it does not fit.
    pub(super) fn mark(&mut self, at: Duration, name: &str) -> bool {
        let (number, seconds) = (self.markers + 1, at.as_secs());
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        let mut start = format!("CHAPTER{number:03}=");
        let millis = at.subsec_millis();
        let written = write!(
            start,
            "{hours:02}:{minutes:02}:{:02}.{millis:03}",
            seconds % 60
        );
        debug_assert!(written.is_ok(), "a String takes all that is written");
        let name = format!("CHAPTER{number:03}NAME={name}");
        let more = 8 + start.len() + name.len();
        if number > 999 || self.bare_len() + more > self.len {
            return false;
        }
        self.comments.extend([start, name]);
        self.markers += 1;
        true
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_text(&mut bytes, VENDOR);
        bytes.extend((self.comments.len() as u32).to_le_bytes());
        for comment in &self.comments {
            put_text(&mut bytes, comment);
        }
        // RFC 7845 §5.2: zeros behind the comments are padding.
        bytes.resize(self.len, 0);
        bytes
    }

    fn bare_len(&self) -> usize {
        let comments = self.comments.iter().map(|comment| 4 + comment.len());
        MAGIC.len() + 4 + VENDOR.len() + 4 + comments.sum::<usize>()
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let len = number(rest)? as usize;
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*number))
}

const MAGIC: &[u8; 8] = b"OpusTags";
const VENDOR: &str = "Talkpath";
