//! Attributes: by name, or read into a type when somebody asks.
//!
//! A typed view reads one value and owns nothing; what it cannot read it
//! leaves alone (`None`), because the line itself is kept anyway. Each writes
//! itself back in the form its RFC prefers.

use alloc::vec::Vec;
use core::fmt;

mod candidate;
mod crypto;
mod dtls;
mod extmap;
mod fmtp;
mod group;
mod ptime;
mod rtcp;
mod rtcp_fb;
mod rtcp_xr;
mod rtpmap;
mod ssrc;

pub use candidate::{Candidate, CandidateKind};
pub use crypto::{Crypto, KeyParameter};
pub use dtls::{Fingerprint, Setup};
pub use extmap::Extmap;
pub use fmtp::Fmtp;
pub use group::{Group, Mid};
pub use ptime::{MaxPtime, Ptime};
pub use rtcp::{Rtcp, RtcpMux, RtcpMuxOnly};
pub use rtcp_fb::{FeedbackTarget, RtcpFb};
pub use rtcp_xr::RtcpXr;
pub use rtpmap::RtpMap;
pub use ssrc::{SsrcAttribute, SsrcGroup};

use crate::token::{is_blank, split_at_byte, trim};

/// An attribute that can be read from, and written as, the value of `a=NAME:`.
///
/// ```
/// use talkpath_sdp::Attribute;
/// use talkpath_sdp::attribute::RtpMap;
///
/// let map = RtpMap::parse(b"96 opus/48000/2").expect("well formed");
/// assert_eq!((map.encoding, map.clock_rate, map.channels), ("opus", 48000, Some(2)));
/// let mut line = Vec::new();
/// map.write(&mut line);
/// assert_eq!(line, b"rtpmap:96 opus/48000/2");
/// ```
pub trait Attribute<'a>: Sized {
    /// The attribute's name.
    const NAME: &'static str;

    /// Reads what follows the colon; empty for a flag.
    fn parse(value: &'a [u8]) -> Option<Self>;

    /// Appends what follows the colon; nothing for a flag.
    fn write_value(&self, out: &mut Vec<u8>);

    /// Appends `NAME:value`, or `NAME` alone for a flag.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Self::NAME.as_bytes());
        out.push(b':');
        let before = out.len();
        self.write_value(out);
        if out.len() == before {
            out.pop();
        }
    }
}

/// An attribute as written: `a=name:value`, or `a=name`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// What stands before the first colon.
    pub name: &'a [u8],
    /// What stands behind it; empty for a flag.
    pub value: &'a [u8],
}

impl<'a> RawAttribute<'a> {
    /// Splits the value of an `a=` line.
    pub fn split(value: &'a [u8]) -> Self {
        let (name, value) = split_at_byte(value, b':').unwrap_or((value, &[]));
        RawAttribute {
            name: trim(name),
            value,
        }
    }
}

/// The value of the attribute in `text` if its name is `name`: what
/// [`RawAttribute::split`] would find, without looking for the colon first.
pub(crate) fn value_of<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = match text.strip_prefix(name) {
        Some(rest) => rest,
        None if text.first().is_some_and(|&b| is_blank(b)) => trim(text).strip_prefix(name)?,
        None => return None,
    };
    match rest {
        [] => Some(rest),
        [b':', value @ ..] => Some(value),
        [blank, ..] if is_blank(*blank) => match split_at_byte(rest, b':') {
            Some((blanks, value)) => trim(blanks).is_empty().then_some(value),
            None => trim(rest).is_empty().then_some(&[]),
        },
        _ => None,
    }
}

impl fmt::Debug for RawAttribute<'_> {
    /// The name only: the value may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a={}", self.name.escape_ascii())
    }
}

/// Appends formatted text to bytes.
pub(crate) fn push(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    struct Sink<'v>(&'v mut Vec<u8>);
    impl fmt::Write for Sink<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // Writing into a vector cannot fail, and no Display here returns an error.
    let _ = fmt::write(&mut Sink(out), text);
}
