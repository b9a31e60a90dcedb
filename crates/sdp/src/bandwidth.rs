//! The `b=` line. RFC 8866 §5.8, RFC 3890 (TIAS), RFC 3556 (RS, RR).

use core::fmt;

use crate::token::{number, split_at_byte, token, trim};

/// A `b=` line, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bandwidth<'a> {
    /// `AS` and `CT` (kbit/s), `TIAS`, `RS` and `RR` (bit/s), or another.
    pub modifier: &'a str,
    /// In the unit of the modifier.
    pub value: u64,
}

impl<'a> Bandwidth<'a> {
    /// Reads the value of a `b=` line.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (modifier, value) = split_at_byte(value, b':')?;
        Some(Bandwidth {
            modifier: token(trim(modifier))?,
            value: number(trim(value))?,
        })
    }

    /// In bit/s, when the unit is known.
    pub fn bits_per_second(&self) -> Option<u64> {
        match self.modifier {
            "AS" | "CT" => self.value.checked_mul(1000),
            "TIAS" | "RS" | "RR" => Some(self.value),
            _ => None,
        }
    }
}

impl fmt::Display for Bandwidth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.modifier, self.value)
    }
}
