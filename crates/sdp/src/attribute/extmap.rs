//! `a=extmap`: the numbers of RTP header extensions. RFC 8285 §8.

use alloc::vec::Vec;

use super::{Attribute, push};
use crate::direction::Direction;
use crate::token::{small, split_at_byte, split_word, visible};

/// `a=extmap:<id>[/<direction>] <uri> [attributes]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extmap<'a> {
    /// The local identifier: 1..=14, 1..=255 with two-byte headers, 4096 and
    /// up while unsettled.
    pub id: u16,
    /// Who sends it; the medium's direction when not written.
    pub direction: Option<Direction>,
    /// What the extension is.
    pub uri: &'a str,
    /// What follows the URI.
    pub attributes: &'a [u8],
}

impl<'a> Attribute<'a> for Extmap<'a> {
    const NAME: &'static str = "extmap";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (id, rest) = split_word(value);
        let (uri, attributes) = split_word(rest);
        let (id, direction) = match split_at_byte(id, b'/') {
            Some((id, direction)) => (id, Some(Direction::from_name(direction)?)),
            None => (id, None),
        };
        Some(Extmap {
            id: small(id)?,
            direction,
            uri: visible(uri)?,
            attributes,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(out, format_args!("{}", self.id));
        if let Some(direction) = self.direction {
            push(out, format_args!("/{direction}"));
        }
        push(out, format_args!(" {}", self.uri));
        if !self.attributes.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.attributes);
        }
    }
}
