//! `a=ssrc` and `a=ssrc-group`: who a source is. RFC 5576 §4.

use alloc::vec::Vec;

use talkpath_wire::Ssrc;

use super::{Attribute, push};
use crate::token::{small, split_at_byte, split_word, visible, words};

/// `a=ssrc:<ssrc> <attribute>[:<value>]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SsrcAttribute<'a> {
    /// The source.
    pub ssrc: Ssrc,
    /// `cname`, `msid`, …; empty when only the number is written.
    pub name: &'a [u8],
    /// What follows the second colon, if there is one.
    pub value: Option<&'a [u8]>,
}

/// `a=ssrc-group:<semantics> <ssrc>...`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SsrcGroup<'a> {
    /// `FID`, `FEC-FR`, `SIM`, …
    pub semantics: &'a str,
    /// The sources, separated by blanks.
    pub ssrcs: &'a [u8],
}

impl<'a> SsrcGroup<'a> {
    /// The sources one by one; words that are none are left out.
    pub fn ssrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        words(self.ssrcs).filter_map(small::<u32>).map(Ssrc::new)
    }
}

impl<'a> Attribute<'a> for SsrcAttribute<'a> {
    const NAME: &'static str = "ssrc";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = split_word(value);
        let (name, value) = match split_at_byte(rest, b':') {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        Some(SsrcAttribute {
            ssrc: Ssrc::new(small(ssrc)?),
            name,
            value,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(out, format_args!("{}", self.ssrc.value()));
        if !self.name.is_empty() || self.value.is_some() {
            out.push(b' ');
            out.extend_from_slice(self.name);
        }
        if let Some(value) = self.value {
            out.push(b':');
            out.extend_from_slice(value);
        }
    }
}

impl<'a> Attribute<'a> for SsrcGroup<'a> {
    const NAME: &'static str = "ssrc-group";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (semantics, ssrcs) = split_word(value);
        Some(SsrcGroup {
            semantics: visible(semantics)?,
            ssrcs,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.semantics.as_bytes());
        for ssrc in self.ssrcs() {
            push(out, format_args!(" {}", ssrc.value()));
        }
    }
}
