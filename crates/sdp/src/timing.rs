//! The `t=` line. RFC 8866 §5.9.

use core::fmt;

use crate::token::{number, split_word};

/// A `t=` line, read: seconds since 1900, 0 when unbounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timing {
    /// When the session begins.
    pub start: u64,
    /// When the session ends.
    pub stop: u64,
}

impl Timing {
    /// Reads the value of a `t=` line.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (start, rest) = split_word(value);
        let (stop, excess) = split_word(rest);
        if !excess.is_empty() {
            return None;
        }
        Some(Timing {
            start: number(start)?,
            stop: number(stop)?,
        })
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.start, self.stop)
    }
}
