//! `a=candidate`: an ICE address. RFC 8839 §5.1, TCP types of RFC 6544 §4.5.

use alloc::vec::Vec;

use super::{Attribute, push};
use crate::connection::Host;
use crate::token::{small, split_word, visible};

/// `a=candidate:<foundation> <component> <transport> <priority> <address>
/// <port> typ <kind> [raddr … rport …] [extensions]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<'a> {
    /// Groups candidates of one base and server, as written.
    pub foundation: &'a str,
    /// 1 for RTP, 2 for RTCP.
    pub component: u16,
    /// `udp`, `tcp` or another, as written; compare ASCII case aside.
    pub transport: &'a str,
    /// Higher is better.
    pub priority: u32,
    /// The address; a name may be mDNS (`….local`).
    pub host: Host<'a>,
    /// The port.
    pub port: u16,
    /// How the address was found.
    pub kind: CandidateKind<'a>,
    /// The address it was found from.
    pub related: Option<(Host<'a>, u16)>,
    /// What follows, as written: `tcptype …`, `generation …`.
    pub extensions: &'a [u8],
}

/// How a candidate's address was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CandidateKind<'a> {
    /// An address of the machine.
    Host,
    /// Seen by a STUN server.
    ServerReflexive,
    /// Seen by the peer.
    PeerReflexive,
    /// Lent by a TURN server.
    Relayed,
    /// Another word.
    Other(&'a str),
}

impl<'a> CandidateKind<'a> {
    /// The word after `typ`.
    pub fn as_str(self) -> &'a str {
        match self {
            CandidateKind::Host => "host",
            CandidateKind::ServerReflexive => "srflx",
            CandidateKind::PeerReflexive => "prflx",
            CandidateKind::Relayed => "relay",
            CandidateKind::Other(word) => word,
        }
    }
}

impl<'a> Candidate<'a> {
    /// The value of the extension `name`.
    pub fn extension(&self, name: &str) -> Option<&'a [u8]> {
        let mut rest = self.extensions;
        while !rest.is_empty() {
            let (key, after) = split_word(rest);
            let (value, after) = split_word(after);
            if key == name.as_bytes() {
                return Some(value);
            }
            rest = after;
        }
        None
    }
}

impl<'a> Attribute<'a> for Candidate<'a> {
    const NAME: &'static str = "candidate";

    fn parse(value: &'a [u8]) -> Option<Self> {
        let (foundation, rest) = split_word(value);
        let (component, rest) = split_word(rest);
        let (transport, rest) = split_word(rest);
        let (priority, rest) = split_word(rest);
        let (host, rest) = split_word(rest);
        let (port, rest) = split_word(rest);
        let (typ, rest) = split_word(rest);
        let (kind, rest) = split_word(rest);
        if !typ.eq_ignore_ascii_case(b"typ") {
            return None;
        }
        let (related, extensions) = related(rest)?;
        Some(Candidate {
            foundation: visible(foundation)?,
            component: small(component)?,
            transport: visible(transport)?,
            priority: small(priority)?,
            host: Host::parse(host)?,
            port: small(port)?,
            kind: match visible(kind)? {
                "host" => CandidateKind::Host,
                "srflx" => CandidateKind::ServerReflexive,
                "prflx" => CandidateKind::PeerReflexive,
                "relay" => CandidateKind::Relayed,
                other => CandidateKind::Other(other),
            },
            related,
            extensions,
        })
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        let Candidate {
            foundation,
            component,
            transport,
            priority,
            host,
            port,
            ..
        } = self;
        push(
            out,
            format_args!("{foundation} {component} {transport} {priority} {host} {port} "),
        );
        push(out, format_args!("typ {}", self.kind.as_str()));
        if let Some((host, port)) = self.related {
            push(out, format_args!(" raddr {host} rport {port}"));
        }
        if !self.extensions.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.extensions);
        }
    }
}

/// The address that a candidate was found from, if it says so.
type Related<'a> = Option<(Host<'a>, u16)>;

/// `raddr <address> rport <port>` when it comes first; `None` if broken.
fn related(text: &[u8]) -> Option<(Related<'_>, &[u8])> {
    let (key, rest) = split_word(text);
    if key != b"raddr" {
        return Some((None, text));
    }
    let (host, rest) = split_word(rest);
    let (key, rest) = split_word(rest);
    if key != b"rport" {
        return None;
    }
    let (port, rest) = split_word(rest);
    Some((Some((Host::parse(host)?, small(port)?)), rest))
}
