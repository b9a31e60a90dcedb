//! Why an Ogg Opus file cannot be read, repaired or written.

/// Why an Ogg Opus file cannot be read or repaired.
///
/// Offsets count bytes from the start of the file.
///
/// ```
/// use talkpath_file::ogg::OggReader;
/// let mut reader = OggReader::new();
/// reader.push(&[b'R'; 100]);
/// let error = reader.next_packet().unwrap_err();
/// assert_eq!(error.to_string(), "not an Ogg file: it starts with 0x52525252");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OggError {
    /// The file is something else.
    #[error("not an Ogg file: it starts with {found:#010x}")]
    NotOgg {
        /// Its first four bytes, the first one being the most significant.
        found: u32,
    },
    /// It is an Ogg file, of other codecs (Vorbis, Theora, FLAC).
    #[error("the Ogg file has no Opus stream: data begins at byte {offset}")]
    NotOpus {
        /// Where the first page of data begins.
        offset: u64,
    },
    /// The file ends before its sound begins.
    #[error("the file ends after {len} bytes, inside of its headers")]
    HeaderTruncated {
        /// Bytes that there were.
        len: u64,
    },
    /// The identification header is shorter than its fields.
    #[error("the identification header at byte {offset} has {len} bytes, it needs {needed}")]
    ShortHead {
        /// Where its page begins.
        offset: u64,
        /// Its length.
        len: usize,
        /// Bytes that it needs at least.
        needed: usize,
    },
    /// A version that may mean anything.
    #[error("version {version} of Ogg Opus is not supported, only 0 to 15")]
    Version {
        /// RFC 7845 §5.1: the upper four bits would have to be 0.
        version: u8,
    },
    /// No channels, or more than their mapping can have.
    #[error("{channels} channels are not possible with mapping family {family}")]
    Channels {
        /// Channels.
        channels: u8,
        /// Channel mapping family.
        family: u8,
    },
    /// The numbers of streams and channels of a mapping contradict each other.
    #[error("a channel mapping of {streams} streams, {coupled} of them coupled, is not possible")]
    Mapping {
        /// Streams in each packet.
        streams: u8,
        /// Those of them with two channels.
        coupled: u8,
    },
    /// The second packet is no comment header.
    #[error("no comment header follows at byte {offset}")]
    NoTags {
        /// Where its page should begin.
        offset: u64,
    },
    /// A page was changed on its way, or a write was torn. Reading goes on.
    #[error("the page at byte {offset} says checksum {said:#010x}, its bytes have {found:#010x}")]
    Checksum {
        /// Where the page begins.
        offset: u64,
        /// What the page says.
        said: u32,
        /// What its bytes come to.
        found: u32,
    },
    /// Bytes that are no page. Reading goes on at the next one.
    #[error("no page begins at byte {offset}")]
    NoPage {
        /// Where it should begin.
        offset: u64,
    },
    /// Pages are missing. Reading goes on.
    #[error("page {found} stands at byte {offset}, where page {expected} should")]
    PageLost {
        /// Where the page begins.
        offset: u64,
        /// The number that is due.
        expected: u32,
        /// The number that it has.
        found: u32,
    },
    /// A packet is no Opus packet, or longer than any. Reading goes on.
    #[error("a packet of {len} bytes in the page at byte {offset} is no Opus packet")]
    Packet {
        /// Where the page begins in which it ends.
        offset: u64,
        /// Its length, as far as it was kept.
        len: usize,
    },
    /// The file ends inside of a page. What was before is whole.
    #[error("the file ends inside of the page at byte {offset}")]
    PageTruncated {
        /// Where the page begins.
        offset: u64,
    },
}

/// Why something cannot be written into an Ogg Opus file: the caller's fault.
///
/// ```
/// use talkpath_file::ogg::{OggWriter, OpusHead};
/// let mut file = Vec::new();
/// let mut writer = OggWriter::new(OpusHead::new(1, 312), 1, &[], &mut file)?;
/// let error = writer.packet(&[], &mut file).unwrap_err();
/// assert_eq!(error.to_string(), "0 bytes are no Opus packet");
/// # Ok::<(), talkpath_file::ogg::OggWriteError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OggWriteError {
    /// Its length in time cannot be told, or it is longer than a page.
    #[error("{len} bytes are no Opus packet")]
    Packet {
        /// Its length.
        len: usize,
    },
    /// Only one and two channels are written.
    #[error("{channels} channels are not 1 or 2")]
    Channels {
        /// Channels.
        channels: u8,
    },
    /// The comments take more than a page.
    #[error("{len} bytes of comments are more than {max}")]
    CommentsTooLong {
        /// Bytes that they take.
        len: usize,
        /// Bytes that there may be.
        max: usize,
    },
    /// No more markers fit into the place that is reserved for them.
    #[error("no room for another marker after {markers}")]
    MarkersFull {
        /// Markers that there are.
        markers: usize,
    },
    /// The stream has ended.
    #[error("the file is finished")]
    Finished,
}
