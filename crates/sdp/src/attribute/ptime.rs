//! `a=ptime` and `a=maxptime`: media per packet. RFC 8866 §6.4, §6.5.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Attribute, push};
use crate::token::{number, split_at_byte, trim};

/// `a=ptime`: media per packet that the writer would like to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ptime(pub Duration);

/// `a=maxptime`: most media per packet that the writer can receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxPtime(pub Duration);

impl<'a> Attribute<'a> for Ptime {
    const NAME: &'static str = "ptime";

    fn parse(value: &'a [u8]) -> Option<Self> {
        milliseconds(value).map(Ptime)
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        write_milliseconds(self.0, out);
    }
}

impl<'a> Attribute<'a> for MaxPtime {
    const NAME: &'static str = "maxptime";

    fn parse(value: &'a [u8]) -> Option<Self> {
        milliseconds(value).map(MaxPtime)
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        write_milliseconds(self.0, out);
    }
}

/// Above 0 and up to 10 s: more is a mistake or an attack, not a packet.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    let value = trim(value);
    // RFC 8866 §6.4 allows a fraction, as 2.5 ms frames of Opus need.
    let (whole, fraction) = split_at_byte(value, b'.').unwrap_or((value, b"0"));
    let digits = &fraction[..fraction.len().min(3)];
    number(
        fraction
            .get(3..)
            .filter(|rest| !rest.is_empty())
            .unwrap_or(b"0"),
    )?;
    let scale = [1_000_000, 100_000, 10_000, 1_000][digits.len()];
    let nanos = number(whole)?
        .checked_mul(1_000_000)?
        .checked_add(number(digits)? * scale)?;
    (1..=10_000_000_000)
        .contains(&nanos)
        .then(|| Duration::from_nanos(nanos))
}

fn write_milliseconds(time: Duration, out: &mut Vec<u8>) {
    let micros = time.as_micros();
    push(out, format_args!("{}", micros / 1000));
    let fraction = micros % 1000;
    if fraction != 0 {
        push(out, format_args!(".{fraction:03}"));
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}
