//! Ogg Opus: recordings as small files that every player knows.
//!
//! In: Opus packets; out: pages of an Ogg file. And back. RFC 3533 (pages,
//! lacing, checksums, chained streams), RFC 7845 (identification and comment
//! header, pre-skip, granule positions, gaps, end trimming). All positions and
//! lengths are samples at 48 kHz, the clock of every Opus stream. Left out: codecs
//! other than Opus, and more than one Opus stream at a time in one file.
//!
//! To record: [`OggWriter::new`], then [`packet`](OggWriter::packet) for sound and
//! [`gap`](OggWriter::gap) for what is missing, appending what they give; after a
//! crash, [`OggRepairScan`] says where to cut and what to patch. To play: bytes
//! into [`OggReader::push`], packets out of [`OggReader::next_packet`].

mod error;
mod head;
mod page;
mod reader;
mod repair;
mod tags;
mod toc;
mod writer;

#[cfg(test)]
mod tests;

pub use error::{OggError, OggWriteError};
pub use head::{OpusHead, OpusMapping};
pub use reader::{OggPacket, OggReader};
pub use repair::{OggRepair, OggRepairScan, repair};
pub use tags::OpusTags;
pub use toc::packet_samples;
pub use writer::OggWriter;

/// Samples per second of every position in an Ogg Opus file.
pub const RATE: u32 = 48_000;
