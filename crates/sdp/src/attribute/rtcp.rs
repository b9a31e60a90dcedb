//! Where RTCP goes: `a=rtcp` (RFC 3605), `a=rtcp-mux` (RFC 5761),
//! `a=rtcp-mux-only` (RFC 8858).

use alloc::vec::Vec;

use super::{Attribute, push};
use crate::connection::Connection;
use crate::token::{small, split_word, trim};

/// `a=rtcp:<port> [IN IP4|IP6 <address>]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rtcp<'a> {
    /// The RTCP port.
    pub port: u16,
    /// The RTCP address, when it is not that of RTP.
    pub connection: Option<Connection<'a>>,
}

/// `a=rtcp-mux`: RTP and RTCP on one port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RtcpMux;

/// `a=rtcp-mux-only`: one port, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RtcpMuxOnly;

impl<'a> Attribute<'a> for Rtcp<'a> {
    const NAME: &'static str = "rtcp";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (port, rest) = split_word(value);
        let connection = match rest {
            [] => None,
            // RFC 3605 §2.1 takes a unicast address only.
            _ => Some(Connection::parse(rest).filter(|c| c.ttl.is_none() && c.count.is_none())?),
        };
        Some(Rtcp {
            port: small(port)?,
            connection,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        push(out, format_args!("{}", self.port));
        if let Some(connection) = &self.connection {
            push(out, format_args!(" {connection}"));
        }
    }
}

impl<'a> Attribute<'a> for RtcpMux {
    const NAME: &'static str = "rtcp-mux";

    fn parse(value: &'a [u8]) -> Option<Self> {
        trim(value).is_empty().then_some(RtcpMux)
    }

    fn write_value(&self, _out: &mut Vec<u8>) {}
}

impl<'a> Attribute<'a> for RtcpMuxOnly {
    const NAME: &'static str = "rtcp-mux-only";

    fn parse(value: &'a [u8]) -> Option<Self> {
        trim(value).is_empty().then_some(RtcpMuxOnly)
    }

    fn write_value(&self, _out: &mut Vec<u8>) {}
}
