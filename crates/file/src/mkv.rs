//! Matroska: sound and pictures of a call in one file.
//!
//! In: frames of several tracks with their times; out: the bytes of a file. RFC
//! 8794 (EBML) and RFC 9559 (Matroska): Opus, 16-bit PCM, VP8 and H.264. A file
//! being written has the live form, a segment of unknown size with clusters of
//! at most 500 ms, each appended as a whole; at the end sizes, length and an
//! index are patched in. Left out: reading frames back, lacing, encryption, tags.
//!
//! To record: [`MkvWriter::new`], then [`frame`](MkvWriter::frame) for each frame,
//! appending what it gives, and [`picture`](MkvWriter::picture) with the first
//! keyframe of each track; after a crash, [`MkvRepairScan`] says where to cut and
//! what to patch.

mod cluster;
mod ebml;
mod error;
mod id;
mod index;
mod repair;
mod scan;
mod track;
mod writer;

#[cfg(test)]
mod tests;

pub use error::{MkvError, MkvWriteError};
pub use repair::{MkvRepair, MkvRepairScan, repair};
pub use track::{MkvTrack, Picture};
pub use writer::{Keyframe, MkvInfo, MkvWriter};
