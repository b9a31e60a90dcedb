//! `a=rtcp-xr`: the extended reports that the writer wants. RFC 3611 §5.1.

use alloc::vec::Vec;

use super::{Attribute, push};
use crate::token::trim;

/// `a=rtcp-xr:<format> <format> ...`, as written.
///
/// ```
/// use talkpath_sdp::Attribute;
/// use talkpath_sdp::attribute::RtcpXr;
/// let wanted = RtcpXr::parse(b"rcvr-rtt=all:10000 voip-metrics").expect("well formed");
/// assert!(wanted.has("voip-metrics") && wanted.has("rcvr-rtt"));
/// assert!(!wanted.has("stat-summary"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtcpXr<'a>(pub &'a str);

impl RtcpXr<'_> {
    /// The one that asks for VoIP metrics.
    pub const VOIP_METRICS: RtcpXr<'static> = RtcpXr("voip-metrics");

    /// Whether the format `name` is wanted, whatever its parameters.
    pub fn has(&self, name: &str) -> bool {
        self.0.split_ascii_whitespace().any(|format| {
            let format = format.split(['=', ':']).next();
            format.is_some_and(|format| format.eq_ignore_ascii_case(name))
        })
    }
}

impl<'a> Attribute<'a> for RtcpXr<'a> {
    const NAME: &'static str = "rtcp-xr";

    fn parse(value: &'a [u8]) -> Option<Self> {
        core::str::from_utf8(trim(value)).ok().map(RtcpXr)
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(out, format_args!("{}", self.0));
    }
}
