//! The peer's description as negotiation sees it: typed, without text.
//!
//! In: an m-line of an offer or an answer. Out: what it says about kind,
//! transport, address, formats and RTCP, with every default filled in
//! (RFC 8866 §5.7, §6.7; RFC 3605; RFC 3550 §11). Nothing is refused here:
//! what cannot be used is named, and the rules decide.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use talkpath_wire::{Format, PayloadType, embedded_v4};

use super::keyframes::KeyframeRequests;
use super::stream::{
    Codec, Destination, Hold, Packetization, Remote, Rtcp, Stream, VoipReports, socket,
};
use super::wants::Kind;
use crate::attribute::{Mid, RtcpMux, RtcpMuxOnly, RtcpXr};
use crate::{AddressType, Connection, Direction, Host, Media, Protocol};

/// One m-line of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteLine {
    pub(crate) kind: Kind,
    pub(crate) protocol: Box<str>,
    /// Whether the transport is plain RTP: AVP or AVPF.
    pub(crate) is_plain_rtp: bool,
    pub(crate) formats: Box<[u8]>,
    pub(crate) port: u16,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) direction: Direction,
    pub(crate) address: Address,
    pub(crate) rtcp: Option<(Option<Address>, u16)>,
    pub(crate) mux: Mux,
    pub(crate) is_bundle_only: bool,
    pub(crate) mid: Option<Box<str>>,
    pub(crate) packet: Packetization,
    pub(crate) voip_reports: VoipReports,
    pub(crate) keyframes: KeyframeRequests,
}

/// What a `c=` line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unicast address.
    Ip(IpAddr),
    /// A hold (RFC 3264 §8.4, RFC 6157), with the family that was written.
    Held(AddressType),
    /// A name, which nobody here resolves.
    Name(Box<str>),
    /// Nothing is ever sent there.
    Unusable(IpAddr),
    /// No line, or none that can be read.
    Missing,
}

/// What is said about RTCP on the RTP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mux {
    No,
    Yes,
    Only,
}

impl RemoteLine {
    /// Reads `media`; `known` gives a meaning to numbers that have none here.
    pub(crate) fn read(media: &Media<'_>, known: impl Fn(PayloadType) -> Option<Format>) -> Self {
        RemoteLine {
            kind: media.kind().into(),
            protocol: media.protocol().as_str().into(),
            is_plain_rtp: matches!(media.protocol(), Protocol::RtpAvp | Protocol::RtpAvpf),
            formats: media.formats().collect::<Vec<_>>().join(&b' ').into(),
            port: media.port(),
            codecs: read_codecs(media, known),
            direction: media.direction(),
            address: Address::read(media.connection()),
            rtcp: media.rtcp().filter(|rtcp| rtcp.port != 0).map(|rtcp| {
                let address = rtcp
                    .connection
                    .map(|connection| Address::read(Some(connection)));
                (address, rtcp.port)
            }),
            mux: Mux::read(media),
            is_bundle_only: media.has("bundle-only"),
            mid: media.typed::<Mid<'_>>().map(|mid| mid.0.into()),
            packet: Packetization {
                ptime: media.ptime().map(|ptime| ptime.0),
                maxptime: media.maxptime().map(|maxptime| maxptime.0),
            },
            voip_reports: match media.typed::<RtcpXr<'_>>() {
                Some(wanted) if wanted.has("voip-metrics") => VoipReports::Asked,
                _ => VoipReports::Unasked,
            },
            keyframes: KeyframeRequests::read(media.all()),
        }
    }

    /// Where the peer receives; `previous` is what was known of it.
    pub(crate) fn remote(&self, rtcp: Rtcp, previous: Option<&Stream>) -> Remote {
        let last = previous.and_then(|stream| stream.remote.as_ref()?.last);
        let destination = match &self.address {
            Address::Ip(ip) => Destination::At(socket(*ip, self.port)),
            Address::Held(_) | Address::Name(_) | Address::Unusable(_) | Address::Missing => {
                Destination::Held
            }
        };
        Remote {
            destination,
            rtcp: self.rtcp_address(rtcp),
            last: destination.address().or(last),
        }
    }

    /// How the peer holds, `could_receive` being false when the other side's
    /// description kept it from receiving anyway.
    pub(crate) fn hold(&self, could_receive: bool) -> Hold {
        match self.address {
            Address::Held(_) => Hold::Address,
            _ if could_receive && !self.direction.receives() => Hold::Direction,
            _ => Hold::No,
        }
    }

    fn rtcp_address(&self, rtcp: Rtcp) -> Option<SocketAddr> {
        let Address::Ip(ip) = self.address else {
            return None;
        };
        match (rtcp, &self.rtcp) {
            (Rtcp::Muxed, _) => Some(socket(ip, self.port)),
            (Rtcp::Separate, None) => Some(socket(ip, self.port.checked_add(1)?)),
            (Rtcp::Separate, Some((None, port))) => Some(socket(ip, *port)),
            (Rtcp::Separate, Some((Some(Address::Ip(ip)), port))) => Some(socket(*ip, *port)),
            (Rtcp::Separate, Some((Some(_), _))) => None,
        }
    }
}

impl Address {
    fn read(connection: Option<Connection<'_>>) -> Self {
        let Some(connection) = connection else {
            return Address::Missing;
        };
        let family = connection.address_type;
        match connection.host {
            _ if connection.is_hold() => Address::Held(family),
            Host::Name(name) => Address::Name(name.into()),
            Host::Ip(ip) => match ip.to_canonical() {
                ip if ip.is_unspecified() => Address::Held(family),
                ip if is_unusable(ip) => Address::Unusable(ip),
                ip => Address::Ip(ip),
            },
        }
    }
}

impl Mux {
    fn read(media: &Media<'_>) -> Self {
        // RFC 8858 §3: both attributes stand together; the stronger one counts.
        if media.typed::<RtcpMuxOnly>().is_some() {
            Mux::Only
        } else if media.typed::<RtcpMux>().is_some() {
            Mux::Yes
        } else {
            Mux::No
        }
    }
}

/// The formats with a meaning, each number once, in order.
fn read_codecs(media: &Media<'_>, known: impl Fn(PayloadType) -> Option<Format>) -> Vec<Codec> {
    let mut codecs: Vec<Codec> = Vec::new();
    for number in media.payload_types() {
        let is_new = |number: &PayloadType| codecs.iter().all(|codec| codec.number != *number);
        if let Some(format) = is_new(&number)
            .then(|| media.format(number).or_else(|| known(number)))
            .flatten()
        {
            codecs.push(Codec { number, format });
        }
    }
    codecs
}

/// Multicast and broadcast need rules that unicast does not have
/// (RFC 3264 §5.2), 0/8 and 240/4 reach nobody; nor are they reached, or
/// loopback, by way of an IPv6 address that a translator would take apart.
fn is_unusable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.octets()[0] == 0 || ip.octets()[0] >= 240,
        IpAddr::V6(ip) => {
            let hides = |inner: Ipv4Addr| inner.is_loopback() || is_unusable(inner.into());
            ip.is_multicast() || embedded_v4(ip).is_some_and(hides)
        }
    }
}
