//! Calls with peers that we did not write.
//!
//! What the interop tests (`tests/interop`) are made of: other programs as
//! peers, sound made and scored at test time, a capture of the wire and
//! tshark as its judge. In: the `talkpath` binary, built from this checkout.
//! Out: verdicts with everything a failed call said. Nothing here knows our
//! SDP, RTP or audio code: a judge that shares it would share its mistakes.
//! Real time, sockets and processes, so clocks and sleeps are allowed here.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods)]

pub mod capture;
pub mod description;
pub mod judge;
pub mod needs;
pub mod peers;
pub mod ports;
pub mod process;
pub mod sip;
pub mod sound;
pub mod talkpath;
pub mod verdict;

use std::path::{Path, PathBuf};

/// The root of this checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}
