//! The `m=` line itself: port, protocol, formats.

use alloc::format;

use talkpath_wire::PayloadType;

use super::{Report, Rule, shown};
use crate::media::{Media, payload_type};
use crate::media_line::Protocol;
use crate::token::number;

pub(super) fn check(media: &Media<'_>, report: &mut Report) {
    let line = media.line().number();
    if media.formats().next().is_none() {
        let message = "no formats; list at least one, also where the port is 0";
        report.add(line, Rule::NoFormats, message);
    }
    let own = media
        .first(b'c')
        .or_else(|| media.section().description.session().first(b'c'));
    if own.is_none() && media.port() != 0 {
        let message = "no c= line here or in the session; add c=IN IP4 <address>";
        report.add(line, Rule::MissingConnection, message);
    }
    protocol(media, report);
    // In a refused slot the formats mean nothing (RFC 3264 §6).
    if media.protocol().is_rtp() && media.port() != 0 {
        odd_port(media, report);
        formats(media, report);
    }
}

/// Protocols of the registry that are no variants of [`Protocol`].
const REGISTERED: [&str; 22] = [
    "udp",
    "UDP",
    "TCP",
    "vat",
    "rtp",
    "UDPTL",
    "TCP/RTP/AVP",
    "TCP/TLS",
    "TCP/TLS/RTP/SAVP",
    "TCP/TLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",
    "TCP/MSRP",
    "TCP/TLS/MSRP",
    "TCP/BFCP",
    "TCP/TLS/BFCP",
    "UDP/BFCP",
    "UDP/TLS/BFCP",
    "UDP/TLS/UDPTL",
    "UDP/DTLS/SCTP",
    "TCP/DTLS/SCTP",
    "DTLS/SCTP",
];

fn protocol(media: &Media<'_>, report: &mut Report) {
    if let Protocol::Other(text) = media.protocol()
        && !REGISTERED.contains(&text)
    {
        let message = format!("{} is no registered protocol", shown(text.as_bytes()));
        report.add(media.line().number(), Rule::UnknownProtocol, message);
    }
}

fn odd_port(media: &Media<'_>, report: &mut Report) {
    let alone = !media.has("rtcp-mux") && !media.has("rtcp");
    if media.port() % 2 == 1 && alone {
        let message = format!(
            "RTP on odd port {}: some peers send RTCP to {}; say a=rtcp or a=rtcp-mux",
            media.port(),
            media.port() - 1
        );
        report.add(media.line().number(), Rule::OddRtpPort, message);
    }
}

fn formats(media: &Media<'_>, report: &mut Report) {
    let line = media.line().number();
    let mut seen = [false; 128];
    for format in media.formats() {
        let Some(payload_type) = payload_type(format) else {
            let text = shown(format);
            let all_digits = number(format).is_some() || format.iter().all(u8::is_ascii_digit);
            let (rule, message) = if all_digits {
                (
                    Rule::PayloadTypeRange,
                    format!("payload type {text} is above 127; ignored"),
                )
            } else {
                (
                    Rule::FormatNotNumber,
                    format!("{text} is no payload type; ignored over RTP"),
                )
            };
            report.add(line, rule, message);
            continue;
        };
        let again = core::mem::replace(&mut seen[usize::from(payload_type.value())], true);
        if again {
            let message = format!("payload type {payload_type} is listed twice; list it once");
            report.add(line, Rule::DuplicateFormat, message);
            continue;
        }
        one(media, payload_type, report);
    }
}

fn one(media: &Media<'_>, payload_type: PayloadType, report: &mut Report) {
    let line = media.line().number();
    if media.format(payload_type).is_none() {
        let message = format!(
            "payload type {payload_type} has no meaning; add a=rtpmap:{payload_type} <name>/<rate>"
        );
        report.add(line, Rule::MissingRtpmap, message);
    }
    if media.has("rtcp-mux") && payload_type.collides_with_rtcp() {
        let message = format!(
            "payload type {payload_type} reads as RTCP with a=rtcp-mux; use 96 to 127 or 0 to 63"
        );
        report.add(line, Rule::RtcpCollision, message);
    } else if (72..=76).contains(&payload_type.value()) {
        let message = format!("payload type {payload_type} is reserved; use 96 to 127");
        report.add(line, Rule::ReservedPayloadType, message);
    }
}
