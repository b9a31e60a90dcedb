//! Our lines as text: the only place where negotiation writes SDP.
//!
//! `c=` stands at session level when all live slots share one address
//! (RFC 8866 §5.7); `a=rtcp` when RTCP is not where RFC 3550 §11 puts it
//! (RFC 3605 §2.1), also beside `a=rtcp-mux`, which may be declined; `rtpmap` for static payload types too (RFC 3264 §5.1).

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use talkpath_wire::PayloadType;

use super::dialogue::Identity;
use super::lease::{Demand, Lease};
use super::local_line::{Live, LocalLine, MuxLine};
use super::stream::VoipReports;
use crate::attribute::{MaxPtime, Mid, Ptime, Rtcp, RtcpMux, RtcpMuxOnly, RtcpXr, RtpMap};
use crate::{BuildError, Builder, Connection, SessionDescription};

/// The description with `version` in its `o=` line.
pub(crate) fn write(
    identity: &Identity,
    version: u64,
    timing: &[u8],
    lines: &[LocalLine],
) -> Result<SessionDescription, BuildError> {
    let Identity {
        username,
        session_id,
        address,
        session_name,
    } = identity;
    let mut builder = Builder::new(username, *session_id, version, *address);
    builder.line(b's', session_name).raw(b't', timing);
    let session_address = common_address(lines, *address);
    if let Some(ip) = session_address {
        builder.connection(&Connection::new(ip));
    }
    for line in lines {
        write_line(&mut builder, line);
        if session_address.is_none() {
            let ip = line.lease().map_or(*address, |lease| lease.rtp.ip());
            builder.connection(&Connection::new(ip));
        }
    }
    builder.finish()
}

/// Whether the lines can be written whatever ports they will be given.
pub(crate) fn check(
    identity: &Identity,
    timing: &[u8],
    lines: &[LocalLine],
) -> Result<(), BuildError> {
    let widest = IpAddr::V6(Ipv6Addr::from([0xff; 16]));
    let mut lines = lines.to_vec();
    for line in &mut lines {
        if let Demand::Lease(..) = line.demand() {
            line.resolve(Some(Lease {
                rtp: SocketAddr::new(widest, 65535),
                rtcp: Some(65534),
            }));
        }
    }
    write(identity, u64::MAX, timing, &lines).map(drop)
}

/// The address that all live slots share; our own when there is none.
fn common_address(lines: &[LocalLine], own: IpAddr) -> Option<IpAddr> {
    let mut addresses = lines
        .iter()
        .filter_map(LocalLine::lease)
        .map(|lease| lease.rtp.ip());
    let first = addresses.next().unwrap_or(own);
    addresses.all(|ip| ip == first).then_some(first)
}

fn write_line(builder: &mut Builder, line: &LocalLine) {
    let lease = line.lease();
    let port = lease.map_or(0, |lease| lease.rtp.port());
    let mut value = alloc::format!("{} {port} {} ", line.kind, line.protocol).into_bytes();
    let formats = line.formats();
    value.extend_from_slice(if formats.is_empty() { b"0" } else { &formats });
    builder.media_raw(value);
    if let (Some(live), Some(lease)) = (line.live(), lease) {
        if let Some(mid) = &line.mid {
            builder.attribute(&Mid(mid));
        }
        write_live(builder, live, lease);
    }
}

fn write_live(builder: &mut Builder, live: &Live, lease: Lease) {
    for codec in &live.codecs {
        builder.attribute(&RtpMap::of(codec.number, &codec.format));
        if !codec.format.fmtp.is_empty() {
            write_fmtp(builder, codec.number, &codec.format.fmtp);
        }
    }
    if let Some(ptime) = live.ptime {
        builder.attribute(&Ptime(ptime));
    }
    if let Some(maxptime) = live.maxptime {
        builder.attribute(&MaxPtime(maxptime));
    }
    builder.direction(live.direction);
    if live.mux != MuxLine::Silent {
        builder.attribute(&RtcpMux);
    }
    if live.mux == MuxLine::MuxOnly {
        builder.attribute(&RtcpMuxOnly);
    }
    if live.voip_reports == VoipReports::Asked {
        builder.attribute(&RtcpXr::VOIP_METRICS);
    }
    for line in live.keyframes.lines() {
        builder.attribute(&line);
    }
    if let Some(port) = rtcp_port(live.mux, lease) {
        builder.attribute(&Rtcp {
            port,
            connection: None,
        });
    }
}

/// The port to name for RTCP that is not multiplexed, where RFC 3550 §11
/// would not find it.
fn rtcp_port(mux: MuxLine, lease: Lease) -> Option<u16> {
    match mux {
        // RFC 8858 §4.2: with rtcp-mux-only the two would have to be equal.
        MuxLine::MuxOnly | MuxLine::Agreed => None,
        // RFC 5761 §5.1.1: a peer that declines to multiplex would send to the
        // next port, and once that is given back it is another call's.
        MuxLine::Silent | MuxLine::Mux => {
            let port = lease.rtcp.unwrap_or(lease.rtp.port());
            (lease.rtp.port().checked_add(1) != Some(port)).then_some(port)
        }
    }
}

fn write_fmtp(builder: &mut Builder, number: PayloadType, parameters: &[u8]) {
    let mut value = alloc::format!("fmtp:{number} ").into_bytes();
    value.extend_from_slice(parameters);
    builder.raw(b'a', value);
}
