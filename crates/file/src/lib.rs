//! Containers of sound, pictures and packets, bytes in and bytes out. Internal to Talkpath.
//!
//! WAV, Ogg Opus, Matroska and pcap. Nothing here opens a file: readers are fed
//! with bytes as they come, writers give bytes and say where they belong. So the
//! same code serves a disk, a pipe, a test and a virtual world. What is broken in
//! a file is a typed error with the numbers of it. This room knows nothing of
//! codecs, RTP or calls.
#![forbid(unsafe_code)]

pub mod mkv;
pub mod ogg;
mod patch;
pub mod pcap;
#[cfg(test)]
mod testing;
pub mod wav;

pub use patch::Patch;
