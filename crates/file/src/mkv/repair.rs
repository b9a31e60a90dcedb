//! What a crash left of a Matroska file, made whole again.
//!
//! In: all bytes of the file, in pieces of any size. Out: where to cut it, and
//! sizes and length to write over what stands there; or nothing where all of it
//! tells the truth. A cluster that was half written keeps its whole frames. A file
//! whose tracks are not told is beyond repair.

use super::ebml::{number, size_of_len};
use super::error::MkvError;
use super::id;
use super::scan::{Element, Scan};
use super::writer::DURATION_LEN;
use crate::Patch;

/// How to repair a file: cut it, then apply the patches.
///
/// ```
/// use std::time::Duration;
/// use talkpath_file::mkv::{Keyframe, MkvInfo, MkvTrack, MkvWriter, repair};
/// let mut file = Vec::new();
/// let mut writer = MkvWriter::new(&[MkvTrack::Vp8], &MkvInfo::default(), &mut file)?;
/// for n in 0..10 {
///     let time = Duration::from_millis(100) * n;
///     writer.frame(0, time, Keyframe::Yes, &[0; 99], &mut file)?;
/// }
/// let cut = &file[..file.len() - 1]; // and then the disk was full
///
/// let repair = repair(cut)?.expect("it ends inside of a frame");
/// assert_eq!(repair.frames, 4);
/// assert_eq!(repair.latest_ms, 300);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MkvRepair {
    /// Length of the file from now on, in bytes.
    pub len: u64,
    /// What to write where, in this order.
    pub patches: Vec<Patch>,
    /// Frames that the file then has, of all tracks.
    pub frames: u64,
    /// Time of the latest of them, in milliseconds.
    pub latest_ms: u64,
}

/// Finds out what a file needs from bytes as they come.
///
/// It holds a few bytes, whatever the length of the file.
///
/// ```
/// use std::time::Duration;
/// use talkpath_file::mkv::{MkvInfo, MkvRepairScan, MkvTrack, MkvWriter};
/// let mut file = Vec::new();
/// MkvWriter::new(&[MkvTrack::Vp8], &MkvInfo::default(), &mut file)?;
/// let mut scan = MkvRepairScan::new();
/// for piece in file.chunks(100) {
///     scan.push(piece);
/// }
/// let repair = scan.finish()?.expect("its sizes are unknown");
/// assert_eq!((repair.len, repair.frames), (file.len() as u64, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MkvRepairScan {
    scan: Scan,
    start: Vec<u8>,
    len: u64,
    segment: Option<Element>,
    /// Where the length stands, or the room for it.
    duration_at: Option<u64>,
    tracks: bool,
    cluster: Option<Cluster>,
    /// The element that was found last, which may not be whole.
    last: Option<Element>,
    frames: u64,
    latest: u64,
    earlier_latest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    element: Element,
    time: u64,
    frames: u64,
}

/// [`MkvRepairScan`] for a file that is in memory.
///
/// # Errors
/// As [`MkvRepairScan::finish`].
pub fn repair(file: &[u8]) -> Result<Option<MkvRepair>, MkvError> {
    let mut scan = MkvRepairScan::new();
    scan.push(file);
    scan.finish()
}

impl MkvRepairScan {
    /// Waits for the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            scan: Scan::new(),
            start: Vec::new(),
            len: 0,
            segment: None,
            duration_at: None,
            tracks: false,
            cluster: None,
            last: None,
            frames: 0,
            latest: 0,
            earlier_latest: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let missing = (4 - self.start.len()).min(bytes.len());
        self.start.extend_from_slice(&bytes[..missing]);
        self.len += bytes.len() as u64;
        let mut rest = bytes;
        while let Some(element) = self.scan.push(&mut rest) {
            self.element(&element);
        }
    }

    /// Tells that the file ended, and learns what it needs.
    ///
    /// # Errors
    /// [`MkvError`] when it is no Matroska file, or ends inside of its header.
    pub fn finish(mut self) -> Result<Option<MkvRepair>, MkvError> {
        let found = number(&self.start) as u32;
        if self.start.len() == 4 && found != id::EBML {
            return Err(MkvError::NotMatroska { found });
        }
        let mut end = self.scan.whole_until();
        if self.scan.missing() > 0 {
            end = self.take_back();
        }
        let (Some(segment), true) = (self.segment, self.tracks) else {
            return Err(MkvError::HeaderTruncated { len: self.len });
        };
        let mut patches = Vec::new();
        if let Some(cluster) = self.cluster
            && cluster.element.end().is_none_or(|whole| whole != end)
        {
            if cluster.frames == 0 {
                end = cluster.element.at;
            } else {
                patches.extend(size_patch(&cluster.element, end));
            }
        }
        // What says how long it is, and is as long, was finished.
        if end == self.len && patches.is_empty() && segment.end() == Some(end) {
            return Ok(None);
        }
        patches.extend(self.duration_patch());
        patches.extend(size_patch(&segment, end));
        Ok(Some(MkvRepair {
            len: end,
            patches,
            frames: self.frames,
            latest_ms: self.latest,
        }))
    }

    /// Takes note of an element.
    fn element(&mut self, element: &Element) {
        self.last = Some(*element);
        if let Some(cluster) = self.cluster
            && (element.head.id == id::CLUSTER
                || cluster.element.end().is_some_and(|end| element.at >= end))
        {
            self.cluster = None;
        }
        match element.head.id {
            id::SEGMENT => self.segment = self.segment.or(Some(*element)),
            id::TRACKS => self.tracks = true,
            id::DURATION if element.head.size == Some(8) && element.head.len() == 3 => {
                self.duration_at = Some(element.at);
            }
            id::VOID if !self.tracks => {
                let len = element.end().unwrap_or(0).saturating_sub(element.at);
                if len == DURATION_LEN as u64 {
                    self.duration_at = Some(element.at);
                }
            }
            id::CLUSTER => {
                self.cluster = Some(Cluster {
                    element: *element,
                    time: 0,
                    frames: 0,
                });
            }
            id::TIMESTAMP => {
                if let Some(cluster) = &mut self.cluster {
                    cluster.time = number(element.prefix());
                }
            }
            id::SIMPLE_BLOCK | id::BLOCK => self.block(element.prefix()),
            _ => {}
        }
    }

    fn block(&mut self, prefix: &[u8]) {
        let Some(cluster) = &mut self.cluster else {
            return;
        };
        cluster.frames += 1;
        self.frames += 1;
        // A track number of one byte, then the time, relative and signed.
        let relative = match *prefix {
            [track, high, low, ..] if track & 0x80 != 0 => i16::from_be_bytes([high, low]),
            _ => 0,
        };
        let time = cluster.time.saturating_add_signed(relative.into());
        self.earlier_latest = self.latest;
        self.latest = self.latest.max(time);
    }

    /// Undoes the last element, which the end of the file cut; where it began.
    fn take_back(&mut self) -> u64 {
        let Some(last) = self.last else {
            return self.len;
        };
        match last.head.id {
            id::TRACKS => self.tracks = false,
            id::SIMPLE_BLOCK | id::BLOCK => {
                self.frames -= 1;
                self.latest = self.earlier_latest;
                if let Some(cluster) = &mut self.cluster {
                    cluster.frames -= 1;
                }
            }
            _ => {}
        }
        last.at
    }

    fn duration_patch(&self) -> Option<Patch> {
        let offset = self.duration_at?;
        let mut bytes = Vec::with_capacity(DURATION_LEN);
        super::ebml::float(&mut bytes, id::DURATION, self.latest as f64);
        Some(Patch { offset, bytes })
    }
}

impl Default for MkvRepairScan {
    fn default() -> Self {
        Self::new()
    }
}

/// The size of a parent that ends at `end`, if it can be said and is not.
fn size_patch(parent: &Element, end: u64) -> Option<Patch> {
    let (head, size) = (parent.head, end.saturating_sub(parent.body_at()));
    let fits = size < (1 << (7 * head.size_len)) - 1;
    (fits && head.size != Some(size)).then(|| Patch {
        offset: parent.at + head.id_len as u64,
        bytes: size_of_len(size, head.size_len)[8 - head.size_len..].to_vec(),
    })
}
