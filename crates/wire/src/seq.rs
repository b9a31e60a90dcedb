//! Sequence numbers: the 16 bits on the wire and their extension.
//!
//! RFC 3550 §5.1 and Appendix A.1. Arithmetic modulo 2^16 lives here only.

use core::fmt;

/// An RTP sequence number as it stands in the header.
///
/// ```
/// use talkpath_wire::Seq;
/// assert_eq!(Seq::new(65535).next(), Seq::new(0));
/// assert_eq!(Seq::new(2).distance_from(Seq::new(65534)), 4);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seq(u16);

impl Seq {
    /// From the header field.
    pub const fn new(value: u16) -> Self {
        Seq(value)
    }

    /// The header field.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The number after this one, modulo 2^16.
    pub const fn next(self) -> Self {
        Seq(self.0.wrapping_add(1))
    }

    /// This number moved by `by`, modulo 2^16.
    pub const fn wrapping_add(self, by: u16) -> Self {
        Seq(self.0.wrapping_add(by))
    }

    /// Steps from `earlier` to this one, the shorter way around:
    /// −32768..=32767, negative when this one is older.
    pub const fn distance_from(self, earlier: Seq) -> i16 {
        self.0.wrapping_sub(earlier.0) as i16
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seq {}", self.0)
    }
}

/// An extended sequence number: cycles above the 16 bits of the header.
///
/// Totally ordered, so it can index buffers and replay windows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ExtSeq(u64);

impl ExtSeq {
    /// From cycles × 65536 + sequence number.
    pub const fn new(value: u64) -> Self {
        ExtSeq(value)
    }

    /// Cycles × 65536 + sequence number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The low 16 bits, as the header carries them.
    pub const fn seq(self) -> Seq {
        Seq(self.0 as u16)
    }

    /// The low 32 bits, as a receiver report carries them (RFC 3550 §6.4.1).
    pub const fn report_bits(self) -> u32 {
        self.0 as u32
    }

    /// The extended number nearest to this one whose low bits are `seq`.
    /// Never below zero: what would be is taken one cycle later.
    pub const fn nearest(self, seq: Seq) -> Self {
        let step = seq.distance_from(self.seq()) as i64;
        match self.0.checked_add_signed(step) {
            Some(value) => ExtSeq(value),
            None => ExtSeq(seq.0 as u64),
        }
    }

    /// This number moved forward by `by`, saturating.
    pub const fn plus(self, by: u64) -> Self {
        ExtSeq(self.0.saturating_add(by))
    }

    /// Steps from `earlier` to this one, negative when this one is older.
    pub const fn distance_from(self, earlier: ExtSeq) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }
}

impl fmt::Debug for ExtSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seq {}+{}", self.0 >> 16, self.0 as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_crosses_the_wrap_both_ways() {
        let before = ExtSeq::new(0x1_fffe);
        assert_eq!(before.nearest(Seq::new(1)).value(), 0x2_0001);
        assert_eq!(ExtSeq::new(0x2_0001).nearest(Seq::new(0xfffe)), before);
    }

    #[test]
    fn nearest_never_goes_below_zero() {
        assert_eq!(ExtSeq::new(3).nearest(Seq::new(0xfff0)).value(), 0xfff0);
    }
}
