//! Who computes Opus: Rust by default, Xiph's C with the feature `libopus`.
//!
//! In: PCM or packets whose lengths are checked already. Out: the other of the
//! two, or a [`Fault`]. Both modules offer the same two types, and both pass the
//! same tests. Left out: every rule of RFC 7587, which lies above.

#[cfg(feature = "libopus")]
mod libopus;
#[cfg(any(test, not(feature = "libopus")))]
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

/// Computing spent on encoding, of 0 to 10.
const COMPLEXITY: u8 = 5;

#[cfg(all(test, feature = "libopus"))]
mod tests;
