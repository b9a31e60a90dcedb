//! `a=rtcp-fb`: feedback that the writer understands. RFC 4585 §4.2.

use alloc::vec::Vec;

use talkpath_wire::PayloadType;

use super::{Attribute, push};
use crate::token::{small, split_word};

/// `a=rtcp-fb:<payload type or *> <kind> [parameters]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtcpFb<'a> {
    /// The payload types it is said of.
    pub target: FeedbackTarget,
    /// `nack pli`, `ccm fir`, `transport-cc`, …, as written.
    pub feedback: &'a [u8],
}

/// What a feedback line is said of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeedbackTarget {
    /// `*`
    All,
    /// One payload type.
    One(PayloadType),
}

impl<'a> Attribute<'a> for RtcpFb<'a> {
    const NAME: &'static str = "rtcp-fb";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (target, feedback) = split_word(value);
        let target = match target {
            b"*" => FeedbackTarget::All,
            number => FeedbackTarget::One(PayloadType::new(small(number)?).ok()?),
        };
        (!feedback.is_empty()).then_some(RtcpFb { target, feedback })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        match self.target {
            FeedbackTarget::All => out.extend_from_slice(b"* "),
            FeedbackTarget::One(payload_type) => push(out, format_args!("{payload_type} ")),
        }
        out.extend_from_slice(self.feedback);
    }
}
