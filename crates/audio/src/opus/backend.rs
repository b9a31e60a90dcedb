//! Who computes Opus: Rust by default, Xiph's C with the feature `libopus`.
//!
//! In: PCM or packets whose lengths are checked already. Out: the other of the
//! two, or a [`Fault`]. Both modules offer the same two types, and both pass the
//! same tests. Left out: every rule of RFC 7587, which lies above.

#[cfg(feature = "libopus")]
mod libopus;
#[cfg(any(test, not(feature = "libopus")))]
// Beside libopus it is a judge only, which needs less of it.
#[cfg_attr(feature = "libopus", allow(dead_code))]
mod ropus;

#[cfg(feature = "libopus")]
pub(super) use libopus::{Decoder, Encoder};
#[cfg(not(feature = "libopus"))]
pub(super) use ropus::{Decoder, Encoder};

/// The codec failed with this error code of libopus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) i32);

/// What there is of a frame that is to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// Its packet.
    Packet(&'a [u8]),
    /// The packet after it, which repeats it.
    Next(&'a [u8]),
    /// Nothing.
    Nothing,
}

/// Computing spent on encoding, of 0 to 10. For wide-band speech at 24 kb/s, 5
/// is 0.27 PESQ worse at 0.8 of the time, and 9 is 0.1 better at twice the time.
const COMPLEXITY: u8 = 7;

#[cfg(all(test, feature = "libopus"))]
mod tests;
