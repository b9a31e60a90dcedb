//! What a crash left of an Ogg Opus file, made whole again.
//!
//! In: all bytes of the file, in pieces of any size. Out: where to cut it and
//! which page to mark as the last one, or nothing where both are so already. No
//! sound of a whole page is lost. A file without both headers is beyond repair.

use super::error::OggError;
use super::page::{CHECKSUM_AT, FLAGS_AT, LAST, Step, checksum};
use super::reader::OggReader;
use crate::Patch;

/// How to repair a file: cut it, then apply the patches.
///
/// ```
/// use talkpath_file::ogg::{OggWriter, OpusHead, repair};
/// let mut file = Vec::new();
/// let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file)?;
/// writer.gap(480_000, &mut file)?;
/// let cut = &file[..file.len() - 3]; // and then the power failed
///
/// let repair = repair(cut)?.expect("it ends inside of a page");
/// assert!(repair.len < cut.len() as u64);
/// assert_eq!(repair.patches.len(), 1); // the new end is marked as such
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OggRepair {
    /// Length of the file from now on, in bytes.
    pub len: u64,
    /// What to write where, in this order.
    pub patches: Vec<Patch>,
    /// Samples at 48 kHz that can then be heard.
    pub samples: u64,
}

/// Finds out what a file needs from bytes as they come.
///
/// It holds no more than a page or two, whatever the length of the file.
///
/// ```
/// use talkpath_file::ogg::{OggRepairScan, OggWriter, OpusHead};
/// let mut file = Vec::new();
/// let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file)?;
/// writer.finish(0, &mut file)?;
/// let mut scan = OggRepairScan::new();
/// for piece in file.chunks(100) {
///     scan.push(piece);
/// }
/// assert_eq!(scan.finish()?, None); // it is whole
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OggRepairScan {
    reader: OggReader,
    /// The last page that was whole, and where it begins.
    last: Vec<u8>,
    last_at: u64,
    len: u64,
    samples: u64,
}

/// [`OggRepairScan`] for a file that is in memory.
///
/// # Errors
/// As [`OggRepairScan::finish`].
pub fn repair(file: &[u8]) -> Result<Option<OggRepair>, OggError> {
    let mut scan = OggRepairScan::new();
    scan.push(file);
    scan.finish()
}

impl OggRepairScan {
    /// Waits for the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reader: OggReader::new(),
            last: Vec::new(),
            last_at: 0,
            len: 0,
            samples: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        let mut rest = bytes;
        loop {
            match self.reader.step(&mut rest) {
                Step::More => break,
                Step::Fault(_) => {}
                Step::Page => self.keep_page(),
            }
            while let Ok(Some(packet)) = self.reader.next_packet() {
                if packet.samples > 0 {
                    self.samples = packet.position.saturating_add(packet.samples.into());
                }
            }
        }
    }

    /// Tells that the file ended, and learns what it needs.
    ///
    /// # Errors
    /// [`OggError`] when it is no Ogg Opus file, or ends inside of its headers.
    pub fn finish(mut self) -> Result<Option<OggRepair>, OggError> {
        match self.reader.finish() {
            Ok(()) | Err(OggError::PageTruncated { .. }) => {}
            Err(error) => return Err(error),
        }
        loop {
            match self.reader.pages().end() {
                Step::More => break,
                Step::Fault(_) => {}
                Step::Page => self.keep_page(),
            }
        }
        let (flags, end) = (
            self.last.get(FLAGS_AT).copied().unwrap_or(0),
            self.last_at + self.last.len() as u64,
        );
        let mut patches = Vec::new();
        if flags & LAST == 0 {
            let mut page = self.last;
            page[FLAGS_AT] |= LAST;
            let sum = checksum(&page).to_le_bytes();
            page[CHECKSUM_AT..][..4].copy_from_slice(&sum);
            patches.push(Patch {
                offset: self.last_at,
                bytes: page[..CHECKSUM_AT + 4].to_vec(),
            });
        }
        let whole = patches.is_empty() && end == self.len;
        Ok((!whole).then_some(OggRepair {
            len: end,
            patches,
            samples: self.samples,
        }))
    }

    fn keep_page(&mut self) {
        if let Some(page) = self.reader.pages().page() {
            self.last.clear();
            self.last.extend_from_slice(page.bytes());
            self.last_at = page.offset;
        }
    }
}

impl Default for OggRepairScan {
    fn default() -> Self {
        Self::new()
    }
}
