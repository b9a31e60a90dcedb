//! `a=mid` and `a=group`: media that belong together. RFC 5888.

use alloc::vec::Vec;

use super::Attribute;
use crate::token::{split_word, trim, visible, words};

/// `a=mid`: the name of a medium (RFC 5888 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mid<'a>(pub &'a str);

/// `a=group:<semantics> <mid>...` (RFC 5888 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group<'a> {
    /// `BUNDLE`, `LS`, `FID`, …
    pub semantics: &'a str,
    /// The mids, separated by blanks.
    pub mids: &'a [u8],
}

impl<'a> Group<'a> {
    /// The mids one by one.
    pub fn mids(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        words(self.mids)
    }
}

impl<'a> Attribute<'a> for Mid<'a> {
    const NAME: &'static str = "mid";

    fn parse(value: &'a [u8]) -> Option<Self> {
        visible(trim(value)).map(Mid)
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

impl<'a> Attribute<'a> for Group<'a> {
    const NAME: &'static str = "group";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (semantics, mids) = split_word(value);
        Some(Group {
            semantics: visible(semantics)?,
            mids,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.semantics.as_bytes());
        for mid in self.mids() {
            out.push(b' ');
            out.extend_from_slice(mid);
        }
    }
}
