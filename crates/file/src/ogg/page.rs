//! Pages: the unit of an Ogg file, each with its checksum (RFC 3533 §6).
//!
//! In: packets, out: pages; and bytes in pieces of any size, out: whole pages.
//! Where no page begins, the next one is looked for. At most one page is held.

use super::error::OggError;

/// The packets of the next page.
#[derive(Clone, Debug)]
pub(super) struct PageDraft {
    lacing: [u8; MAX_SEGMENTS],
    segments: usize,
    body: Vec<u8>,
}

/// The fields of a page header that its writer decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageHeader {
    pub(super) flags: u8,
    pub(super) granule: u64,
    pub(super) serial: u32,
    pub(super) number: u32,
}

impl PageDraft {
    pub(super) fn new() -> Self {
        Self {
            lacing: [0; MAX_SEGMENTS],
            segments: 0,
            body: Vec::with_capacity(USUAL_BODY),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments == 0
    }

    /// Whether a packet of `len` bytes can still end in this page.
    pub(super) fn fits(&self, len: usize) -> bool {
        self.segments + len / 255 < MAX_SEGMENTS
    }

    /// Adds a packet that [`fits`](Self::fits).
    pub(super) fn push(&mut self, packet: &[u8]) {
        let full = packet.len() / 255;
        self.lacing[self.segments..][..full].fill(255);
        self.lacing[self.segments + full] = (packet.len() % 255) as u8;
        self.segments += full + 1;
        self.body.extend_from_slice(packet);
    }

    /// Appends the page to `out` and begins the next one.
    pub(super) fn write(&mut self, header: PageHeader, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"OggS\0");
        out.push(header.flags);
        out.extend_from_slice(&header.granule.to_le_bytes());
        out.extend_from_slice(&header.serial.to_le_bytes());
        out.extend_from_slice(&header.number.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.push(self.segments as u8);
        out.extend_from_slice(&self.lacing[..self.segments]);
        out.extend_from_slice(&self.body);
        let sum = checksum(&out[start..]);
        out[start + CHECKSUM_AT..][..4].copy_from_slice(&sum.to_le_bytes());
        self.segments = 0;
        self.body.clear();
    }
}

/// A page whose checksum was right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    bytes: &'a [u8],
    /// Where it begins, in bytes from the start of the file.
    pub(super) offset: u64,
}

impl<'a> Page<'a> {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.bytes[5] & flag != 0
    }

    /// Samples up to the end of the last packet that ends here.
    ///
    /// `None` where none does (−1), or where it is negative, which RFC 7845 §4.2
    /// does not allow.
    pub(super) fn granule(&self) -> Option<u64> {
        let granule = u64::from_le_bytes(self.array_at(6));
        (granule <= i64::MAX as u64).then_some(granule)
    }

    pub(super) fn serial(&self) -> u32 {
        u32::from_le_bytes(self.array_at(14))
    }

    pub(super) fn number(&self) -> u32 {
        u32::from_le_bytes(self.array_at(18))
    }

    pub(super) fn lacing(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..self.body_at()]
    }

    pub(super) fn body(&self) -> &'a [u8] {
        &self.bytes[self.body_at()..]
    }

    /// The whole of it.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn body_at(&self) -> usize {
        HEADER_LEN + usize::from(self.bytes[26])
    }

    fn array_at<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[at..at + N]);
        array
    }
}

/// Finds pages in bytes that come in pieces.
#[derive(Clone, Debug)]
pub(super) struct PageScan {
    /// From the start of a page, or of what should be one.
    held: Vec<u8>,
    /// Where that is in the file.
    offset: u64,
    /// Length of the whole page that `held` begins with, if it does.
    whole: Option<usize>,
    /// Where no page began, until one does.
    lost: Option<u64>,
}

/// What [`PageScan::push`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All bytes were taken, no page is whole.
    More,
    /// [`PageScan::page`] has one.
    Page,
    /// Something that is no page was passed over.
    Fault(OggError),
}

impl PageScan {
    pub(super) fn new() -> Self {
        Self {
            held: Vec::new(),
            offset: 0,
            whole: None,
            lost: None,
        }
    }

    /// Lets go of the last page and takes bytes up to the end of the next one.
    pub(super) fn push(&mut self, bytes: &mut &[u8]) -> Step {
        if let Some(len) = self.whole.take() {
            self.drop_front(len);
        }
        loop {
            let wanted = self.wanted();
            if self.held.len() < wanted {
                let len = (wanted - self.held.len()).min(bytes.len());
                self.held.extend_from_slice(&bytes[..len]);
                *bytes = &bytes[len..];
                if self.held.len() < wanted {
                    return Step::More;
                }
            }
            if let Some(step) = self.advance() {
                return step;
            }
        }
    }

    /// Looks for pages inside of one that the end of the file cut, because what
    /// it says of its length may be wrong.
    pub(super) fn end(&mut self) -> Step {
        if let Some(len) = self.whole.take() {
            self.drop_front(len);
        }
        while self.held.len() >= HEADER_LEN {
            let head = HEADER_LEN + usize::from(self.held[26]);
            if self.held.len() < self.wanted() {
                self.drop_front(head.min(self.held.len()));
            } else if let Some(step) = self.advance() {
                return step;
            }
        }
        Step::More
    }

    /// The page that was found, until the next push.
    pub(super) fn page(&self) -> Option<Page<'_>> {
        let bytes = &self.held[..self.whole?];
        Some(Page {
            bytes,
            offset: self.offset,
        })
    }

    /// Where the bytes begin that are no whole page yet, and their number.
    pub(super) fn rest(&self) -> (u64, usize) {
        match self.whole {
            Some(len) => (self.offset + len as u64, self.held.len() - len),
            None => (self.offset, self.held.len()),
        }
    }

    /// Bytes that are needed to go on; more each time they are there.
    fn wanted(&self) -> usize {
        if self.held.len() < HEADER_LEN {
            return HEADER_LEN;
        }
        let segments = usize::from(self.held[26]);
        match self.held.get(HEADER_LEN..HEADER_LEN + segments) {
            _ if !is_header(&self.held) => HEADER_LEN,
            None => HEADER_LEN + segments,
            Some(lacing) => {
                let body: usize = lacing.iter().map(|&len| usize::from(len)).sum();
                HEADER_LEN + segments + body
            }
        }
    }

    /// Judges what is wanted and there.
    fn advance(&mut self) -> Option<Step> {
        if !is_header(&self.held) {
            return self.search();
        }
        let wanted = self.wanted();
        if self.held.len() < wanted {
            return None;
        }
        let page = &self.held[..wanted];
        let (found, offset) = (checksum(page), self.offset);
        let said = u32::from_le_bytes([page[22], page[23], page[24], page[25]]);
        if said == found {
            self.lost = None;
            self.whole = Some(wanted);
            return Some(Step::Page);
        }
        // The next page may stand inside of what this one took for its body.
        self.drop_front(HEADER_LEN + usize::from(self.held[26]));
        self.lost.get_or_insert(offset);
        Some(Step::Fault(OggError::Checksum {
            offset,
            said,
            found,
        }))
    }

    /// Drops what cannot begin a page; tells of it once per place.
    fn search(&mut self) -> Option<Step> {
        let (offset, start) = (self.offset, &self.held);
        let found = u32::from_be_bytes([start[0], start[1], start[2], start[3]]);
        let starts = |at: &usize| CAPTURE.starts_with(&self.held[*at..self.held.len().min(at + 5)]);
        let next = (1..self.held.len()).find(starts);
        self.drop_front(next.unwrap_or(self.held.len()));
        if self.lost.is_some() {
            return None;
        }
        self.lost = Some(offset);
        Some(Step::Fault(match offset {
            0 => OggError::NotOgg { found },
            _ => OggError::NoPage { offset },
        }))
    }

    fn drop_front(&mut self, len: usize) {
        self.held.drain(..len);
        self.offset += len as u64;
    }
}

fn is_header(bytes: &[u8]) -> bool {
    bytes.starts_with(CAPTURE)
}

/// The checksum of a page, its own field counting as zeros (RFC 3533 §6).
pub(super) fn checksum(page: &[u8]) -> u32 {
    let (before, rest) = page.split_at(CHECKSUM_AT.min(page.len()));
    let after = rest.get(4..).unwrap_or_default();
    add(add(add(0, before), &[0; 4]), after)
}

fn add(mut sum: u32, bytes: &[u8]) -> u32 {
    for &byte in bytes {
        sum = (sum << 8) ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)];
    }
    sum
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut sum, mut bit) = ((n as u32) << 24, 0);
        while bit < 8 {
            let carry = sum >> 31;
            sum = (sum << 1) ^ (carry * 0x04c1_1db7);
            bit += 1;
        }
        table[n] = sum;
        n += 1;
    }
    table
};

pub(super) const CONTINUED: u8 = 1;
pub(super) const FIRST: u8 = 2;
pub(super) const LAST: u8 = 4;
pub(super) const FLAGS_AT: usize = 5;
pub(super) const CHECKSUM_AT: usize = 22;
pub(super) const HEADER_LEN: usize = 27;
pub(super) const MAX_SEGMENTS: usize = 255;
/// The longest packet that ends in the page in which it begins.
pub(super) const MAX_PACKET: usize = MAX_SEGMENTS * 255 - 1;
/// Half a second at 128 kbit/s.
const USUAL_BODY: usize = 8_192;
const CAPTURE: &[u8; 5] = b"OggS\0";
