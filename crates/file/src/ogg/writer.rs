//! Opus packets as an Ogg file that is whole up to its last page.
//!
//! In: packets, and gaps between them. Out: pages, to be appended. A page holds
//! at most 500 ms and no packet crosses its end, so a crash loses what was not
//! yet a page, and nothing has to be written twice. RFC 7845 §4 forbids granule
//! positions to jump: a gap is filled with packets, so that every player keeps
//! true time. Up to 120 ms it asks for concealment (§4.1), beyond it is silence.

use std::time::Duration;

use super::RATE;
use super::error::OggWriteError;
use super::head::{OpusHead, OpusMapping};
use super::page::{FIRST, HEADER_LEN, LAST, MAX_PACKET, PageDraft, PageHeader};
use super::tags::TagsDraft;
use super::toc::{GapFill, gap_packet, packet_samples};
use crate::Patch;

/// Writes an Ogg Opus file.
///
/// ```
/// use std::time::Duration;
/// use talkpath_file::ogg::{OggWriter, OpusHead};
///
/// let mut file = Vec::new();
/// let mut writer = OggWriter::new(OpusHead::new(1, 312), 0x7a1f, &[], &mut file)?;
/// let silence = [0xf8, 0xff, 0xfe]; // 20 ms
/// writer.packet(&silence, &mut file)?;
/// writer.gap(48_000, &mut file)?; // a second of nothing
/// writer.packet(&silence, &mut file)?;
/// assert_eq!(writer.length(), Duration::from_millis(1_040) - Duration::from_micros(6_500));
/// writer.finish(0, &mut file)?;
/// # Ok::<(), talkpath_file::ogg::OggWriteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OggWriter {
    head: OpusHead,
    serial: u32,
    /// Number of the next page.
    number: u32,
    page: PageDraft,
    /// Samples of all packets, pre-skip included: the granule position.
    position: u64,
    /// Where the first packet of the page begins.
    page_start: u64,
    /// Samples of gaps too short to be filled yet: under 2.5 ms.
    owed: u64,
    tags: TagsDraft,
    ended: bool,
}

impl OggWriter {
    /// Begins a file: appends both headers to `out`.
    ///
    /// `serial` tells streams in a file apart; any number does. `comments` are
    /// fields of RFC 7845 §5.2 such as `("TITLE", "A call")`. Beside them, room
    /// for about 60 markers is reserved.
    ///
    /// # Errors
    /// [`OggWriteError::Channels`] unless one or two of a single stream, and
    /// [`OggWriteError::CommentsTooLong`].
    pub fn new(
        head: OpusHead,
        serial: u32,
        comments: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) -> Result<Self, OggWriteError> {
        let channels = head.channels;
        if !(1..=2).contains(&channels) || head.mapping != OpusMapping::Single {
            return Err(OggWriteError::Channels { channels });
        }
        let tags = TagsDraft::new(comments, MARKER_ROOM);
        let (len, max) = (tags.len(), MAX_PACKET);
        if len > max {
            let (len, max) = (len - MARKER_ROOM, max - MARKER_ROOM);
            return Err(OggWriteError::CommentsTooLong { len, max });
        }
        let mut writer = Self {
            head,
            serial,
            number: 0,
            page: PageDraft::new(),
            position: 0,
            page_start: 0,
            owed: 0,
            tags,
            ended: false,
        };
        writer.page.push(&head.to_bytes());
        writer.write_page(FIRST, 0, out);
        writer.page.push(&writer.tags.to_bytes());
        writer.write_page(0, 0, out);
        Ok(writer)
    }

    /// Adds a packet; appends a page to `out` when one is full.
    ///
    /// # Errors
    /// [`OggWriteError::Packet`] when it is no Opus packet, and
    /// [`OggWriteError::Finished`]. Nothing is written then.
    pub fn packet(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), OggWriteError> {
        let len = packet.len();
        let samples = packet_samples(packet).filter(|_| len <= MAX_PACKET);
        let samples = samples.ok_or(OggWriteError::Packet { len })?;
        if self.ended {
            return Err(OggWriteError::Finished);
        }
        let end = self.position + u64::from(samples);
        if !self.page.fits(len) || end - self.page_start > PAGE_SAMPLES {
            self.flush(out);
        }
        self.page.push(packet);
        self.position = end;
        Ok(())
    }

    /// Lets `samples` at 48 kHz pass for which there is no packet.
    ///
    /// They become packets of silence, of about 120 bytes a second, or up to
    /// 120 ms of concealment. What is under 2.5 ms waits for the next gap.
    ///
    /// # Errors
    /// [`OggWriteError::Finished`].
    pub fn gap(&mut self, samples: u64, out: &mut Vec<u8>) -> Result<(), OggWriteError> {
        self.owed = self.owed.saturating_add(samples);
        let fill = match self.owed {
            0..=CONCEALED => GapFill::Conceal,
            _ => GapFill::Silence,
        };
        while let Some((packet, taken)) = gap_packet(fill, self.head.channels, self.owed) {
            self.packet(packet.bytes(), out)?;
            self.owed -= u64::from(taken);
        }
        Ok(())
    }

    /// Appends the page that is being collected to `out`, if there is one.
    ///
    /// Pages are written by themselves, with the packet that would be behind
    /// their 500 ms: this is for moments after which no packet may come for long.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.page.is_empty() {
            self.write_page(0, self.position, out);
        }
    }

    /// Appends the last page, without the last `trim` samples of sound.
    ///
    /// `trim` reaches as far back as the page that is being collected
    /// (RFC 7845 §4.4): always the last packet, unless it was flushed.
    ///
    /// # Errors
    /// [`OggWriteError::Finished`] when it already is.
    pub fn finish(&mut self, trim: u32, out: &mut Vec<u8>) -> Result<(), OggWriteError> {
        if self.ended {
            return Err(OggWriteError::Finished);
        }
        self.ended = true;
        let trim = u64::from(trim).min(self.position - self.page_start);
        self.position -= trim;
        self.write_page(LAST, self.position, out);
        Ok(())
    }

    /// Marks this moment, as a chapter with a name.
    ///
    /// The patch rewrites the comment header in its place; it may be applied now
    /// or with the end of the file, where a later patch replaces an earlier one.
    ///
    /// # Errors
    /// [`OggWriteError::MarkersFull`].
    pub fn marker(&mut self, name: &str) -> Result<Patch, OggWriteError> {
        // What is added next is heard then: the pre-skip takes its delay away.
        if !self.tags.mark(duration(self.position), name) {
            let markers = self.tags.markers();
            return Err(OggWriteError::MarkersFull { markers });
        }
        let (mut page, mut bytes) = (PageDraft::new(), Vec::new());
        page.push(&self.tags.to_bytes());
        let header = PageHeader {
            flags: 0,
            granule: 0,
            serial: self.serial,
            number: 1,
        };
        page.write(header, &mut bytes);
        let offset = (HEADER_LEN + 1 + self.head.to_bytes().len()) as u64;
        Ok(Patch { offset, bytes })
    }

    /// How long a player will say that the sound is, gaps included.
    #[must_use]
    pub fn length(&self) -> Duration {
        duration(self.position.saturating_sub(self.head.pre_skip.into()))
    }

    /// Samples of all packets at 48 kHz, those to be skipped included.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    fn write_page(&mut self, flags: u8, granule: u64, out: &mut Vec<u8>) {
        let header = PageHeader {
            flags,
            granule,
            serial: self.serial,
            number: self.number,
        };
        self.page.write(header, out);
        self.number = self.number.wrapping_add(1);
        self.page_start = self.position;
    }
}

fn duration(samples: u64) -> Duration {
    let (seconds, rest) = (samples / u64::from(RATE), samples % u64::from(RATE));
    Duration::from_secs(seconds) + Duration::from_nanos(rest * 1_000_000_000 / u64::from(RATE))
}

/// The most that a page holds: 500 ms, so that a crash loses less than a second.
const PAGE_SAMPLES: u64 = 24_000;
/// The longest gap that a decoder can conceal well: 120 ms.
const CONCEALED: u64 = 5_760;
/// Bytes for markers in the comment header: it stays within a page of memory.
const MARKER_ROOM: usize = 3_500;
