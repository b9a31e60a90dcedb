//! What a crash left of a WAV file, made whole again.
//!
//! In: the beginning of the file and its length. Out: the few bytes to write
//! over its size fields, or nothing where they tell the truth, and where the
//! sound ends: of a frame that was half written, the half is behind that. No
//! sound is moved.

use super::error::WavError;
use super::header::{DataLength, HeaderParser, WavHeader};
use super::writer::ds64;
use crate::Patch;

/// How to repair a file.
///
/// ```
/// use talkpath_file::wav::{WavWriter, repair};
/// // Three frames were written, and then the power failed.
/// let mut file = WavWriter::new(1, 8_000)?.header().to_vec();
/// file.extend([1, 0, 2, 0, 3, 0]);
///
/// let repair = repair(&file, file.len() as u64)?.expect("its sizes still say 0");
/// assert_eq!(repair.data_len, 6);
/// for patch in &repair.patches {
///     file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
/// }
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What to write where, in this order.
    pub patches: Vec<Patch>,
    /// Bytes of sound that the file then has, in whole frames.
    pub data_len: u64,
    /// Where the sound ends, in bytes from the start of the file. What stands
    /// behind is half a frame, or half a chunk, and can be cut off.
    pub end: u64,
}

/// Finds out what the size fields of a file should say.
///
/// `start` must reach as far as the sound; for our own files that is
/// [`HEADER_LEN`](super::HEADER_LEN). `None` where nothing is to be done.
///
/// # Errors
/// [`WavError`] when the header cannot be read or `start` ends inside of it, and
/// [`WavError::TooLong`] when it has no room for the size of the sound.
pub fn repair(start: &[u8], file_len: u64) -> Result<Option<Repair>, WavError> {
    let mut parser = HeaderParser::new();
    let Some(header) = parser.push(&mut &start[..])? else {
        return Err(WavError::HeaderTruncated {
            len: start.len() as u64,
        });
    };
    if file_len < header.data_offset {
        return Err(WavError::HeaderTruncated { len: file_len });
    }
    let found = file_len - header.data_offset;
    if tells_the_truth(&header, found) {
        return Ok(None);
    }
    let frame_len = header.format.frame_len() as u64;
    let sound = match header.data_length {
        // What is cut are the chunks behind the sound: it is as long as said.
        DataLength::Bytes(said) if said <= found && has_more_chunks(&header, said) => said,
        _ => found,
    };
    let data_len = sound / frame_len * frame_len;
    Ok(Some(Repair {
        patches: patches(&header, data_len)?,
        data_len,
        end: header.data_offset + data_len,
    }))
}

fn tells_the_truth(header: &WavHeader, found: u64) -> bool {
    let DataLength::Bytes(said) = header.data_length else {
        return false;
    };
    let frame_len = header.format.frame_len() as u64;
    if said > found {
        false
    } else if has_more_chunks(header, said) {
        riff_end(header) <= header.data_offset.saturating_add(found)
    } else {
        found - said < frame_len.max(2)
    }
}

/// Whether other chunks stand behind `said` bytes of sound: the RIFF covers
/// them then.
fn has_more_chunks(header: &WavHeader, said: u64) -> bool {
    let data_end = header.data_offset.saturating_add(said);
    riff_end(header) > data_end.saturating_add(said % 2)
}

fn riff_end(header: &WavHeader) -> u64 {
    header.sizes.riff.saturating_add(8)
}

fn patches(header: &WavHeader, data_len: u64) -> Result<Vec<Patch>, WavError> {
    let patch = |offset: u64, bytes: &[u8]| Patch {
        offset,
        bytes: bytes.to_vec(),
    };
    let riff_len = header.data_offset - 8 + data_len;
    let data_size_at = header.data_offset - 4;
    let all_ones = u32::MAX.to_le_bytes();
    let frames = data_len / header.format.frame_len() as u64;
    if let Some(ds64) = header.sizes.ds64 {
        let sizes = [riff_len, data_len, frames].map(u64::to_le_bytes).concat();
        return Ok(vec![patch(ds64, &sizes), patch(data_size_at, &all_ones)]);
    }
    if let Ok(riff_len) = u32::try_from(riff_len) {
        let data_len = (data_len as u32).to_le_bytes(); // it is shorter than the RIFF
        return Ok(vec![
            patch(4, &riff_len.to_le_bytes()),
            patch(data_size_at, &data_len),
        ]);
    }
    let reserve = header
        .sizes
        .reserve
        .ok_or(WavError::TooLong { len: data_len })?;
    Ok(vec![
        patch(reserve, &ds64(riff_len, data_len, frames)),
        patch(data_size_at, &all_ones),
        patch(0, b"RF64\xff\xff\xff\xff"),
    ])
}
