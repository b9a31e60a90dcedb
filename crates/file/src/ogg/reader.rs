//! An Ogg file, fed in pieces, as Opus packets with their true time.
//!
//! In: all bytes of a file in order, in pieces of any size. Out: packets, each
//! with its place in time and what of it is to be heard (RFC 7845 §4.2 to 4.5).
//! Streams that follow one another are joined; other codecs beside the sound are
//! passed over. Damage behind the headers costs the page that it is in, and is
//! counted. At most one page, one packet and the comments are held.

use super::error::OggError;
use super::head::OpusHead;
use super::page::{CONTINUED, FIRST, LAST, Page, PageScan, Step};
use super::tags::OpusTags;
use super::toc::packet_samples;

/// Reads an Ogg Opus file from bytes as they come.
///
/// ```
/// use talkpath_file::ogg::{OggReader, OggWriter, OpusHead};
/// let mut file = Vec::new();
/// let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file)?;
/// writer.packet(&[0xf8, 0xff, 0xfe], &mut file)?;
/// writer.finish(0, &mut file)?;
///
/// let (mut reader, mut rest, mut heard) = (OggReader::new(), &file[..], 0);
/// while !rest.is_empty() {
///     rest = &rest[reader.push(rest)..];
///     while let Some(packet) = reader.next_packet()? {
///         heard += packet.samples; // of `packet.data`, decoded, without `packet.skip`
///     }
/// }
/// reader.finish()?;
/// assert_eq!(heard, 960 - 312);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OggReader {
    scan: PageScan,
    link: Option<Link>,
    /// How far the page at hand has been read.
    cursor: Option<Cursor>,
    carry: Carry,
    /// Where the next link begins on the time line of the file.
    base: u64,
    failed: Option<OggError>,
    faults: u64,
    last_fault: Option<OggError>,
}

/// An Opus packet, and what of it is to be heard.
///
/// All numbers are samples at 48 kHz.
///
/// ```
/// use talkpath_file::ogg::OggPacket;
/// /// Cuts the decoded samples of a packet (mono, at 48 kHz) to what is to be heard.
/// fn audible<'a>(packet: &OggPacket<'_>, decoded: &'a [i16]) -> &'a [i16] {
///     let decoded = decoded.get(packet.skip as usize..).unwrap_or_default();
///     &decoded[..decoded.len().min(packet.samples as usize)]
/// }
/// let packet = OggPacket { data: &[0xf8, 0xff, 0xfe], position: 0, skip: 312, samples: 648 };
/// assert_eq!(audible(&packet, &[0; 960]).len(), 648);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OggPacket<'a> {
    /// The packet, for the decoder. Also those of which nothing is to be heard.
    pub data: &'a [u8],
    /// When its first audible sample is heard, since the start of the file.
    pub position: u64,
    /// Samples to drop at its beginning.
    pub skip: u32,
    /// Samples to hear after those.
    pub samples: u32,
}

/// One of the streams that follow each other in a file.
#[derive(Clone, Debug)]
struct Link {
    head: OpusHead,
    serial: u32,
    stage: Stage,
    next_number: u32,
    /// Granule position where its sound begins, once that is known.
    origin: Option<u64>,
    /// Granule position behind the last packet.
    position: u64,
}

#[derive(Clone, Debug)]
enum Stage {
    Tags,
    Sound(OpusTags),
    Ended(OpusTags),
}

#[derive(Clone, Copy, Debug)]
struct Cursor {
    segment: usize,
    body: usize,
    /// Granule position at which the sound of the page ends, if trimmed.
    end: u64,
}

/// A packet that began in an earlier page.
#[derive(Clone, Debug, Default)]
struct Carry {
    bytes: Vec<u8>,
    state: CarryState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CarryState {
    #[default]
    Empty,
    Open,
    /// It was given away, and is dropped with the next packet.
    Given,
}

impl OggReader {
    /// Waits for the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            scan: PageScan::new(),
            link: None,
            cursor: None,
            carry: Carry::default(),
            base: 0,
            failed: None,
            faults: 0,
            last_fault: None,
        }
    }

    /// Takes bytes up to the end of a page and says how many.
    ///
    /// None are taken before [`next_packet`](Self::next_packet) has given all
    /// packets of the last page; the others are to be given again.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while self.cursor.is_none() && self.failed.is_none() {
            if self.step(&mut rest) == Step::More {
                break;
            }
        }
        // Behind what cannot be read nothing is looked at.
        match self.failed {
            Some(_) => bytes.len(),
            None => bytes.len() - rest.len(),
        }
    }

    /// The next packet of what was pushed; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`OggError`] when the headers cannot be read, now and ever after.
    pub fn next_packet(&mut self) -> Result<Option<OggPacket<'_>>, OggError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        while let Some((place, samples)) = self.next_place() {
            let Some(packet) = self.heard(samples) else {
                continue;
            };
            let data = match place {
                Place::Carry => &self.carry.bytes[..],
                Place::Page(start, end) => match self.scan.page() {
                    Some(page) => &page.body()[start..end],
                    None => &[],
                },
            };
            return Ok(Some(OggPacket { data, ..packet }));
        }
        Ok(None)
    }

    /// The identification header of the stream that is being read.
    #[must_use]
    pub fn head(&self) -> Option<&OpusHead> {
        self.link.as_ref().map(|link| &link.head)
    }

    /// The comments of the stream that is being read, once they were.
    #[must_use]
    pub fn tags(&self) -> Option<&OpusTags> {
        match &self.link.as_ref()?.stage {
            Stage::Tags => None,
            Stage::Sound(tags) | Stage::Ended(tags) => Some(tags),
        }
    }

    /// How often something was damaged and passed over.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// What was damaged last, if anything was.
    #[must_use]
    pub fn last_fault(&self) -> Option<OggError> {
        self.last_fault
    }

    /// Tells that the file ended, and learns whether it should have.
    ///
    /// A stream without its last page is no error: that is what a recording
    /// looks like that goes on, or whose end a crash took.
    ///
    /// # Errors
    /// [`OggError::HeaderTruncated`], [`OggError::PageTruncated`], or the error
    /// that [`next_packet`](Self::next_packet) gave.
    pub fn finish(&self) -> Result<(), OggError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let (offset, len) = self.scan.rest();
        if self.tags().is_none() {
            let len = offset + len as u64;
            return Err(OggError::HeaderTruncated { len });
        }
        match len {
            0 => Ok(()),
            _ => Err(OggError::PageTruncated { offset }),
        }
    }

    /// Takes bytes up to the end of a page, whatever is in it.
    pub(super) fn step(&mut self, bytes: &mut &[u8]) -> Step {
        let step = self.scan.push(bytes);
        match step {
            Step::More => {}
            Step::Page => self.page(),
            Step::Fault(error) => self.fault(error),
        }
        step
    }

    /// The pages, for their repair.
    pub(super) fn pages(&mut self) -> &mut PageScan {
        &mut self.scan
    }

    fn fault(&mut self, error: OggError) {
        // Before the headers are read, damage is not survived.
        if matches!(error, OggError::NotOgg { .. }) || self.tags().is_none() {
            self.failed = Some(error);
        }
        self.faults += 1;
        self.last_fault = Some(error);
    }

    /// Looks at the page that was found.
    fn page(&mut self) {
        let Some(page) = self.scan.page() else { return };
        if page.has(FIRST) {
            let begins = OpusHead::is_magic(page.body());
            let busy = matches!(&self.link, Some(link) if matches!(link.stage, Stage::Tags));
            if begins && !busy {
                self.begin_link();
            }
            return;
        }
        let Some(link) = &mut self.link else {
            let offset = page.offset;
            return self.fault(OggError::NotOpus { offset });
        };
        if page.serial() != link.serial {
            return;
        }
        let (expected, found) = (link.next_number, page.number());
        link.next_number = found.wrapping_add(1);
        if expected != found {
            let offset = page.offset;
            self.carry.clear();
            self.fault(OggError::PageLost {
                offset,
                expected,
                found,
            });
            if self.failed.is_some() {
                return;
            }
        }
        match self.link.as_ref().map(|link| &link.stage) {
            Some(Stage::Tags) => self.tags_page(),
            Some(Stage::Sound(_)) => self.sound_page(),
            _ => {}
        }
    }

    fn begin_link(&mut self) {
        let Some(page) = self.scan.page() else { return };
        let len = packet_len(page.lacing());
        match OpusHead::parse(&page.body()[..len.min(page.body().len())], page.offset) {
            Ok(head) => {
                let (serial, next_number) = (page.serial(), page.number().wrapping_add(1));
                if let Some(last) = self.link.take() {
                    self.base = self.base.saturating_add(last.heard_until());
                }
                self.carry.clear();
                self.link = Some(Link {
                    head,
                    serial,
                    stage: Stage::Tags,
                    next_number,
                    origin: None,
                    position: 0,
                });
            }
            Err(error) => self.fault(error),
        }
    }

    /// Collects the comment header, of which nothing but itself is in its pages.
    fn tags_page(&mut self) {
        let (Some(page), Some(link)) = (self.scan.page(), &mut self.link) else {
            return;
        };
        self.carry.add(page.body(), MAX_TAGS);
        let offset = page.offset;
        let ends = page.lacing().iter().any(|&len| len < 255);
        if !OpusTags::is_magic(&self.carry.bytes) && (ends || self.carry.bytes.len() >= 8) {
            return self.fault(OggError::NoTags { offset });
        }
        if ends {
            let tags = OpusTags::parse(&self.carry.bytes).unwrap_or_default();
            link.stage = Stage::Sound(tags);
            self.carry.clear();
        }
    }

    fn sound_page(&mut self) {
        let (Some(page), Some(link)) = (self.scan.page(), &mut self.link) else {
            return;
        };
        let last = page.has(LAST);
        let mut cursor = Cursor {
            segment: 0,
            body: 0,
            end: u64::MAX,
        };
        if !page.has(CONTINUED) {
            self.carry.clear();
        } else if self.carry.state != CarryState::Open {
            // The end of a packet whose beginning was lost.
            let len = packet_len(page.lacing());
            let tail = page.lacing().iter().take_while(|&&len| len == 255).count();
            cursor.segment = (tail + 1).min(page.lacing().len());
            cursor.body = len;
        }
        if let Some(granule) = page.granule() {
            let samples = samples_of(&page, &cursor, &self.carry);
            let start = granule.saturating_sub(samples);
            // RFC 7845 §4.2: the first page says where time begins.
            let first = link.origin.is_none();
            if first || start > link.position {
                link.position = start;
            }
            if first {
                link.origin = Some(start);
            }
            // RFC 7845 §4.4: only the last page may end before its packets do.
            if last {
                cursor.end = granule;
            }
        }
        self.cursor = Some(cursor);
    }

    /// Where the next packet of the page is, and its length in time.
    fn next_place(&mut self) -> Option<(Place, u32)> {
        loop {
            let cursor = self.cursor.as_mut()?;
            let page = self.scan.page()?;
            let lacing = &page.lacing()[cursor.segment.min(page.lacing().len())..];
            if self.carry.state == CarryState::Given {
                self.carry.clear();
            }
            if lacing.is_empty() {
                self.end_page();
                return None;
            }
            let full = lacing.iter().take_while(|&&len| len == 255).count();
            let (start, len) = (cursor.body, packet_len(lacing));
            let ends = full < lacing.len();
            cursor.segment += full + usize::from(ends);
            cursor.body += len;
            let (body, offset) = (&page.body()[start..start + len], page.offset);
            let open = self.carry.state == CarryState::Open;
            if !ends || open {
                self.carry.add(body, MAX_PACKET);
                self.carry.state = CarryState::Open;
            }
            if !ends {
                continue;
            }
            let (packet, place) = match open {
                true => (&self.carry.bytes[..], Place::Carry),
                false => (body, Place::Page(start, start + len)),
            };
            let (samples, len) = (packet_samples(packet), packet.len());
            if open {
                self.carry.state = CarryState::Given;
            }
            match samples.filter(|_| len < MAX_PACKET) {
                Some(samples) => return Some((place, samples)),
                None => self.fault(OggError::Packet { offset, len }),
            }
        }
    }

    fn end_page(&mut self) {
        self.cursor = None;
        let last = self.scan.page().is_some_and(|page| page.has(LAST));
        if let (true, Some(link)) = (last, &mut self.link)
            && let Stage::Sound(tags) = &mut link.stage
        {
            link.stage = Stage::Ended(std::mem::take(tags));
        }
    }

    /// Moves on by a packet and says what of it is to be heard.
    fn heard(&mut self, samples: u32) -> Option<OggPacket<'static>> {
        let (link, cursor) = (self.link.as_mut()?, self.cursor?);
        let start = link.position;
        let end = start.saturating_add(samples.into()).min(cursor.end);
        link.position = end.max(start);
        let first = link.sound_from();
        let from = start.max(first).min(start.saturating_add(samples.into()));
        Some(OggPacket {
            data: &[],
            position: self.base.saturating_add(from.saturating_sub(first)),
            skip: (from - start) as u32,
            samples: end.saturating_sub(from) as u32,
        })
    }
}

impl Default for OggReader {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// Granule position of the first sample to be heard.
    fn sound_from(&self) -> u64 {
        self.origin
            .unwrap_or(0)
            .saturating_add(self.head.pre_skip.into())
    }

    fn heard_until(&self) -> u64 {
        self.position.saturating_sub(self.sound_from())
    }
}

impl Carry {
    fn add(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.state = CarryState::Empty;
    }
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Carry,
    /// From and to, in the body of the page.
    Page(usize, usize),
}

/// Bytes of the packet that lacing begins with, as far as the page holds it.
fn packet_len(lacing: &[u8]) -> usize {
    let full = lacing.iter().take_while(|&&len| len == 255).count();
    full * 255 + lacing.get(full).map_or(0, |&len| usize::from(len))
}

/// Samples of all packets that end in a page.
fn samples_of(page: &Page<'_>, from: &Cursor, carry: &Carry) -> u64 {
    let (mut lacing, mut body) = (page.lacing(), page.body());
    lacing = &lacing[from.segment..];
    body = &body[from.body..];
    // Two bytes tell how long a packet is; the carried one has them first.
    let mut start = [0; 2];
    let carried = carry.bytes.len().min(2);
    start[..carried].copy_from_slice(&carry.bytes[..carried]);
    let (mut filled, mut total) = (carried, 0);
    while !lacing.is_empty() {
        let full = lacing.iter().take_while(|&&len| len == 255).count();
        let len = packet_len(lacing);
        let more = (2 - filled).min(len);
        start[filled..filled + more].copy_from_slice(&body[..more]);
        if full < lacing.len() {
            let samples = packet_samples(&start[..filled + more]);
            total += samples.map_or(0, u64::from);
        }
        filled = 0;
        body = &body[len..];
        lacing = &lacing[(full + 1).min(lacing.len())..];
    }
    total
}

/// Bytes of comments that are kept.
const MAX_TAGS: usize = 65_536;
/// RFC 7845 §6: no packet of 120 ms in two channels needs to be longer.
const MAX_PACKET: usize = 61_440;
