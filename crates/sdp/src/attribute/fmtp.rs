//! `a=fmtp`: the parameters of a format. RFC 8866 §6.15.

use alloc::vec::Vec;

use talkpath_wire::PayloadType;

use super::Attribute;
use crate::media::payload_type;
use crate::token::{split_at_byte, split_word, trim};

/// `a=fmtp:<format> <parameters>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fmtp<'a> {
    /// The format, as in the m-line.
    pub format: &'a [u8],
    /// The parameters, as written.
    pub parameters: &'a [u8],
}

impl<'a> Fmtp<'a> {
    /// The format as a payload type, if it is one.
    pub fn payload_type(&self) -> Option<PayloadType> {
        payload_type(self.format)
    }

    /// The `name=value` pairs between semicolons; a bare word has no value.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        self.parameters
            .split(|&b| b == b';')
            .map(trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| match split_at_byte(pair, b'=') {
                Some((name, value)) => (trim(name), Some(trim(value))),
                None => (pair, None),
            })
    }

    /// The value of the parameter `name`, ASCII case aside (RFC 4855 §3).
    pub fn parameter(&self, name: &str) -> Option<&'a [u8]> {
        self.pairs()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))?
            .1
    }
}

impl<'a> Attribute<'a> for Fmtp<'a> {
    const NAME: &'static str = "fmtp";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (format, parameters) = split_word(value);
        (!format.is_empty()).then_some(Fmtp { format, parameters })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.format);
        out.push(b' ');
        out.extend_from_slice(self.parameters);
    }
}
