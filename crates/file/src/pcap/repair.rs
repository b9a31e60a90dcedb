//! How much of a capture is whole.
//!
//! In: the bytes of a file, in pieces of any size. Out: the length up to which
//! every record is there: what a crash left is repaired by cutting the rest off.
//! Nothing is held but one header.

use super::{FILE_HEADER_LEN, RECORD_HEADER_LEN, SNAP_LEN};

/// Finds the end of the last whole record of a capture.
///
/// ```
/// use talkpath_file::pcap::{PcapScan, PcapWriter, Precision};
/// let mut writer = PcapWriter::new(Precision::Nanoseconds);
/// let mut file = writer.header().to_vec();
/// let (src, dst) = ("10.0.0.7:4000".parse()?, "10.0.0.9:5000".parse()?);
/// writer.datagram(Default::default(), src, dst, b"hello", &mut file)?;
/// let whole = file.len() as u64;
/// writer.datagram(Default::default(), src, dst, b"hal", &mut file)?;
///
/// let mut scan = PcapScan::new();
/// scan.push(&file[..file.len() - 1]);
/// assert_eq!((scan.whole(), scan.records()), (Some(whole), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PcapScan {
    header: [u8; FILE_HEADER_LEN],
    filled: usize,
    stage: Stage,
    little: bool,
    /// Bytes pushed so far that belong to what is understood.
    offset: u64,
    whole: Option<u64>,
    records: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    FileHeader,
    RecordHeader,
    Body {
        left: u64,
    },
    /// Nothing behind this can be trusted.
    Broken,
}

impl PcapScan {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Self {
        PcapScan {
            header: [0; FILE_HEADER_LEN],
            filled: 0,
            stage: Stage::FileHeader,
            little: true,
            offset: 0,
            whole: None,
            records: 0,
        }
    }

    /// Looks at more bytes of the file.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.stage {
                Stage::Broken => return,
                Stage::Body { left } => {
                    let len = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.offset += len as u64;
                    bytes = &bytes[len..];
                    self.body(left - len as u64);
                }
                Stage::FileHeader => self.gather(FILE_HEADER_LEN, &mut bytes, Self::file_header),
                Stage::RecordHeader => {
                    self.gather(RECORD_HEADER_LEN, &mut bytes, Self::record_header);
                }
            }
        }
    }

    /// The length up to which the capture is whole; none when it has no whole
    /// header, or is no capture.
    #[must_use]
    pub fn whole(&self) -> Option<u64> {
        self.whole
    }

    /// Whole records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    fn gather(&mut self, wanted: usize, bytes: &mut &[u8], full: fn(&mut Self)) {
        let len = bytes.len().min(wanted - self.filled);
        self.header[self.filled..][..len].copy_from_slice(&bytes[..len]);
        *bytes = &bytes[len..];
        self.filled += len;
        self.offset += len as u64;
        if self.filled == wanted {
            self.filled = 0;
            full(self);
        }
    }

    fn file_header(&mut self) {
        let magic = self.word(0);
        let swapped = magic.swap_bytes();
        self.little = MAGICS.contains(&magic);
        if self.little || MAGICS.contains(&swapped) {
            self.stage = Stage::RecordHeader;
            self.whole = Some(self.offset);
        } else {
            self.stage = Stage::Broken;
        }
    }

    fn record_header(&mut self) {
        let len = match self.little {
            true => self.word(8),
            false => self.word(8).swap_bytes(),
        };
        match len {
            len if len > SNAP_LEN => self.stage = Stage::Broken,
            len => self.body(u64::from(len)),
        }
    }

    fn body(&mut self, left: u64) {
        self.stage = Stage::Body { left };
        if left == 0 {
            self.stage = Stage::RecordHeader;
            self.whole = Some(self.offset);
            self.records += 1;
        }
    }

    fn word(&self, at: usize) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.header[at..at + 4]);
        u32::from_le_bytes(word)
    }
}

impl Default for PcapScan {
    fn default() -> Self {
        Self::new()
    }
}

/// Of microseconds and of nanoseconds.
const MAGICS: [u32; 2] = [0xa1b2_c3d4, 0xa1b2_3c4d];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pcap::{PcapReader, PcapWriter, Precision};

    #[test]
    fn a_capture_cut_at_any_byte_is_whole_up_to_its_last_record() {
        let mut writer = PcapWriter::new(Precision::Microseconds);
        let mut file = writer.header().to_vec();
        let (src, dst) = (
            "10.0.0.7:4000".parse().unwrap(),
            "10.0.0.9:5000".parse().unwrap(),
        );
        for len in [0, 1, 160] {
            let payload = vec![7; len];
            writer
                .datagram(Duration::ZERO, src, dst, &payload, &mut file)
                .unwrap();
        }
        for len in 0..=file.len() {
            let mut scan = PcapScan::new();
            file[..len].chunks(7).for_each(|piece| scan.push(piece));
            let Some(whole) = scan.whole() else {
                assert!(len < FILE_HEADER_LEN);
                continue;
            };
            let kept = &file[..whole as usize];
            let read = PcapReader::new(kept).unwrap();
            assert!(whole as usize <= len);
            assert_eq!(read.map(Result::unwrap).count() as u64, scan.records());
        }
    }

    #[test]
    fn what_is_no_capture_is_not_whole() {
        let mut scan = PcapScan::new();
        scan.push(&[b'R'; 100]);
        assert_eq!(scan.whole(), None);
    }
}
